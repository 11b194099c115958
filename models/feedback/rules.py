"""What is true of complaints and ratings. Pure.

The three kinds and their clocks are those of the 12345 hotlines: 咨询, 求助和意见建议, 投诉举报, counted in working
days (data/complaint_clocks.csv). A complaint lies with an office: its venue's, then the administrations above it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from unicodedata import category, normalize

from models.calendar import business_day
from models.errors import BadInput, DomainError, ErrorCode, wrong_key

SHORTEST_TEXT, LONGEST_TEXT = 10, 1000
LONGEST_ANSWER = 1000
MOST_OPEN = 10
"""Of one member's complaints, those that wait for an answer."""
REOPENED_AT_MOST = 2
REOPENED_WITHIN = timedelta(days=15)
ROUTED_AT_MOST = 5
RATED_WITHIN = timedelta(days=30)
MOST_STARS = 5
LONGEST_WORDS = 300
LONGEST_REASON = 200
MOST_STEPS = 40
"""More than any complaint can have: received, routed, answered and reopened as often as may be, escalated, closed."""


class ComplaintKind(StrEnum):
    CONSULTATION = "CONSULTATION"
    SUGGESTION = "SUGGESTION"
    COMPLAINT = "COMPLAINT"


KIND_WORDS: Mapping[ComplaintKind, str] = {
    ComplaintKind.CONSULTATION: "咨询",
    ComplaintKind.SUGGESTION: "建议",
    ComplaintKind.COMPLAINT: "投诉",
}


class ComplaintStatus(StrEnum):
    RECEIVED = "RECEIVED"
    ANSWERED = "ANSWERED"
    REOPENED = "REOPENED"
    CLOSED = "CLOSED"


WAITING = (ComplaintStatus.RECEIVED, ComplaintStatus.REOPENED)
"""For an answer: what a clock runs for."""


class StepKind(StrEnum):
    RECEIVED = "RECEIVED"
    ROUTED = "ROUTED"
    ANSWERED = "ANSWERED"
    REOPENED = "REOPENED"
    ESCALATED = "ESCALATED"
    CLOSED = "CLOSED"


class Level(StrEnum):
    """With whom a complaint lies, from the nearest up."""

    VENUE = "VENUE"
    DISTRICT = "DISTRICT"
    CITY = "CITY"
    PROVINCE = "PROVINCE"


@dataclass(frozen=True, kw_only=True)
class Division:
    """A region of the chain above a complaint; without a name where the table does not have it."""

    key: str
    level: str
    name: str | None


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a complaint is about: a venue, or a region as a whole; and the divisions around it, the nearest first.

    Chongqing's districts hang directly on the province, so there the chain has no city.
    """

    venue_id: int | None = None
    venue_public_id: str | None = None
    venue_name: str | None = None
    divisions: Sequence[Division]

    @property
    def region_key(self) -> str:
        return self.divisions[0].key

    @property
    def city_key(self) -> str:
        """Whose clock runs: the city's; where there is none, the province's."""
        return next((each.key for each in self.divisions if each.level != Level.DISTRICT), self.region_key)

    @property
    def offices(self) -> dict[Level, str]:
        """By level, the nearest first: how those are called who must answer."""
        named = {Level.VENUE: self.venue_name} if self.venue_id is not None else {}
        named |= {Level(each.level): each.name for each in self.divisions}
        return {level: name or _WITHOUT_NAME[level] for level, name in named.items()}

    @property
    def first_level(self) -> Level:
        return next(iter(self.offices))

    def above(self, level: Level) -> Level | None:
        """The next office up that there is; None at the top."""
        higher = [each for each in self.offices if _HEIGHT[each] > _HEIGHT[level]]
        return higher[0] if higher else None


def higher(one: Level, other: Level) -> Level:
    return max(one, other, key=_HEIGHT.__getitem__)


_HEIGHT = {level: number for number, level in enumerate(Level)}
_WITHOUT_NAME = {
    Level.VENUE: "场馆",
    Level.DISTRICT: "区县体育主管部门",
    Level.CITY: "市级体育主管部门",
    Level.PROVINCE: "省级体育主管部门",
}


def is_late(status: str, due_on: date, now: datetime) -> bool:
    """An answer is in time on its last day, whatever the hour."""
    return status in WAITING and business_day(now) > due_on


def may_reopen(status: str, answered_at: datetime | None, reopened: int, now: datetime) -> bool:
    """Within 15 days after the last answer, twice at most; also when it was closed meanwhile."""
    return (
        status in (ComplaintStatus.ANSWERED, ComplaintStatus.CLOSED)
        and answered_at is not None
        and now < answered_at + REOPENED_WITHIN
        and reopened < REOPENED_AT_MOST
    )


def subject_text(kind: str, place: Place, *, is_due_certain: bool = True) -> str:
    """What a message is about: 投诉：城南体育馆. Where the day was counted without a year's holidays, it says so."""
    about = place.venue_name or place.divisions[0].name or "所在地区"
    doubt = "" if is_due_certain else "，节假日安排未公布，日期为估计"
    return f"{KIND_WORDS[ComplaintKind(kind)]}：{about}{doubt}"


