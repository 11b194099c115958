"""Opening hours as staff want them from a day on: what can be wrong with them, what they change, in sentences, and which
part of a booking lies outside. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from models.booking.contradictions import Place, contradictions
from models.booking.limits import Limits
from models.booking.rules import CourtFacts, grid
from models.calendar import CELL_MINUTES, clock_text, day_text, instant_of, minute_of_day
from models.errors import BadInput, DomainError, ErrorCode
from models.venues.openness import WEEKLY_HOURS
from models.venues.rules import DAY_MINUTES, Opening, openings_on

LONGEST_NOTE = 200
FARTHEST = timedelta(days=366)
MOST_A_DAY = 4
"""Openings of one sport on one day: a morning, a noon, an afternoon and an evening."""
_WEEKDAYS = "一二三四五六日"


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursWanted:
    """All of a venue's hours, from a day on; until `to_day` (the first on which they hold no more), or until others are
    written."""

    openings: Sequence[Opening]
    from_day: date
    to_day: date | None = None
    note: str


class Standing(NamedTuple):
    """The hours that hold on the day from which others shall."""

    number: int
    """0: the files'."""
    to_day: date | None
    openings: Sequence[Opening]
    last_number: int
    later: Sequence[tuple[int, date]]
    """Versions, with their first days, that begin after that day."""


class Booked(NamedTuple):
    """A booking that would lie outside, wholly or in part."""

    order_no: str
    court_name: str  # of a session the pool's
    starts_at: datetime
    ends_at: datetime
    people: int
    paid: bool


def check_itself(wanted: HoursWanted, sports: Collection[str], today: date) -> None:
    """Raises BAD_INPUT with the first thing that is wrong. `sports`: what is played on the venue's courts."""
    if not 1 <= len(wanted.note.strip()) <= LONGEST_NOTE:
        raise BadInput(
            "改开放时间要有说明（200字以内）。", next_step="请写明为什么修改，日后查得到。", field="note"
        )
    if not today <= wanted.from_day <= today + FARTHEST:
        raise BadInput("开始日期要从今天起，在一年之内。", next_step="请改正日期。", field="fromDay")
    if wanted.to_day is not None and wanted.to_day <= wanted.from_day:
        raise BadInput("结束日期要晚于开始日期，否则没有一天用得上。", next_step="请改正日期。", field="untilDay")
    for opening in wanted.openings:
        _check_opening(opening, sports)
    if not any(opening.sport_code == "" for opening in wanted.openings):
        raise _refused("没有写全馆的开放时间。", "请写明一周里全馆哪几天、几点到几点开放。")
    _check_together(wanted.openings)


def _check_opening(opening: Opening, sports: Collection[str]) -> None:
    opens, closes = opening.opens_minute, opening.closes_minute
    if not 0 <= opening.weekday <= 6:
        raise _refused("星期要在周一到周日之间。", "请改正。")
    if opens % CELL_MINUTES or closes % CELL_MINUTES:
        raise _refused("开门和关门要在整点或半点。", "请改正时间。")
    if not (0 <= opens < DAY_MINUTES and 0 <= closes <= DAY_MINUTES):
        raise _refused("开放时间要在0:00到24:00之间。", "请改正时间。")
    if closes <= opens:
        raise _refused(f"{_said(opening)}：跨过了零点。", "请分成两段：当天到24:00，次日从00:00起。")
    if opening.sport_code and opening.sport_code not in sports:
        raise _refused("本馆没有这个项目的场地或场次。", "请从本馆的项目里选。")


def _check_together(openings: Sequence[Opening]) -> None:
    in_order = sorted(openings, key=lambda each: (each.sport_code, each.weekday, each.opens_minute))
    for one, other in pairwise(in_order):
        same_day = (one.sport_code, one.weekday) == (other.sport_code, other.weekday)
        if same_day and other.opens_minute < one.closes_minute:
            raise _refused(f"{_said(one)}和{_said(other)}重叠。", "请合成一段，或改成首尾相接。")
    for sport, weekday in {(each.sport_code, each.weekday) for each in openings}:
        if len(openings_of_day(openings, weekday, sport)) > MOST_A_DAY:
            raise _refused(f"一天最多分成{MOST_A_DAY}段。", "请合并相邻的时段。")


def openings_of_day(openings: Iterable[Opening], weekday: int, sport_code: str) -> list[tuple[int, int]]:
    """As written for just that sport (empty: the whole venue)."""
    return sorted(
        (each.opens_minute, each.closes_minute)
        for each in openings
        if (each.weekday, each.sport_code) == (weekday, sport_code)
    )


def check_new(wanted: HoursWanted, stands: Standing) -> None:
    """Raises BAD_INPUT where nothing would be otherwise."""
    if (sorted(wanted.openings), wanted.to_day) == (sorted(stands.openings), stands.to_day):
        raise _refused("和现在一样，没有要改的。", "请先修改，再预览。")


