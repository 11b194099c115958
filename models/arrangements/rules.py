"""What a series and a group's request are, and what is refused of them. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from models.booking.limits import Limits
from models.calendar import CELL_MINUTES, MOST_DAYS_AWAY, day_text, instant_of
from models.errors import BadInput, DomainError, ErrorCode
from models.venues.rules import DAY_MINUTES

DAYS_A_WEEK = 7
MOST_SLOTS_A_DATE = 4
MOST_DATES = 52
MOST_COMPANIONS_NAMED = 19
"""On a series: an order's price is split among twenty at most, whoever books among them."""
MOST_OPEN_REQUESTS = 5
"""Of one member, that nobody has answered yet."""
MOST_PEOPLE = 2000
LONGEST_PURPOSE = LONGEST_NOTE = 200


class SeriesState(StrEnum):
    ACTIVE = "ACTIVE"
    ENDED = "ENDED"  # by the member
    LAPSED = "LAPSED"  # one of its dates was not paid in time


class DateState(StrEnum):
    PLANNED = "PLANNED"  # its day is not open for booking yet
    BOOKED = "BOOKED"
    SKIPPED = "SKIPPED"
    ENDED = "ENDED"  # the series ended before


class RequestState(StrEnum):
    WAITING = "WAITING"
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"  # by who asked
    UNANSWERED = "UNANSWERED"  # nobody decided in time


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesWanted:
    """A court (public id), every week on a weekday (1 Monday to 7 Sunday) from a local minute on, for so many of its
    slots one after another, on every such day from the first to the last, both included."""

    court_id: str
    weekday: int
    from_minute: int
    first_day: date
    last_day: date
    slots: int = 1
    people: int = 1
    organisation_id: str | None = None
    """In whose name (public id)."""
    companion_ids: tuple[str, ...] = ()
    """Who plays along on every date, by companionships' public ids."""

    @property
    def asked(self) -> list[object]:
        """What tells one request from another under the same key."""
        days = [self.first_day.isoformat(), self.last_day.isoformat()]
        who = [list(self.companion_ids)] if self.companion_ids else []
        return [
            self.court_id,
            self.weekday,
            self.from_minute,
            *days,
            self.slots,
            self.people,
            self.organisation_id,
            *who,
        ]


class GroupLine(NamedTuple):
    """A slot of a request, as it lies in the table."""

    court_id: str
    title: str
    starts_at: str  # ISO, UTC
    ends_at: str
    people: int
    price_fen: int  # as it was when it was asked for


def occurrences(weekday: int, first_day: date, last_day: date) -> Iterator[date]:
    """Every day from the first to the last, both included, that is this weekday (1 Monday to 7 Sunday), in order."""
    ordinal = first_day.toordinal() + (weekday - first_day.isoweekday()) % DAYS_A_WEEK
    yield from map(date.fromordinal, range(ordinal, last_day.toordinal() + 1, DAYS_A_WEEK))


def checked_days(wanted: SeriesWanted, limits: Limits, today: date) -> list[date]:
    """The days of a series, under the rules of its first. Raises BAD_INPUT, SERIES_NOT_OFFERED, SERIES_TOO_LONG."""
    if not 1 <= wanted.weekday <= DAYS_A_WEEK:
        raise BadInput("星期应为 1（星期一）到 7（星期日）。", field="weekday")
    if not 0 <= wanted.from_minute < DAY_MINUTES or wanted.from_minute % CELL_MINUTES:
        raise BadInput("开始时刻不正确。", next_step="请在场地时段表里选择。", field="fromMinute")
    if not 1 <= wanted.slots <= MOST_SLOTS_A_DATE:
        raise BadInput(f"每次可连订1到{MOST_SLOTS_A_DATE}个时段。", next_step="请减少时段。", field="slots")
    if not today <= wanted.first_day <= wanted.last_day <= today + timedelta(days=MOST_DAYS_AWAY):
        raise BadInput("起止日期不正确。", next_step="请从今天或以后的日期开始，结束不早于开始。", field="lastDay")
    days = list(occurrences(wanted.weekday, wanted.first_day, wanted.last_day))
    if not days:
        raise BadInput("起止日期之间没有这个星期几。", next_step="请把结束日期改晚一些。", field="lastDay")
    if limits.series_weeks is None:
        raise DomainError(
            "这个场馆不提供每周固定场。",
            code=ErrorCode.SERIES_NOT_OFFERED,
            next_step="请单次预订，或选择其他场馆。",
            field="courtId",
        )
    most = min(limits.series_weeks, MOST_DATES)
    if len(days) > most:
        raise DomainError(
            f"固定场最长{most}周，您选了{len(days)}周。",
            code=ErrorCode.SERIES_TOO_LONG,
            next_step=f"请把结束日期改到{day_text(days[most - 1])}或更早。",
            field="lastDay",
        )
    return days


