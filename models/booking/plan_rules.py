"""All sessions of one pool or hall as staff want them from a day on: what can be wrong with them, what they change, in
sentences. Pure."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from models.booking.hours_rules import FARTHEST, LONGEST_NOTE, outside
from models.booking.plan_versions import PlansVersion
from models.booking.session_rules import (
    TICKET_WORDS,
    Plan,
    Ticket,
    TicketPrice,
    check_free_day,
    check_plan,
    check_together,
    is_kind_of_day,
    plans_on,
)
from models.calendar import clock_text, day_text, instant_of
from models.errors import BadInput
from models.money import yuan_text
from models.venues.days import Day, days_text
from models.venues.rules import Opening, openings_on

MOST_SESSIONS = 30
"""Of one pool, over all kinds of day."""
LONGEST_NAME = 40
_WEEKDAYS = "一二三四五六日"


class PlannedSession(NamedTuple):
    """One session of one kind of day."""

    day_kind: str
    from_minute: int
    to_minute: int
    capacity: int
    prices: tuple[TicketPrice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlansWanted:
    """All sessions of a pool, from a day on; until `to_day` (the first on which they hold no more), or until others are
    written."""

    sport_code: str
    name: str
    area_m2: int
    lifeguards: int
    places_a_person_a_day: int
    sessions: Sequence[PlannedSession]
    from_day: date
    to_day: date | None = None
    note: str

    def plans(self) -> list[Plan]:
        return [
            Plan(
                self.sport_code,
                self.name.strip(),
                each.day_kind,
                each.from_minute,
                each.to_minute,
                self.area_m2,
                self.lifeguards,
                each.capacity,
                self.places_a_person_a_day,
                self.from_day,
                self.to_day,
                tuple(sorted(each.prices)),
            )
            for each in self.sessions
        ]

    def days(self) -> list[date]:
        """Of a year of them each, which has every kind of day."""
        count = FARTHEST.days if self.to_day is None else min(FARTHEST, self.to_day - self.from_day).days
        return [self.from_day + timedelta(days=ahead) for ahead in range(count)]


class Standing(NamedTuple):
    """What holds for a pool on the day from which other sessions shall."""

    number: int
    """0: the files'."""
    to_day: date | None
    plans: Sequence[Plan]
    last_number: int
    """Of the venue's pools together."""
    later: Sequence[PlansVersion]
    """Of the pool, that begin after that day."""


class Hours(NamedTuple):
    """Opening hours of a venue with their days. The files' are number 0, and hold where no others do."""

    number: int
    from_day: date
    to_day: date | None
    openings: Sequence[Opening]

    def reach_over(self, day: date) -> bool:
        return self.from_day <= day and (self.to_day is None or day < self.to_day)


def hours_on(hours: Iterable[Hours], day: date) -> Sequence[Opening]:
    """Those of a day; nothing where nobody said when the venue is open."""
    holding = [each for each in hours if each.reach_over(day)]
    return max(holding, key=lambda each: each.number).openings if holding else ()


def check_itself(wanted: PlansWanted, sports: Collection[str], today: date) -> None:
    """Raises BAD_INPUT with the first thing that is wrong. `sports`: what is played at the venue."""
    if not 1 <= len(wanted.note.strip()) <= LONGEST_NOTE:
        raise BadInput(
            "改场次安排要有说明（200字以内）。", next_step="请写明为什么修改，日后查得到。", field="note"
        )
    if not today <= wanted.from_day <= today + FARTHEST:
        raise BadInput("开始日期要从今天起，在一年之内。", next_step="请改正日期。", field="fromDay")
    if wanted.to_day is not None and wanted.to_day <= wanted.from_day:
        raise BadInput("结束日期要晚于开始日期，否则没有一天用得上。", next_step="请改正日期。", field="untilDay")
    if wanted.sport_code not in sports:
        raise BadInput("本馆没有这个项目。", next_step="请从本馆的项目里选。", field="sport")
    if not 1 <= len(wanted.name.strip()) <= LONGEST_NAME:
        raise BadInput("请写明是哪个泳池或场馆（40字以内）。", next_step="例如：大众池。", field="name")
    if not wanted.sessions:
        raise BadInput(
            f"{wanted.name.strip()}一周里没有任何场次。",
            next_step="请至少写一个场次；要停开，请发布停用公告。",
            field="sessions",
        )
    if len(wanted.sessions) > MOST_SESSIONS:
        raise BadInput(f"最多写{MOST_SESSIONS}个场次。", next_step="请合并相同的日子。", field="sessions")
    for each in wanted.sessions:
        if not is_kind_of_day(each.day_kind):
            raise BadInput("没有这样的日子。", next_step="请从给出的日子里选。", field="days")
    plans = wanted.plans()
    for plan in plans:
        check_plan(plan)
    check_together(plans)
    check_free_day(plans)


def check_new(wanted: PlansWanted, stands: Standing) -> None:
    """Raises BAD_INPUT where nothing would be otherwise."""
    if (_told(wanted.plans()), wanted.to_day) == (_told(stands.plans), stands.to_day):
        raise BadInput("和现在一样，没有要改的。", next_step="请先修改，再预览。", field="sessions")


