"""What is true of waiting for a slot that is taken. Pure."""

from datetime import date, datetime
from enum import StrEnum

from models.booking.limits import Limits, released_at
from models.booking.rules import check_day
from models.calendar import clock_text, day_text, instant_of, moment_text
from models.errors import BadInput, DomainError, ErrorCode
from models.venues.rules import DAY_MINUTES


class WaitingState(StrEnum):
    WAITING = "WAITING"
    OFFERED = "OFFERED"  # a slot is held for them, until their order's time to pay is over
    TAKEN = "TAKEN"
    MISSED = "MISSED"  # they let the offer go by
    LEFT = "LEFT"
    PASSED = "PASSED"  # nothing became free in time


LIVE = (WaitingState.WAITING, WaitingState.OFFERED)
MOST_WAITING = 5
"""Live entries of one person: a place in every line would be nobody's."""


def checked_span(
    day: date, from_minute: int, until_minute: int, limits: Limits, now: datetime
) -> tuple[datetime, datetime]:
    """The instants between which a slot may begin. Raises BAD_INPUT, SLOT_PAST, SLOT_NOT_RELEASED."""
    check_day(day, now)
    if not 0 <= from_minute < until_minute <= DAY_MINUTES:
        raise BadInput(
            "候补的时间段应在同一天内，开始早于结束。", next_step="请重新选择时间段。", field="untilMinute"
        )
    starts_from, starts_until = instant_of(day, from_minute), instant_of(day, until_minute)
    if starts_until <= now:
        raise DomainError(
            "这个时间段已经过去。", code=ErrorCode.SLOT_PAST, next_step="请选择之后的时间段。", field="day"
        )
    opens = released_at(day, limits)
    if opens > now:
        raise DomainError(
            f"{day_text(day)}还没有开放预订，不用候补；本馆提前{limits.days_ahead}天、{clock_text(limits.release_minute)}开放。",
            code=ErrorCode.SLOT_NOT_RELEASED,
            next_step=f"请在{moment_text(opens)}直接预订。",
            field="day",
        )
    return starts_from, starts_until


def not_needed() -> DomainError:
    return DomainError(
        "这个时间段现在就有空位，不用候补。",
        code=ErrorCode.WAITING_NOT_NEEDED,
        next_step="请直接预订。",
        field="day",
    )


def wait_for_the_draw() -> DomainError:
    return DomainError(
        "这个时间段由抽签决定，抽签后才能候补。",
        code=ErrorCode.DRAW_PENDING,
        next_step="请报名抽签；没有抽中会自动进入候补。",
        field="day",
    )


def nothing_to_wait_for() -> DomainError:
    return DomainError(
        "这个时间段没有可以预订的场地。",
        code=ErrorCode.SLOT_UNKNOWN,
        next_step="请换一个时间段，或换一个项目。",
        field="day",
    )


def too_many() -> DomainError:
    return DomainError(
        f"每人最多同时候补{MOST_WAITING}个时间段。",
        code=ErrorCode.TOO_MANY_WAITING,
        next_step="请先退出一个候补。",
        field="day",
    )


def waiting_unknown() -> DomainError:
    return DomainError(
        "没有找到这个候补。", code=ErrorCode.WAITING_UNKNOWN, next_step="请刷新后再看。", field="id"
    )


def offered_already() -> DomainError:
    return DomainError(
        "已经为您留出场地，请到订单里付款或取消。",
        code=ErrorCode.WAITING_OFFERED,
        next_step="不想要可以直接取消订单，场地会让给下一位。",
        field="id",
    )