def check_companions(wanted: SeriesWanted) -> None:
    """Whether so many can be named at all; who may play, each date asks for itself. Raises BAD_INPUT."""
    named = len(wanted.companion_ids)
    if len(set(wanted.companion_ids)) < named:
        raise BadInput("同一位球友选了两次。", next_step="请去掉重复的球友。", field="companionIds")
    if named > wanted.people - 1:
        raise BadInput(
            f"每次共{wanted.people}人，除您之外最多写{max(wanted.people - 1, 0)}位球友。",
            next_step="请增加人数，或去掉多选的球友。",
            field="companionIds",
        )
    if named > MOST_COMPANIONS_NAMED:
        raise BadInput(
            f"固定场最多写{MOST_COMPANIONS_NAMED}位球友。", next_step="请减少写明的球友。", field="companionIds"
        )


def starts_of(day: date, from_minute: int, slots: int, slot_minutes: int) -> list[datetime]:
    """When the slots of one date begin (UTC)."""
    return [instant_of(day, from_minute + number * slot_minutes) for number in range(slots)]


def hold_minutes(limits: Limits, starts_at: datetime, now: datetime) -> int:
    """How long who is told has time to pay: as the rule says, and never past the start."""
    return max(1, min(limits.arranged_hold_minutes, (starts_at - now) // timedelta(minutes=1)))


def checked_words(text: str, longest: int, field: str) -> str:
    """One line that says something. Raises BAD_INPUT."""
    words = text.strip()
    if not 1 <= len(words) <= longest or not words.isprintable():
        raise BadInput(f"请用1到{longest}个字说明，不能换行。", next_step="请修改后再提交。", field=field)
    return words


def check_people(people: int, lines: Sequence[GroupLine]) -> None:
    """At no time do more play than come, or fewer come than one. Raises BAD_INPUT."""
    if not 1 <= people <= MOST_PEOPLE:
        raise BadInput(f"总人数应为 1 到 {MOST_PEOPLE}。", next_step="请填写实际到场人数。", field="people")
    at: dict[str, int] = {}
    for line in lines:
        at[line.starts_at] = at.get(line.starts_at, 0) + line.people
    if max(at.values()) > people:
        raise BadInput(
            f"同一时间各场地的人数加起来是{max(at.values())}人，多于总人数{people}人。",
            next_step="请核对总人数和各场地的人数。",
            field="people",
        )


def series_unknown() -> DomainError:
    return DomainError(
        "没有找到这个固定场。", code=ErrorCode.SERIES_UNKNOWN, next_step="请刷新后重新选择。", field="seriesId"
    )


def too_many_series(most: int) -> DomainError:
    return DomainError(
        f"每人在本馆最多同时有{most}个固定场。",
        code=ErrorCode.TOO_MANY_SERIES,
        next_step="请先结束一个固定场，或等它到期。",
        field="courtId",
    )


def request_unknown() -> DomainError:
    return DomainError(
        "没有找到这个团体申请。", code=ErrorCode.GROUP_REQUEST_UNKNOWN, next_step="请刷新列表。", field="requestId"
    )


STATE_WORDS = {
    RequestState.APPROVED: "已经同意",
    RequestState.REFUSED: "已经拒绝",
    RequestState.WITHDRAWN: "已由申请人撤回",
    RequestState.UNANSWERED: "已过答复时限",
}


def request_decided(state: str) -> DomainError:
    return DomainError(
        f"这个申请{STATE_WORDS[RequestState(state)]}。",
        code=ErrorCode.GROUP_REQUEST_DECIDED,
        next_step="请刷新后查看结果。",
        field="requestId",
    )


def too_many_requests() -> DomainError:
    return DomainError(
        f"您有{MOST_OPEN_REQUESTS}个团体申请正在等待答复。",
        code=ErrorCode.TOO_MANY_GROUP_REQUESTS,
        next_step="请等场馆答复，或先撤回一个。",
    )


def acts_no_more() -> DomainError:
    return DomainError(
        "您已不能代表这个单位预订。",
        code=ErrorCode.ORGANISATION_STATE,
        next_step="请由单位现在的负责人重新申请固定场。",
        field="organisationId",
    )


def asker_gone() -> DomainError:
    return DomainError(
        "申请人已不能代表这个单位预订。",
        code=ErrorCode.ORGANISATION_STATE,
        next_step="请写明原因后拒绝，由单位重新申请。",
        field="requestId",
    )
