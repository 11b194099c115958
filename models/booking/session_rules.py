"""What a session (场次) is: a timed admission with so many places, by a weekly plan. Pure.

A pool's capacity is bound by its water and by who watches over it: GB 19079.1-2013.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import combinations
from typing import NamedTuple, TypeVar

from models.booking.limits import Limits, released_at
from models.booking.rules import SlotStatus, slot_title
from models.calendar import clock_text, day_text, instant_of, moment_text
from models.errors import BadInput, DomainError, ErrorCode
from models.ids import stable_id
from models.money import yuan_text
from models.venues.days import Day, DayKind, WindowDays, day_rules_of, days_text, is_day_rule, window_days_of
from models.venues.rules import DAY_MINUTES, LABELS, PriceKind

POOL_SPORTS = frozenset({"SWIMMING"})
TENTHS_OF_M2_A_SWIMMER = 25
"""2.5 m² of water a person (GB 19079.1-2013)."""
LAST_SALE = timedelta(minutes=30)
"""So long before the end of a session its last place is sold, on the phone as at the desk."""
LIVE_FOR = timedelta(minutes=15)
"""An older count of a gate is not a live one any more: it is shown as old, and takes no places."""
MOST_CAPACITY = 5000
MOST_PLACES_A_PERSON = 10


class Ticket(StrEnum):
    """Whom a place is for (票种). Who comes on another ticket than an adult's shows at the door why."""

    ADULT = "ADULT"
    CHILD = "CHILD"
    STUDENT = "STUDENT"
    SENIOR = "SENIOR"


TICKET_WORDS = {
    Ticket.ADULT: "成人票",
    Ticket.CHILD: "儿童票",
    Ticket.STUDENT: "学生票",
    Ticket.SENIOR: "老年票",
}


class TicketPrice(NamedTuple):
    """What one person pays. A price of nothing says that it is free (FREE), and FREE costs nothing."""

    ticket: str
    kind: str  # FREE, LOW, MARKET
    price_fen: int
    provenance: str

    @property
    def label(self) -> str:
        """成人票·市场价"""
        return f"{TICKET_WORDS[Ticket(self.ticket)]}·{LABELS[PriceKind(self.kind)]}"


class Plan(NamedTuple):
    """One session of one kind of day (models.booking.tables.SessionPlan), for all days from `valid_from` on."""

    sport_code: str
    name: str
    day_kind: str
    from_minute: int
    to_minute: int
    area_m2: int
    lifeguards: int
    capacity: int
    places_a_person_a_day: int
    valid_from: date
    valid_to: date | None
    prices: tuple[TicketPrice, ...] = ()

    def is_valid_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


