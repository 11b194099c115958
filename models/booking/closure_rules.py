"""What a closure is, what it lies over, and how early it should be announced. Pure."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from models import database
from models.booking.rules import CourtFacts
from models.calendar import business_day, moment_text
from models.errors import BadInput, DomainError, ErrorCode

NOTICE = timedelta(days=7)
"""体规字〔2021〕7号: who closes for a while says so to the public seven days before."""
LONGEST = timedelta(days=366)
LONGEST_REASON = 100


class ClosureKind(StrEnum):
    WEATHER = "WEATHER"
    EVENT = "EVENT"
    MAINTENANCE = "MAINTENANCE"
    OTHER = "OTHER"


class OfferState(StrEnum):
    """What became of a booking that a closure lies over."""

    OFFERED = "OFFERED"  # the member may choose until it begins
    MOVED = "MOVED"
    REFUNDED = "REFUNDED"
    USED = "USED"  # somebody had entered, or had not come, before it was closed
    WITHDRAWN = "WITHDRAWN"  # the closure was: the booking stands


class Closed(NamedTuple):
    """A closure as a timetable knows it. Without sport and court: the whole venue."""

    sport_code: str
    part_ids: frozenset[int]
    starts_at: datetime
    ends_at: datetime
    kind: str
    reason: str

    def over_court(self, court: CourtFacts) -> bool:
        if self.part_ids:
            return not self.part_ids.isdisjoint(court.part_ids)
        return self.over_sport(court.sport_code)

    def over_sport(self, sport_code: str) -> bool:
        """Whether what has no court (a session) of this sport is closed."""
        return not self.part_ids and self.sport_code in ("", sport_code)

    def during(self, starts_at: datetime, ends_at: datetime) -> bool:
        return self.starts_at < ends_at and starts_at < self.ends_at


def closed_in(rows: Iterable[Sequence[Any]]) -> tuple[Closed, ...]:
    """Of the timetable's rows, one for each part that a closure names: id, sport, part, start, end, kind, reason."""
    rows = list(rows)
    parts: dict[int, set[int]] = {row[0]: set() for row in rows}
    for row in rows:
        if row[2] is not None:
            parts[row[0]].add(row[2])
    one_of_each = {row[0]: row for row in rows}
    return tuple(
        Closed(sport, frozenset(parts[number]), database.utc(starts_at), database.utc(ends_at), kind, reason)
        for number, sport, _, starts_at, ends_at, kind, reason in one_of_each.values()
    )


def refuse_closed(title: str, closures: Iterable[Closed], *, starts_at: datetime, ends_at: datetime) -> None:
    """Raises SLOT_CLOSED with why and until when, if one of these lies over this time."""
    over = [each for each in closures if each.during(starts_at, ends_at)]
    if over:
        last = max(over, key=lambda each: each.ends_at)
        raise DomainError(
            f"{title}暂停开放：{last.reason}。",
            code=ErrorCode.SLOT_CLOSED,
            next_step=f"预计{moment_text(last.ends_at)}恢复，请选择之后的时段或其他场馆。",
            field="lines",
        )


def days_of(starts_at: datetime, ends_at: datetime) -> tuple[date, date]:
    """The first and the last local day that it touches."""
    return business_day(starts_at), business_day(ends_at - timedelta.resolution)


def check_closure(*, starts_at: datetime, ends_at: datetime, reason: str, now: datetime) -> None:
    """Raises BAD_INPUT for one that is over, has no length, is longer than a year, or gives people no reason."""
    if ends_at <= starts_at or ends_at <= now:
        raise BadInput("停用的结束时间应在开始时间和现在之后。", next_step="请核对时间。", field="endsAt")
    if ends_at - starts_at > LONGEST or starts_at - now > LONGEST:
        raise BadInput("停用时间太长或太远。", next_step="一次最多停用一年，且在一年之内开始。", field="endsAt")
    if not (1 <= len(reason) <= LONGEST_REASON and reason.isprintable()):
        raise BadInput(
            "请写明停用原因，市民会看到。", next_step=f"请填写1到{LONGEST_REASON}个字。", field="reason"
        )


def keeps_notice(kind: ClosureKind, starts_at: datetime, now: datetime) -> bool:
    """Weather gives no notice, so nobody else can."""
    return kind is ClosureKind.WEATHER or starts_at - now >= NOTICE


def notice_text(kind: ClosureKind, starts_at: datetime, now: datetime) -> str:
    if kind is ClosureKind.WEATHER:
        return "因天气停用，不受提前7日公告的限制。"
    if keeps_notice(kind, starts_at, now):
        return "已提前7日以上公告，符合体规字〔2021〕7号的要求。"
    return "未提前7日公告，不符合体规字〔2021〕7号的要求；仍可停用，请向市民说明情况。"