def check_days(wanted: PlansWanted, days: Iterable[Day], hours: Sequence[Hours]) -> None:
    """Raises BAD_INPUT for the first session of the year that would lie outside the opening hours of its day, and for
    plans by which not one would ever be held. On a day on which nothing is open there is no session (`shut_weekdays`)."""
    plans, ever = [(None, plan) for plan in wanted.plans()], False
    for day in days:
        openings = hours_on(hours, day.date)
        for _, plan in plans_on(plans, day):
            if not is_shut(openings, plan.sport_code, day.date):
                _check_hours(plan, day.date, openings)
                ever = True
    if not ever:
        raise BadInput(
            f"按这样的安排，{wanted.name.strip()}一场也开不出来。",
            next_step="请改正场次的日子，或先修改开放时间。",
            field="sessions",
        )


def is_shut(openings: Sequence[Opening], sport_code: str, day: date) -> bool:
    """Whether the venue has opening hours, and none of them for that sport on that weekday."""
    return bool(openings) and not openings_on(openings, day.weekday(), sport_code)


def fits(plan: Plan, day: date, openings: Sequence[Opening]) -> bool:
    """Whether it lies wholly within the opening hours of a day, or nobody said when the venue is open."""
    starts_at, ends_at = instant_of(day, plan.from_minute), instant_of(day, plan.to_minute)
    return not openings or not outside(openings, plan.sport_code, starts_at, ends_at, day)


def _check_hours(plan: Plan, day: date, openings: Sequence[Opening]) -> None:
    if fits(plan, day, openings):
        return
    opened = "、".join(_span(*each) for each in openings_on(openings, day.weekday(), plan.sport_code))
    raise BadInput(
        f"{days_text(plan.day_kind)}{_span(plan.from_minute, plan.to_minute)}不在开放时间之内：{day_text(day)}"
        f"（周{_WEEKDAYS[day.weekday()]}）{opened}开放。",
        next_step="请改正场次的时间，或先为这个项目写单独的开放时间。",
        field="sessions",
    )


def sentences(wanted: PlansWanted, stands: Standing) -> Iterator[str]:
    """What changes: old → new, a sentence for each session that is otherwise."""
    was = {(plan.day_kind, plan.from_minute): plan for plan in stands.plans}
    then = {(plan.day_kind, plan.from_minute): plan for plan in wanted.plans()}
    if not was:
        yield f"{wanted.name.strip()}是新的，以前没有场次。"
    for key, plan in sorted(then.items(), key=lambda each: (each[0][1], each[0][0])):
        if key not in was:
            yield f"新增{_title(plan)}：{plan.capacity}人，{_prices(plan)}。"
        elif changed := "；".join(_changes(was[key], plan)):
            yield f"{_title(was[key])}：{changed}。"
    for key, plan in sorted(was.items(), key=lambda each: (each[0][1], each[0][0])):
        if key not in then:
            yield f"不再有{_title(plan)}。"
    for version in stands.later:
        if wanted.to_day is None or version.from_day < wanted.to_day:
            until = f"到{day_text(wanted.to_day)}之前" if wanted.to_day else "之后也"
            yield f"第{version.number}版场次安排原定{day_text(version.from_day)}开始，{until}改按新的安排。"


def shut_weekdays(wanted: PlansWanted, days: Iterable[Day], hours: Sequence[Hours]) -> str | None:
    """On which weekdays a session is planned and nothing is open."""
    plans = [(None, plan) for plan in wanted.plans()]
    shut = {
        day.date.weekday()
        for day in days
        if is_shut(hours_on(hours, day.date), wanted.sport_code, day.date) and plans_on(plans, day)
    }
    return f"{'、'.join(f'周{_WEEKDAYS[day]}' for day in sorted(shut))}不开放，没有场次。" if shut else None


def _changes(was: Plan, then: Plan) -> Iterator[str]:
    if was.to_minute != then.to_minute:
        yield f"结束 {clock_text(was.to_minute)} → {clock_text(then.to_minute)}"
    for word, unit, old, new in (
        ("容量", "人", was.capacity, then.capacity),
        ("面积", "平方米", was.area_m2, then.area_m2),
        ("救生员", "名", was.lifeguards, then.lifeguards),
        ("每人每天", "个名额", was.places_a_person_a_day, then.places_a_person_a_day),
    ):
        if old != new:
            yield f"{word} {old}{unit} → {new}{unit}"
    if sorted(price[:3] for price in was.prices) != sorted(price[:3] for price in then.prices):
        yield f"{_prices(was)} → {_prices(then)}"


def _title(plan: Plan) -> str:
    return f"{days_text(plan.day_kind)}{_span(plan.from_minute, plan.to_minute)}"


def _prices(plan: Plan) -> str:
    """成人票30.00元、儿童票免费"""
    order = list(Ticket)
    return "、".join(
        f"{TICKET_WORDS[Ticket(price.ticket)]}{yuan_text(price.price_fen) if price.price_fen else '免费'}"
        for price in sorted(plan.prices, key=lambda each: order.index(Ticket(each.ticket)))
    )


def _told(plans: Iterable[Plan]) -> list[Plan]:
    """Without days and provenance, in one order."""
    return sorted(
        plan._replace(
            valid_from=date.min,
            valid_to=None,
            prices=tuple(sorted(price._replace(provenance="") for price in plan.prices)),
        )
        for plan in plans
    )


def _span(first: int, end: int) -> str:
    return f"{clock_text(first)}–{clock_text(end)}"