def checked_text(text: str, *, shortest: int = 1, longest: int = LONGEST_ANSWER, field: str = "text") -> str:
    """What somebody wrote, with its lines. Raises BAD_INPUT."""
    text = text.replace("\r\n", "\n").strip()
    if not shortest <= len(text) <= longest or _holds_control(text.replace("\n", "")):
        raise BadInput(f"请填写{shortest}到{longest}个字。", next_step="请修改后再提交。", field=field)
    return text


def checked_line(text: str, *, shortest: int, longest: int, field: str) -> str:
    """The same on one line."""
    line = text.strip()
    if not shortest <= len(line) <= longest or _holds_control(line):
        raise BadInput(f"请填写{shortest}到{longest}个字，不能换行。", next_step="请修改后再提交。", field=field)
    return line


def _holds_control(text: str) -> bool:
    """Whether it has what is no sign at all: control characters, line separators, halves of surrogate pairs. What
    joins emoji is not meant."""
    return any(category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in text)


_MOBILE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")
_ID_NUMBER = re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[\s\-‐–—_.·]+(?=[\dXx])")


def checked_public_words(text: str, *, shortest: int, longest: int, field: str) -> str:
    """Words that everybody will read: one line, and no mobile phone or ID number in it, however it is spaced
    and whatever its digits look like."""
    line = checked_line(text, shortest=shortest, longest=longest, field=field)
    joined = _BETWEEN_DIGITS.sub("", normalize("NFKC", line))
    if _MOBILE.search(joined) or _ID_NUMBER.search(joined):
        raise BadInput("这段文字会公开显示。", next_step="请删去其中的手机号或证件号后再提交。", field=field)
    return line


def checked_stars(stars: int) -> int:
    if not 1 <= stars <= MOST_STARS:
        raise BadInput(f"评分应为1到{MOST_STARS}星。", next_step="请重新选择。", field="stars")
    return stars


def checked_key(key: str) -> str:
    if not (1 <= len(key) <= 64 and key.isascii() and key.isprintable()):
        raise wrong_key()
    return key


def average_tenths(stars: int, count: int) -> int | None:
    """The mean of so many ratings with so many stars together, in tenths, half up; None without any."""
    return None if count == 0 else (20 * stars + count) // (2 * count)


class ComplaintUnknown(DomainError):
    """One sentence for what is not there and for what is somebody else's."""

    code = ErrorCode.COMPLAINT_UNKNOWN

    def __init__(self) -> None:
        super().__init__("没有找到这件诉求。", next_step="请核对编号，或从列表里重新打开。", field="complaintNo")


class ComplaintState(DomainError):
    """It is not as the act needs it to be."""

    code = ErrorCode.COMPLAINT_STATE


class KeyReused(DomainError):
    code = ErrorCode.IDEMPOTENCY_KEY_REUSED

    def __init__(self) -> None:
        super().__init__("这次提交与之前的内容不同。", next_step="请刷新页面后重新提交。", field="idempotencyKey")


class RatingUnknown(DomainError):
    code = ErrorCode.RATING_UNKNOWN

    def __init__(self) -> None:
        super().__init__("没有找到这条评价。", next_step="请从列表里重新打开。", field="ratingId")


class RatingRefused(DomainError):
    code = ErrorCode.RATING_REFUSED