def lifeguards_needed(area_m2: int) -> int:
    """3 up to 250 m² of water, one more for each further 250 m² or part of it (GB 19079.1-2013)."""
    return 3 + max(0, -(-(area_m2 - 250) // 250))


def swimmers_at_most(area_m2: int) -> int:
    """How many people so much water takes."""
    return area_m2 * 10 // TENTHS_OF_M2_A_SWIMMER


def check_plan(plan: Plan) -> None:
    """What cannot be is refused when it is saved or imported, with the sentence that says why. Raises BAD_INPUT."""
    title = f"{plan.name} {clock_text(plan.from_minute)}–{clock_text(plan.to_minute)}"
    if not 0 <= plan.from_minute < plan.to_minute <= DAY_MINUTES:
        raise BadInput(
            f"{title}：场次要在同一天内开始和结束，不能跨过零点。",
            next_step="请在零点处分成两个场次。",
            field="toMinute",
        )
    if plan.valid_to is not None and plan.valid_to <= plan.valid_from:
        raise BadInput(f"{title}：结束日期要在开始日期之后。", next_step="请核对日期。", field="validTo")
    if not 1 <= plan.capacity <= MOST_CAPACITY:
        raise BadInput(f"{title}：容量应为1到{MOST_CAPACITY}人。", next_step="请核对容量。", field="capacity")
    if plan.area_m2 < 1:
        raise BadInput(f"{title}：请填写面积（平方米）。", field="areaM2")
    if not 1 <= plan.places_a_person_a_day <= MOST_PLACES_A_PERSON:
        raise BadInput(f"{title}：每人每天的名额应为1到{MOST_PLACES_A_PERSON}个。", field="placesAPersonADay")
    if plan.sport_code in POOL_SPORTS:
        _check_pool(plan, title)
    _check_prices(plan.prices, title)


def _check_pool(plan: Plan, title: str) -> None:
    most = swimmers_at_most(plan.area_m2)
    if plan.capacity > most:
        raise BadInput(
            f"{title}：{plan.area_m2}平方米的水面最多容纳{most}人（人均不少于2.5平方米，GB 19079.1），"
            f"填写的容量是{plan.capacity}人。",
            next_step=f"请把容量改为不超过{most}人。",
            field="capacity",
        )
    needed = lifeguards_needed(plan.area_m2)
    if plan.lifeguards < needed:
        raise BadInput(
            f"{title}：{plan.area_m2}平方米的水面至少要有{needed}名救生员（GB 19079.1），填写的是{plan.lifeguards}名。",
            next_step="请增加救生员，或缩小开放的水面。",
            field="lifeguards",
        )


def _check_prices(prices: Sequence[TicketPrice], title: str) -> None:
    if not prices:
        raise BadInput(f"{title}：还没有票价。", next_step="请至少填写一种票。", field="prices")
    if len({price.ticket for price in prices}) < len(prices):
        raise BadInput(f"{title}：同一种票写了两次。", next_step="请去掉重复的票种。", field="prices")
    for price in prices:
        if price.price_fen < 0 or (price.price_fen == 0) != (price.kind == PriceKind.FREE):
            raise BadInput(
                f"{title}：{TICKET_WORDS[Ticket(price.ticket)]}的价格是{yuan_text(price.price_fen)}。"
                "只有免费场次的价格是0元，免费场次也只能是0元。",
                next_step="请改价格，或改为免费。",
                field="prices",
            )


def check_together(plans: Iterable[Plan]) -> None:
    """One pool has one session at a time: of one kind of day, no two of it overlap. Raises BAD_INPUT."""
    for one, other in combinations(plans, 2):
        if (one.sport_code, one.name, one.day_kind) == (other.sport_code, other.name, other.day_kind) and (
            _overlap(one, other) and _meet(one, other)
        ):
            raise BadInput(
                f"{one.name}的两个场次重叠：{clock_text(one.from_minute)}–{clock_text(one.to_minute)}和"
                f"{clock_text(other.from_minute)}–{clock_text(other.to_minute)}（{days_text(one.day_kind)}）。",
                next_step="请调整其中一个的时间或适用的日子。",
                field="fromMinute",
            )


def _overlap(one: Plan, other: Plan) -> bool:
    return one.from_minute < other.to_minute and other.from_minute < one.to_minute


def _meet(one: Plan, other: Plan) -> bool:
    """Whether both are in force on some day."""
    return (one.valid_to is None or other.valid_from < one.valid_to) and (
        other.valid_to is None or one.valid_from < other.valid_to
    )


def check_free_day(plans: Sequence[Plan]) -> None:
    """On 8 August, the day of sport for all, everything is free (体规字〔2021〕7号). Raises BAD_INPUT."""
    for year, kind in _EIGHTH_OF_AUGUST.items():
        for _, plan in plans_on([(None, plan) for plan in plans], Day(date(year, 8, 8), kind)):
            if any(price.price_fen for price in plan.prices):
                raise BadInput(
                    f"{plan.name} {clock_text(plan.from_minute)}–{clock_text(plan.to_minute)}在8月8日收费。"
                    "全民健身日全部免费（体规字〔2021〕7号）。",
                    next_step="请为每年8月8日写一个同样时间的免费场次。",
                    field="prices",
                )


def is_kind_of_day(days: str) -> bool:
    """The days that a plan can be for: those of a tariff's windows."""
    return days in set(WindowDays) or is_day_rule(days)


T = TypeVar("T")
_EIGHTH_OF_AUGUST = {2027: DayKind.WEEKEND, 2028: DayKind.WORKDAY}
"""One that is a Sunday and one that is a Tuesday."""


def plans_on(plans: Iterable[tuple[T, Plan]], day: Day) -> list[tuple[T, Plan]]:
    """Which plans make the sessions of a day. Where two of one pool overlap, that of the narrower kind of day stands
    and the other has no session: as with tariffs, who plans for Wednesdays means it."""
    ranks = {days: rank for rank, days in enumerate((*day_rules_of(day.date), *window_days_of(day)))}
    fitting = [(mark, plan) for mark, plan in plans if plan.day_kind in ranks and plan.is_valid_on(day.date)]
    fitting.sort(key=lambda each: (ranks[each[1].day_kind], each[1].valid_from, each[1].from_minute))
    kept: list[tuple[T, Plan]] = []
    for mark, plan in fitting:
        rivals = [other for _, other in kept if (other.sport_code, other.name) == (plan.sport_code, plan.name)]
        if not any(_overlap(plan, other) for other in rivals):
            kept.append((mark, plan))
    return sorted(kept, key=lambda each: (each[1].from_minute, each[1].sport_code, each[1].name))


class SessionTime(NamedTuple):
    """When a planned session of a day is, and the id by which it is always known."""

    public_id: str
    starts_at: datetime
    ends_at: datetime


def time_of(plan: Plan, venue_ref: str, day: date) -> SessionTime:
    """The id is made of what and when it is, so whoever makes the same session twice makes it once."""
    starts_at = instant_of(day, plan.from_minute)
    named = f"{venue_ref}:{plan.sport_code}:{plan.name}:{day}:{plan.from_minute}"
    return SessionTime(stable_id("ses", named), starts_at, instant_of(day, plan.to_minute))


class SessionFacts(NamedTuple):
    """What selling a place needs to know of a session."""

    id: int
    public_id: str
    venue_id: int
    sport_code: str
    name: str
    day: date
    starts_at: datetime
    ends_at: datetime
    capacity: int
    taken: int
    counted: int  # by gates, without a code; nothing when the count is old
    is_open: bool
    places_a_person_a_day: int
    prices: tuple[TicketPrice, ...]

    @property
    def free(self) -> int:
        """Places that can be sold now. More people than that may be inside: gates count whoever comes."""
        return max(0, self.capacity - self.taken - self.counted) if self.is_open else 0

    @property
    def title(self) -> str:
        """大众池 11月21日 14:00–16:00"""
        return slot_title(self.name, self.starts_at, self.ends_at)


def last_sale(starts_at: datetime, ends_at: datetime) -> datetime:
    """Until when a place is sold; of a short session, until its middle."""
    return max(ends_at - LAST_SALE, starts_at + (ends_at - starts_at) / 2)


def status_of(session: SessionFacts, *, limits: Limits, now: datetime) -> SlotStatus:
    """TAKEN means full, or not on sale."""
    if now >= last_sale(session.starts_at, session.ends_at):
        return SlotStatus.PAST
    if not session.free:
        return SlotStatus.TAKEN
    return SlotStatus.AVAILABLE if released_at(session.day, limits) <= now else SlotStatus.NOT_RELEASED


def ticket_of(session: SessionFacts, ticket: str) -> TicketPrice:
    """What a ticket of this kind costs. Raises TICKET_UNKNOWN."""
    for price in session.prices:
        if price.ticket == ticket:
            return price
    sold = "、".join(TICKET_WORDS[Ticket(price.ticket)] for price in session.prices)
    raise DomainError(
        f"{session.title}没有这种票，只有{sold}。",
        code=ErrorCode.TICKET_UNKNOWN,
        next_step="请重新选择票种。",
        field="lines",
    )


def check_on_sale(session: SessionFacts, *, people: int, limits: Limits, now: datetime) -> None:
    """Every rule but two, whose truth is in the row: that there is a place, and what the person has already."""
    if not session.is_open:
        raise DomainError(
            f"{session.title}暂停开放。",
            code=ErrorCode.SESSION_UNKNOWN,
            next_step="请选择其他场次。",
            field="lines",
        )
    if people < 1:
        raise BadInput(f"{session.title}的人数至少为 1。", next_step="请填写实际到场人数。", field="lines")
    ends = last_sale(session.starts_at, session.ends_at)
    if now >= ends:
        raise DomainError(
            f"{session.title}已经停止售票（{moment_text(ends)} 停售）。",
            code=ErrorCode.SLOT_PAST,
            next_step="请选择之后的场次。",
            field="lines",
        )
    opens = released_at(session.day, limits)
    if opens > now:
        raise DomainError(
            f"{session.title}还没有开放预订，本馆提前{limits.days_ahead}天、{clock_text(limits.release_minute)}开放。",
            code=ErrorCode.SLOT_NOT_RELEASED,
            next_step=f"请在{moment_text(opens)}之后再来。",
            field="lines",
        )


def too_many_places(session: SessionFacts, held: int) -> DomainError:
    """`held`: how many places of this sport the person has at this venue on the day."""
    have = f"您已有{held}个，" if held else ""
    return DomainError(
        f"{session.title}订不了这么多：每人每天在本馆最多{session.places_a_person_a_day}个名额，{have}"
        f"{day_text(session.day)}还能订{max(0, session.places_a_person_a_day - held)}个。",
        code=ErrorCode.TOO_MANY_PLACES,
        next_step=f"请减少人数，或改订{day_text(session.day + timedelta(days=1))}。",
        field="lines",
    )


class SessionFull(DomainError):
    """Not so many places are free. `session_ids` are the sessions asked for, for ending overdue holds there."""

    code = ErrorCode.SESSION_FULL

    def __init__(self, title: str, free: int, session_ids: Sequence[int]) -> None:
        message = f"{title}只剩{free}个名额。" if free else f"{title}的名额刚刚订满。"
        next_step = "请减少人数，或换一个场次。" if free else "请换一个场次。"
        super().__init__(message, next_step=next_step, field="lines")
        self.session_ids = tuple(session_ids)