def check_courts(wanted: HoursWanted, courts: Iterable[CourtFacts], limits: Mapping[str, Limits]) -> None:
    """Raises BAD_INPUT for hours in which not one slot of some court fits, RULES_INVALID with the sentence of
    `contradictions` where the rules of that day (`limits`, by sport) would let nobody book it."""
    for court in courts:
        week = _week_of(wanted.openings, court.sport_code)
        if not any(True for _ in grid(week, court.slot_minutes)):
            raise _refused(
                f"按这样的开放时间，{court.name}连一场（{court.slot_minutes}分钟）也排不下，谁也订不了。",
                "请加长开放时间，或先缩短每场的时间、停用这片场地。",
            )
        place = Place([(court, week)])
        said = contradictions(limits[court.sport_code], place, from_day=wanted.from_day, to_day=wanted.to_day)
        first = next(said, None)
        if first is not None:
            raise DomainError(
                f"{court.name}：{first}",
                code=ErrorCode.RULES_INVALID,
                next_step="请改正开放时间，或先修改预订规则。",
                field="openings",
            )


def _week_of(openings: Sequence[Opening], sport_code: str) -> list[tuple[int, int]]:
    return [each for weekday in range(7) for each in openings_on(openings, weekday, sport_code)]


def outside(
    openings: Sequence[Opening], sport_code: str, starts_at: datetime, ends_at: datetime, day: date
) -> list[tuple[datetime, datetime]]:
    """The parts of a time on a local day in which that sport is not open."""
    at = minute_of_day(starts_at)
    last = at + (ends_at - starts_at) // timedelta(minutes=1)
    parts = []
    for opens, closes in openings_on(openings, day.weekday(), sport_code):
        if closes <= at:
            continue
        if opens >= last:
            break
        if opens > at:
            parts.append((at, opens))
        at = closes
    if at < last:
        parts.append((at, last))
    return [(instant_of(day, first), instant_of(day, end)) for first, end in parts]


def sentences(wanted: HoursWanted, stands: Standing, sports: Mapping[str, str]) -> Iterator[str]:
    """What changes: old → new, days with the same change in one. `sports`: their names."""
    codes = sorted({each.sport_code for each in (*wanted.openings, *stands.openings)})
    for sport in codes:
        days: dict[tuple[str, str], list[str]] = {}
        for weekday in range(7):
            was, now = (_day_told(each, weekday, sport) for each in (stands.openings, wanted.openings))
            if was != now:
                days.setdefault((was, now), []).append(f"周{_WEEKDAYS[weekday]}")
        for (was, now), weekdays in days.items():
            yield f"{sports.get(sport, '')}{'、'.join(weekdays)}：{was} → {now}"
    for number, first in stands.later:
        if wanted.to_day is None or first < wanted.to_day:
            until = f"到{day_text(wanted.to_day)}之前" if wanted.to_day else "之后也"
            yield f"第{number}版开放时间原定{day_text(first)}开始，{until}改按新的开放时间。"


def _day_told(openings: Sequence[Opening], weekday: int, sport: str) -> str:
    """A sport without hours of its own in the week has those of the venue, and says so."""
    if sport and not any(each.sport_code == sport for each in openings):
        return "同全馆"
    return "、".join(_span(*each) for each in openings_of_day(openings, weekday, sport)) or "不开放"


def too_short(openings: Sequence[Opening], sports: Collection[str]) -> str | None:
    """What to know of a week in which nothing is open for long enough to be free or low for as long as 体规字〔2021〕7号
    asks; None where it could be."""
    minutes = max((sum(end - first for first, end in _week_of(openings, sport)) for sport in sports), default=0)
    if minutes >= 60 * WEEKLY_HOURS:
        return None
    hours = f"{minutes / 60:g}"
    return f"每周只开放{hours}小时，达不到体规字〔2021〕7号每周免费或低收费开放{WEEKLY_HOURS}小时的要求。"


def plans_outside(openings: Sequence[Opening], plans: Iterable[tuple[str, str, int, int]]) -> list[str]:
    """Names and times of planned sessions (sport, name, from, to) that on no day of the week lie within the hours."""
    return list(
        dict.fromkeys(
            f"{name}{_span(first, end)}"
            for sport, name, first, end in plans
            if not any(opens <= first and end <= closes for opens, closes in _week_of(openings, sport))
        )
    )


def promise(outside_: int) -> str:
    """What becomes of whoever booked, in a sentence."""
    if not outside_:
        return "已有的预订不受影响。"
    return f"已有{outside_}个预订在新的开放时间之外，保存后会逐一通知本人，由他们改期或者全额退款。"


def _said(opening: Opening) -> str:
    return f"周{_WEEKDAYS[opening.weekday]}{_span(opening.opens_minute, opening.closes_minute)}"


def _span(first: int, end: int) -> str:
    return f"{clock_text(first)}–{clock_text(end)}"


def _refused(sentence: str, next_step: str) -> BadInput:
    return BadInput(sentence, next_step=next_step, field="openings")
