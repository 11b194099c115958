"""What a desk hears of a voucher and a bill, in words for the clerk. Pure.

A write-off at a desk is WAITING until the citizen says yes on their phone; DONE then; HELD where nobody could be asked;
UNDONE when it came to nothing. A refusal is an answer too, since the same scan again gets the same answer.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Self

from models.calendar import moment_text
from models.errors import BadInput, DomainError, ErrorCode
from models.money import yuan_text
from models.vouchers.rules import RestWay, UseState
from models.vouchers.writing_off import CONTEST, is_fake

MOST_BILL_FEN = 100_000_00
"""A bill at a venue's desk; more is a slip of the finger."""
DESK_DECIDES_WITHIN = timedelta(minutes=15)
"""After the citizen's time is over, the desk holds the receipt for review within this, or the bill comes to nothing."""
_RECEIPT_NO = re.compile(r"[0-9A-Za-z-]{4,40}")

REST_WORDS: Mapping[RestWay, str] = {RestWay.CASH: "现金", RestWay.CODE: "扫码", RestWay.CARD: "刷卡"}

NOT_CONFIRMED = "顾客没有在规定时间内确认"
SAID_NO = "顾客在手机上拒绝了这笔账单"
CALLED_OFF = "前台取消了这笔账单"
NOT_GENUINE = "核查小票后没有通过"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What a clerk scanned and typed."""

    code: str
    bill_fen: int
    sport: str = ""
    rest_way: RestWay = RestWay.CASH
    id_checked: bool = False
    receipt_no: str = ""

    def checked(self) -> Self:
        """Raises BAD_INPUT."""
        if not 0 < self.bill_fen <= MOST_BILL_FEN:
            raise BadInput(
                "账单金额不正确。",
                next_step=f"请填写用券前的总金额，最多{yuan_text(MOST_BILL_FEN)}。",
                field="bill",
            )
        if self.receipt_no:
            checked_receipt_no(self.receipt_no)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class BillVerdict:
    """`outcome` is WAITING, DONE, HELD, UNDONE or a refusal's code. `off_fen` is what the voucher pays of the bill."""

    outcome: str
    colour: str
    headline: str
    detail: str = ""
    next_step: str = ""
    use_no: str = ""
    bill_fen: int = 0
    off_fen: int = 0
    rest_way: str = ""
    waits_until: datetime | None = None

    @property
    def rest_fen(self) -> int:
        return self.bill_fen - self.off_fen

    def as_json(self) -> dict[str, Any]:
        answer = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**answer, "waits_until": self.waits_until and self.waits_until.isoformat()}

    @classmethod
    def from_json(cls, answer: Mapping[str, Any]) -> Self:
        until = answer["waits_until"]
        return cls(**{**answer, "waits_until": datetime.fromisoformat(until) if until else None})


def checked_receipt_no(receipt_no: str) -> str:
    if not _RECEIPT_NO.fullmatch(receipt_no):
        raise BadInput(
            "小票号应为4到40位字母、数字或横线。", next_step="请照收银小票上的号码填写。", field="receiptNo"
        )
    return receipt_no


def checked_reason(text: str, *, field: str) -> str:
    reason = text.strip()
    if not (2 <= len(reason) <= 200 and reason.isprintable()):
        raise BadInput("请写明原因。", next_step="2到200个字，写在一行里。", field=field)
    return reason


def verdict_of(use: Any) -> BillVerdict:
    """How a write-off stands. `use` is a row of `voucher_use`."""
    off = 0 if use.state == UseState.UNDONE else use.used_fen
    rest = use.bill_fen - off
    colour, headline, detail, next_step = _says(use, rest)
    return BillVerdict(
        outcome=UseState(use.state).value,
        colour=colour,
        headline=headline,
        detail=detail,
        next_step=next_step,
        use_no=use.use_no,
        bill_fen=use.bill_fen,
        off_fen=off,
        rest_way=str(use.rest_way),
        waits_until=use.confirm_until if use.state == UseState.WAITING else None,
    )


def _says(use: Any, rest_fen: int) -> tuple[str, str, str, str]:
    paid = f"账单{yuan_text(use.bill_fen)}，消费券抵扣{yuan_text(use.used_fen)}。"
    how = f"（{REST_WORDS[RestWay(use.rest_way)]}）" if use.rest_way else ""
    collect = f"请收{yuan_text(rest_fen)}{how}。" if rest_fen else "不用再收钱。"
    if use.state == UseState.WAITING:
        return "YELLOW", "请顾客在手机上确认", paid, "顾客确认后再收款。"
    if use.state == UseState.DONE:
        return "GREEN", "核销成功", paid, collect
    if use.state == UseState.HELD:
        return "YELLOW", "已核销，待核查", paid, f"{collect}请保留小票{use.receipt_no}备查。"
    if is_fake(use):
        return "RED", "核销无效", f"{use.undo_reason}，券已作废，不予结算。", CONTEST
    why = f"{use.undo_reason}，消费券没有用掉。"
    return "RED", "没有核销", why, f"如顾客仍要消费，请按原价收款{yuan_text(use.bill_fen)}，或重新扫码。"


