"""What a slot is, when it can be booked and why not. Pure.

A slot is a court for a span of whole cell steps inside one opening of one day. The grid starts at the opening
and goes on in steps of the court's slot length.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from models.booking.limits import Limits, released_at
from models.calendar import (
    CELL_MINUTES,
    MOST_DAYS_AWAY,
    business_day,
    clock_text,
    instant_of,
    length_text,
    minute_of_day,
    moment_text,
    span_text,
)
from models.errors import BadInput, DomainError, ErrorCode
from models.venues.explaining import PricePart, parts_of
from models.venues.rules import HalfHours, PricedSlot, PriceKind, price_of


class SlotStatus(StrEnum):
    AVAILABLE = "AVAILABLE"
    TAKEN = "TAKEN"
    PAST = "PAST"
    NOT_RELEASED = "NOT_RELEASED"
    DRAW = "DRAW"  # a draw gives it out, and is not done yet
    CLOSED = "CLOSED"  # the venue, the sport or the court is closed for that time
    TOO_LATE = "TOO_LATE"  # begins sooner than the venue takes bookings


class CourtFacts(NamedTuple):
    """What booking needs to know of a court."""

    id: int
    public_id: str
    name: str
    sport_code: str
    slot_minutes: int
    max_people: int
    part_ids: tuple[int, ...]


class SlotTaken(DomainError):
    """Some order holds one of the cells. `blocking_order_ids` are those that do, for ending overdue holds. `is_own`:
    all of them are the booker's, who asked twice and must not hear that somebody else was faster."""

    code = ErrorCode.SLOT_TAKEN

    def __init__(self, title: str, blocking_order_ids: Sequence[int], *, is_own: bool = False) -> None:
        if is_own:
            sentence, next_step = (
                f"{title}已经在您的订单里了。",
                "请打开“我的订单”查看；还没有付款的，请尽快付款。",
            )
        else:
            sentence, next_step = f"{title}刚刚被别人订走了。", "请换一个时段或场地。"
        super().__init__(sentence, next_step=next_step, field="lines")
        self.blocking_order_ids = tuple(blocking_order_ids)


def grid(openings: Sequence[tuple[int, int]], slot_minutes: int) -> Iterator[tuple[int, int]]:
    """The slots of a day as (from, to) local minutes; what is left over at the end of an opening is no slot."""
    for opens, closes in openings:
        yield from (
            (start, start + slot_minutes) for start in range(opens, closes - slot_minutes + 1, slot_minutes)
        )


