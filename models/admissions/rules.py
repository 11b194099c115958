"""What a door says: the verdict on one scan, in words for the person at the desk. Pure."""

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from models.calendar import moment_text
from models.errors import ErrorCode

NO_SHOW = "NO_SHOW"
"""Why an admission was taken back, if not since its line was cancelled."""
EXIT_GRACE = timedelta(hours=2)
"""After the end of a slot nobody goes in, but who is inside may still be let out by their code."""


class Direction(StrEnum):
    ENTRY = "ENTRY"
    EXIT = "EXIT"


class Colour(StrEnum):
    """Green: let them pass. Yellow: not yet, or do something first. Red: no."""

    GREEN = "GREEN"
    YELLOW = "YELLOW"
    RED = "RED"


class Passed(StrEnum):
    ENTERED = "ENTERED"
    ENTERED_AGAIN = "ENTERED_AGAIN"
    LEFT = "LEFT"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One answer of one door. `person` is an opaque key, the same for every passage of one admission."""

    outcome: str
    colour: str
    headline: str
    detail: str = ""
    next_step: str = ""
    admission_id: int | None = None
    person: str = ""
    court: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    @property
    def passed(self) -> bool:
        return self.colour == Colour.GREEN

    def about(self, admission: Any) -> Self:
        """The same answer, with whose it is."""
        return replace(
            self,
            admission_id=admission.id,
            person=f"adm:{admission.id}",
            court=court_of(admission.title),
            starts_at=admission.starts_at,
            ends_at=admission.ends_at,
        )

    def as_json(self) -> dict[str, Any]:
        """The stored answer, given again to a repeated scan."""
        answer = {field.name: getattr(self, field.name) for field in fields(self)}
        for instant in ("starts_at", "ends_at"):
            answer[instant] = answer[instant] and answer[instant].isoformat()
        return answer

    @classmethod
    def from_json(cls, answer: dict[str, Any]) -> Self:
        times = {
            name: datetime.fromisoformat(answer[name]) if answer[name] else None
            for name in ("starts_at", "ends_at")
        }
        return cls(**{**answer, **times})


def court_of(title: str) -> str:
    """羽毛球1号场 of 羽毛球1号场 11月21日 09:00–10:00 (models.booking.rules.slot_title): day and time are the last two."""
    return title.rsplit(" ", 2)[0]


def _refusal(code: ErrorCode, colour: Colour, headline: str, detail: str, next_step: str) -> Verdict:
    return Verdict(code.value, colour.value, headline, detail, next_step)


UNKNOWN_CODE = _refusal(
    ErrorCode.UNKNOWN_CODE,
    Colour.RED,
    "无效的码",
    "这不是本平台的入场码，或输入有误。",
    "请让对方打开小程序的入场码重试。",
)
CODE_STALE = _refusal(
    ErrorCode.CODE_STALE,
    Colour.YELLOW,
    "码已过期",
    "入场码每30秒更换，这一个已经过时。",
    "请对方刷新入场码后再扫。",
)
CODE_REVOKED = _refusal(
    ErrorCode.CODE_REVOKED,
    Colour.YELLOW,
    "码已失效",
    "对方已退出登录，原来的码随之作废。",
    "请对方重新登录并打开入场码。",
)
TOO_MANY_ATTEMPTS = _refusal(
    ErrorCode.TOO_MANY_ATTEMPTS,
    Colour.RED,
    "扫码过于频繁",
    "这台设备一分钟内扫到太多无效的码。",
    "请稍等一分钟再扫。",
)
DESK_ONLY = _refusal(
    ErrorCode.DESK_ONLY, Colour.RED, "请到前台", "纸质码只在前台核对证件后使用。", "请到前台出示证件和纸质码。"
)
VOUCHER_AT_DESK = _refusal(
    ErrorCode.DESK_ONLY,
    Colour.RED,
    "这是消费券码",
    "消费券码不能用来入场。",
    "入场请出示入场码；使用消费券请到前台结账。",
)
ID_CHECK_NEEDED = _refusal(
    ErrorCode.ID_CHECK_NEEDED,
    Colour.YELLOW,
    "请核对证件",
    "这是纸质码。",
    "请核对本人身份证件，勾选“已核对身份证件”后再扫。",
)
REFUNDED = _refusal(
    ErrorCode.REFUNDED, Colour.RED, "预订已取消", "这份预订已经取消并退款。", "如需入场请重新预订。"
)
RELEASED = _refusal(
    ErrorCode.SLOT_RELEASED,
    Colour.RED,
    "场地已释放",
    "开始后没有按时到场，这片场地已经释放给别人。",
    "请到前台询问，或重新预订其他时段。",
)
COUNTED = Verdict("COUNTED", Colour.GREEN.value, "已计数")
"""What a device hears that counts people without reading codes."""
NOT_INSIDE = _refusal(
    ErrorCode.NOT_INSIDE,
    Colour.YELLOW,
    "没有入场记录",
    "这个码还没有入场，不能离场。",
    "如在入口，请切换到“入场”。",
)


def wrong_venue(venue_name: str) -> Verdict:
    return _refusal(
        ErrorCode.WRONG_VENUE, Colour.RED, "不是本馆的预订", f"这份预订在{venue_name}。", "请前往预订的场馆。"
    )


def too_early(opens_at: datetime) -> Verdict:
    return _refusal(
        ErrorCode.TOO_EARLY,
        Colour.YELLOW,
        "还没到时间",
        f"{moment_text(opens_at)} 起可以入场。",
        "请到时间再来扫码。",
    )


def expired(ends_at: datetime) -> Verdict:
    return _refusal(
        ErrorCode.EXPIRED,
        Colour.RED,
        "已过时段",
        f"这份预订已在 {moment_text(ends_at)} 结束。",
        "如需入场请重新预订。",
    )


def already_inside(first_entered_at: datetime) -> Verdict:
    return _refusal(
        ErrorCode.ALREADY_INSIDE,
        Colour.RED,
        "已经入场",
        f"这个码在 {moment_text(first_entered_at)} 已入场，还没有离场。",
        "一码一人；如本人临时外出，请先在出口扫码离场。",
    )


def passed(outcome: Passed) -> Verdict:
    headline = {Passed.ENTERED: "请入场", Passed.ENTERED_AGAIN: "请再次入场", Passed.LEFT: "已离场"}[outcome]
    return Verdict(outcome.value, Colour.GREEN.value, headline)


def judge(admission: Any, *, direction: Direction, now: datetime) -> Verdict:
    """May a genuine code of this venue pass in this direction now? (pretix's check-in is the model, lessons 8.)"""
    if admission.revoked_at is not None:
        return RELEASED if admission.revoked_for == NO_SHOW else REFUNDED
    if direction is Direction.EXIT:
        if not admission.is_inside:
            return NOT_INSIDE
        return passed(Passed.LEFT) if now < admission.ends_at + EXIT_GRACE else expired(admission.ends_at)
    if now < admission.opens_at:
        return too_early(admission.opens_at)
    if now >= admission.ends_at:
        return expired(admission.ends_at)
    if admission.is_inside:
        return already_inside(admission.first_entered_at)
    return passed(Passed.ENTERED if admission.first_entered_at is None else Passed.ENTERED_AGAIN)