_YELLOW = {
    ErrorCode.CODE_STALE,
    ErrorCode.CODE_REVOKED,
    ErrorCode.ID_CHECK_NEEDED,
    ErrorCode.SPORT_NEEDED,
    ErrorCode.RECEIPT_NEEDED,
    ErrorCode.TOO_MANY_ATTEMPTS,
    ErrorCode.VOUCHER_RESERVED,
    ErrorCode.VOUCHER_NOT_YET,
    ErrorCode.VOUCHER_SPEND_TOO_LOW,
}
"""Something can be done about it here and now, or a little later."""

_HEADLINES = {
    ErrorCode.UNKNOWN_CODE: "无效的码",
    ErrorCode.CODE_STALE: "码已过期",
    ErrorCode.CODE_REVOKED: "码已失效",
    ErrorCode.TOO_MANY_ATTEMPTS: "扫码过于频繁",
    ErrorCode.ID_CHECK_NEEDED: "请核对证件",
    ErrorCode.RECEIPT_NEEDED: "请填写小票号",
    ErrorCode.SPORT_NEEDED: "请选择项目",
    ErrorCode.VOUCHER_RESERVED: "券正在使用",
    ErrorCode.VOUCHER_USED: "券已用过",
    ErrorCode.VOUCHER_ENDED: "券已失效",
    ErrorCode.VOUCHER_NOT_YET: "还没到时间",
    ErrorCode.VOUCHER_WRONG_PLACE: "本馆不能用",
    ErrorCode.VOUCHER_WRONG_SPORT: "项目不适用",
    ErrorCode.VOUCHER_SPEND_TOO_LOW: "金额不够",
    ErrorCode.VOUCHER_DAY_LIMIT: "今天已用完",
    ErrorCode.VENUE_CAP_REACHED: "额度已用完",
}


class BillWaits(DomainError):
    """A bill of this voucher waits for the citizen at this very venue; the desk may call it off."""

    code = ErrorCode.VOUCHER_RESERVED

    def __init__(self, use: Any) -> None:
        super().__init__(
            f"这张券有一笔{yuan_text(use.bill_fen)}的账单正等顾客确认。",
            next_step="请让顾客在手机上确认；金额不对，请先取消那一笔。",
        )
        self.use_no = use.use_no


def refused(no: DomainError) -> BillVerdict:
    """A refusal as the desk's screen says it."""
    return BillVerdict(
        outcome=no.code.value,
        colour="YELLOW" if no.code in _YELLOW else "RED",
        headline=_HEADLINES[no.code],
        detail=no.message,
        next_step=no.next_step or "",
        use_no=no.use_no if isinstance(no, BillWaits) else "",
    )


def used_before(use: Any, venue_name: str) -> DomainError:
    """When and where: the clerk can tell somebody who forgot, and somebody who was robbed of it."""
    return DomainError(
        f"这张券{moment_text(use.used_at)}已在{venue_name}使用。",
        code=ErrorCode.VOUCHER_USED,
        next_step="请换一张券；如有疑问请顾客在“我的消费券”里查看。",
    )


def too_late() -> DomainError:
    return DomainError(
        "确认的时间已过。",
        code=ErrorCode.BILL_STATE,
        next_step="请到前台重新扫码。",
        field="useNo",
    )


UNKNOWN_CODE = DomainError(
    "这不是本平台的消费券码，或输入有误。",
    code=ErrorCode.UNKNOWN_CODE,
    next_step="请顾客打开小程序的消费券码再试。",
)
CODE_STALE = DomainError(
    "消费券码每30秒更换，这一个已经过时。", code=ErrorCode.CODE_STALE, next_step="请顾客刷新消费券码后再扫。"
)
CODE_REVOKED = DomainError(
    "顾客已退出登录或换过券码，原来的码随之作废。",
    code=ErrorCode.CODE_REVOKED,
    next_step="请顾客重新打开消费券码。",
)
TOO_MANY_ATTEMPTS = DomainError(
    "这台设备一分钟内扫到太多无效的码。", code=ErrorCode.TOO_MANY_ATTEMPTS, next_step="请稍等一分钟再扫。"
)
ID_CHECK_NEEDED = DomainError(
    "这是纸质券码。",
    code=ErrorCode.ID_CHECK_NEEDED,
    next_step="请核对本人身份证件，勾选“已核对本人身份证件”后再核销。",
)
RECEIPT_NEEDED = DomainError(
    "纸质券码没有手机确认，要凭小票核查。",
    code=ErrorCode.RECEIPT_NEEDED,
    next_step="请填写收银小票号后再核销。",
)
SPORT_NEEDED = DomainError(
    "本馆有多个运动项目。", code=ErrorCode.SPORT_NEEDED, next_step="请选择顾客消费的项目后再核销。"
)
SETTLED_ALREADY = DomainError(
    "这个活动已经结算，券不能再用。", code=ErrorCode.VOUCHER_ENDED, next_step="请换其他活动的券。"
)
HOLDER_GONE = DomainError(
    "这张券的账号已经注销，券不能再用。", code=ErrorCode.VOUCHER_ENDED, next_step="请顾客换一张券，或按原价付款。"
)