def half_hour_bits(start: int, end: int) -> int:
    """Those between two local minutes: a bit for each of the day's 48, the first after midnight the lowest."""
    return (1 << end // CELL_MINUTES) - (1 << start // CELL_MINUTES)


def too_late_at(starts_at: datetime, notice: timedelta) -> datetime:
    """The first instant that leaves less notice than the venue wants."""
    return starts_at - notice + timedelta.resolution


def status_of(
    *, starts_at: datetime, taken: bool, released: datetime, now: datetime, notice: timedelta = timedelta()
) -> SlotStatus:
    if starts_at <= now:
        return SlotStatus.PAST
    if taken:
        return SlotStatus.TAKEN
    if now >= too_late_at(starts_at, notice):
        return SlotStatus.TOO_LATE
    return SlotStatus.AVAILABLE if released <= now else SlotStatus.NOT_RELEASED


class Slot(NamedTuple):
    """One cell of the grid that a citizen sees."""

    starts_at: datetime
    ends_at: datetime
    status: SlotStatus
    price_fen: int
    price_kind: PriceKind
    price_label: str
    price_is_demonstration: bool
    price_explanation: tuple[PricePart, ...]


class Offer(NamedTuple):
    """A slot as every court of a kind offers it: what to show where it is free, and where a part of it is held.

    `half_hours` are those that it covers: a bit for each of the day's 48, the first after midnight the lowest.
    """

    half_hours: int
    free: Slot
    taken: Slot

    def drawn_for(self) -> Slot:
        """What to show where it is not held, and a draw gives it out."""
        given_out = self.free.status in (SlotStatus.AVAILABLE, SlotStatus.NOT_RELEASED)
        return self.free._replace(status=SlotStatus.DRAW) if given_out else self.free


class Time(NamedTuple):
    """When a slot of the grid is, and what its status is where nobody holds it."""

    first_half_hour: int
    last_half_hour: int  # the first after it
    starts_at: datetime
    ends_at: datetime
    status: SlotStatus


def times(
    *,
    midnight: datetime,
    openings: Sequence[tuple[int, int]],
    slot_minutes: int,
    released: datetime,
    now: datetime,
    notice: timedelta = timedelta(),
) -> list[Time]:
    """A day's grid, for all courts with these openings and this length of slots."""
    grid_times = []
    for start, end in grid(openings, slot_minutes):
        starts_at = midnight + timedelta(minutes=start)
        status = status_of(starts_at=starts_at, taken=False, released=released, now=now, notice=notice)
        ends_at = midnight + timedelta(minutes=end)
        grid_times.append(Time(start // CELL_MINUTES, end // CELL_MINUTES, starts_at, ends_at, status))
    return grid_times


Cost = tuple[int, PriceKind, str, bool, tuple[PricePart, ...]]
"""The last five fields of a slot: what it costs, and why."""


def offers(grid_times: Sequence[Time], prices: HalfHours, *, year_known: bool = True) -> list[Offer]:
    """The slots of one kind of court at its prices. An unpriced slot is not shown: it cannot be sold."""
    costs: dict[tuple[int, ...], Cost | None] = {}  # most lie in the same windows
    offered = []
    for first, last, starts_at, ends_at, status in grid_times:
        deciding = tuple(map(id, prices[first:last]))
        if deciding not in costs:
            span = first * CELL_MINUTES, last * CELL_MINUTES
            costs[deciding] = _cost(price_of(prices, *span), parts_of(prices, *span, year_known=year_known))
        cost = costs[deciding]
        if cost is None:
            continue
        free = taken = Slot(starts_at, ends_at, status, *cost)
        if status is not SlotStatus.PAST:
            taken = Slot(starts_at, ends_at, SlotStatus.TAKEN, *cost)
        offered.append(Offer((1 << last) - (1 << first), free, taken))
    return offered


def _cost(price: PricedSlot, parts: tuple[PricePart, ...]) -> Cost | None:
    """As a slot tells it; None for what cannot be sold."""
    if price.not_priced:
        return None
    return price.price_fen, price.kind, price.label, price.provenance != "PUBLISHED", parts


def slot_title(court_name: str, starts_at: datetime, ends_at: datetime) -> str:
    """羽毛球1号场 11月21日 09:00–10:00"""
    return f"{court_name} {span_text(starts_at, ends_at)}"


def check_bookable(
    *,
    court: CourtFacts,
    starts_at: datetime,
    people: int,
    openings: Sequence[tuple[int, int]],
    limits: Limits,
    now: datetime,
) -> tuple[int, int]:
    """The slot's (from, to) local minutes, or the refusal that names the rule and when it lifts."""
    day = business_day(starts_at)
    start = minute_of_day(starts_at)
    slot = next((slot for slot in grid(openings, court.slot_minutes) if slot[0] == start), None)
    if slot is None or instant_of(day, start) != starts_at:
        raise DomainError(
            f"{court.name}没有{moment_text(starts_at)} 开始的时段。",
            code=ErrorCode.SLOT_UNKNOWN,
            next_step="请在场地时段表里重新选择。",
            field="lines",
        )
    title = slot_title(court.name, starts_at, instant_of(day, slot[1]))
    if starts_at <= now:
        raise DomainError(
            f"{title}已经开始或已过去。",
            code=ErrorCode.SLOT_PAST,
            next_step="请选择之后的时段。",
            field="lines",
        )
    _check_people(title, people, court, limits)  # first what no waiting mends
    opens, last = released_at(day, limits), starts_at - timedelta(minutes=limits.notice_minutes)
    if now > last:
        raise _too_late(title, limits, now)
    if opens > last or opens >= starts_at:
        raise _never(title, limits)
    if opens > now:
        raise DomainError(
            f"{title}还没有开放预订，本馆提前{limits.days_ahead}天、{clock_text(limits.release_minute)}开放。",
            code=ErrorCode.SLOT_NOT_RELEASED,
            next_step=f"请在{moment_text(opens)}之后再来。",
            field="lines",
            retry_after=seconds_until(opens, now),
        )
    return slot


def seconds_until(instant: datetime, now: datetime) -> int:
    """Whole seconds after which it has come."""
    return -((now - instant) // timedelta(seconds=1))


def _too_late(title: str, limits: Limits, now: datetime) -> DomainError:
    notice = timedelta(minutes=limits.notice_minutes)
    return DomainError(
        f"{title}已过预订截止时间，本馆最晚提前{length_text(notice)}预订。",
        code=ErrorCode.BOOKED_TOO_LATE,
        next_step=f"请选择{moment_text(now + notice + timedelta(minutes=1))}之后开始的时段，或到前台询问。",
        field="lines",
    )


def _never(title: str, limits: Limits) -> DomainError:
    return DomainError(
        f"{title}不能网上预订：当天的时段到{clock_text(limits.release_minute)}才开放。",
        code=ErrorCode.BOOKED_TOO_LATE,
        next_step="请选择较晚的时段，或到前台询问。",
        field="lines",
    )


def _check_people(title: str, people: int, court: CourtFacts, limits: Limits) -> None:
    most = limits.most_on(court.max_people)
    if people < 1:
        raise BadInput(f"{title}的人数至少为 1。", next_step="请填写实际到场人数。", field="lines")
    if people > most:
        raise DomainError(
            f"{title}最多{most}人。",
            code=ErrorCode.TOO_MANY_PEOPLE,
            next_step="请减少人数，或再订一片场地。",
            field="lines",
        )
    if people < limits.fewest_players:
        raise DomainError(
            f"{title}至少{limits.fewest_players}人。",
            code=ErrorCode.TOO_FEW_PEOPLE,
            next_step="请约齐人数后再订，或选择较小的场地。",
            field="lines",
        )


def check_day(day: date, now: datetime) -> None:
    if abs((day - business_day(now)).days) > MOST_DAYS_AWAY:
        raise _day_out_of_range()


def _day_out_of_range() -> BadInput:
    return BadInput("日期超出可查询的范围。", next_step="请选择近期的日期。", field="date")


def aware(instant: datetime) -> datetime:
    """An instant from outside in UTC. Raises BAD_INPUT when it has no zone (nine o'clock where?) or no UTC."""
    if instant.tzinfo is None:
        raise BadInput(
            "时间缺少时区。", next_step="请使用带时区的时间，例如 2026-11-21T09:00:00+08:00。", field="startsAt"
        )
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise _day_out_of_range() from None
