"""Who comes in time, and what follows for who does not. Pure.

Whose no-show it is, when none is counted and what an appeal does: docs/decisions/0035.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from models.booking.limits import Limits
from models.calendar import moment_text
from models.errors import BadInput, DomainError, ErrorCode

NEAR_METRES = 500
"""A large hall and its car park, and what a phone is off indoors."""
LONGEST_WORDS = 300
"""Of an appeal, and of the answer to it."""


class AttendanceState(StrEnum):
    EXPECTED = "EXPECTED"
    CAME = "CAME"
    NO_SHOW = "NO_SHOW"  # counted, whether or not there was time left to release
    EXCUSED = "EXCUSED"  # nobody could have come in, or the line was cancelled


class Fate(StrEnum):
    """What is to be done about a line whose time to come has run out."""

    WAIT = "WAIT"
    CAME = "CAME"
    EXCUSE = "EXCUSE"
    RELEASE = "RELEASE"  # a no-show, and what is left of the slot is somebody else's
    COUNT = "COUNT"  # a no-show of a slot that is over


def fate_of(
    *,
    late_at: datetime,
    ends_at: datetime,
    has_entered: bool,
    is_cancelled: bool,
    had_entrance: bool,
    now: datetime,
) -> Fate:
    """`had_entrance`: a gate or a desk of the venue read some code that day before the slot was over. Without that
    nobody could have come in, or nobody would know: while the slot goes on we wait for it, after that all are excused.
    """
    if is_cancelled:
        return Fate.EXCUSE
    if has_entered:
        return Fate.CAME
    if now < late_at:
        return Fate.WAIT
    if not had_entrance:
        return Fate.WAIT if now < ends_at else Fate.EXCUSE
    return Fate.RELEASE if now < ends_at else Fate.COUNT


def late_at(starts_at: datetime, ends_at: datetime, limits: Limits, *, confirmed_at: datetime) -> datetime | None:
    """From when on nobody is waited for; None where nobody is, or where it would be over by then. Who books or pays
    after the start has their minutes from there."""
    if limits.check_in_minutes is None:
        return None
    late = max(starts_at, confirmed_at) + timedelta(minutes=limits.check_in_minutes)
    return late if late < ends_at else None


@dataclass(frozen=True, slots=True)
class PauseTerms:
    """So many no-shows within so many days are a pause of so many days."""

    no_shows: int
    within_days: int
    days: int


def pause_until(
    terms: PauseTerms, *, earlier: Sequence[datetime], this: datetime, now: datetime
) -> datetime | None:
    """When a pause that begins now ends; None while there are too few no-shows. `earlier` are those at this venue
    that led to no pause yet, `this` is the latest: each by when it was too late to come."""
    since = this - timedelta(days=terms.within_days)
    counted = 1 + sum(1 for each in earlier if since < each <= this)
    return now + timedelta(days=terms.days) if counted >= terms.no_shows else None


def still_stands(no_shows: int, *, after: int, was_latest: bool) -> bool:
    """Whether a pause that so many no-shows led to stands without one of them. `after`: how many the terms of the latest
    ask for; without the latest it would never have begun."""
    return not was_latest and no_shows - 1 >= after


def kept_of(price_fen: int, kept_percent: int) -> int:
    """What of a price the venue keeps, rounded half up to the fen."""
    return (price_fen * kept_percent + 50) // 100


def paused(until: datetime, *, name: str | None = None) -> DomainError:
    """`name`: a companion's, masked; why they are paused is nobody else's business."""
    if name is None:
        return DomainError(
            f"因多次预订后未到场，您在本馆的预订已暂停，到{moment_text(until)}恢复。",
            code=ErrorCode.BOOKING_PAUSED,
            next_step="如有特殊情况，可以在“我的预订”里申诉一次；也可以选择其他场馆。",
            field="lines",
        )
    return DomainError(
        f"球友{name}目前不能列入本馆的预订，到{moment_text(until)}恢复。",
        code=ErrorCode.BOOKING_PAUSED,
        next_step="请换一位球友，或请对方在自己的手机上查看原因。",
        field="lines",
    )


def helper_paused(until: datetime) -> DomainError:
    """A guardian who is paused books for no child of theirs either."""
    return DomainError(
        f"因多次预订后未到场，您在本馆替孩子预订也已暂停，到{moment_text(until)}恢复。",
        code=ErrorCode.BOOKING_PAUSED,
        next_step="可以请孩子的另一位监护人预订；如有特殊情况，可以申诉一次。",
        field="lines",
    )


def checked_words(words: str, *, field: str) -> str:
    """Raises BAD_INPUT for nothing, and for too much."""
    said = words.strip()
    if not said or len(said) > LONGEST_WORDS:
        raise BadInput(f"请用 1 到 {LONGEST_WORDS} 个字说明。", field=field)
    return said


def check_in_not_now(title: str, opens_at: datetime, late: datetime, now: datetime) -> DomainError:
    if now < opens_at:
        return DomainError(
            f"{title}还不能签到，{moment_text(opens_at)}起可以签到。",
            code=ErrorCode.CHECK_IN_NOT_NOW,
            next_step="请到时间再来。",
        )
    return DomainError(
        f"{title}已过签到时间（{moment_text(late)}）。",
        code=ErrorCode.CHECK_IN_NOT_NOW,
        next_step="请到前台说明情况。",
    )
