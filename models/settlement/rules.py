"""What is true of settlements, accounts and payouts. Pure.

A settlement's sums, in fen, of the entries that are its lines:

    due = used - taken back + conflict - venue's share - deductions - carried in

What is due is payable; where it is less than nothing, the venue owes it: `carried out`, into its next settlement.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from models.calendar import business_day, instant_of
from models.errors import BadInput, DomainError, ErrorCode
from models.vouchers.rules import EventKind

LONGEST_PERIOD_DAYS = 366
LONGEST_REASON, SHORTEST_REASON = 200, 2


class SettlementState(StrEnum):
    DRAFT = "DRAFT"
    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"  # signed; nothing of it changes any more
    IN_PAYOUT = "IN_PAYOUT"  # in a file for the bank
    PAID = "PAID"  # the bank's receipt is there
    DROPPED = "DROPPED"  # its entries are free for another one


class AccountState(StrEnum):
    ENTERED = "ENTERED"
    APPROVED = "APPROVED"
    ENDED = "ENDED"


class PayoutState(StrEnum):
    SENT = "SENT"
    FAILED = "FAILED"
    PAID = "PAID"


STATE_WORDS: Mapping[SettlementState, str] = {
    SettlementState.DRAFT: "草稿",
    SettlementState.PROPOSED: "待审批",
    SettlementState.APPROVED: "已审批",
    SettlementState.IN_PAYOUT: "付款中",
    SettlementState.PAID: "已付款",
    SettlementState.DROPPED: "已作废",
}

EVENT_WORDS: Mapping[EventKind, str] = {
    EventKind.USED: "核销",
    EventKind.TAKEN_BACK: "退回",
    EventKind.CONFLICT: "离线冲突",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """In fen, none below zero. `venue_share`: of the three before it together, so that may be below."""

    used: int = 0
    taken_back: int = 0
    conflict: int = 0
    venue_share: int = 0
    deducted: int = 0
    carried_in: int = 0

    @property
    def due(self) -> int:
        brought = self.used - self.taken_back + self.conflict - self.venue_share
        return brought - self.deducted - self.carried_in

    @property
    def payable(self) -> int:
        return max(0, self.due)

    @property
    def carried_out(self) -> int:
        return max(0, -self.due)


def owed_fen(kind: EventKind, amount_fen: int, venue_share_fen: int) -> int:
    """What one entry of the books is worth to its venue."""
    sign = -1 if kind is EventKind.TAKEN_BACK else 1
    return sign * (amount_fen - venue_share_fen)


def sums_of(entries: Iterable[tuple[EventKind, int, int]]) -> Sums:
    """Of entries as (kind, amount, venue's share), without deductions and what is carried."""
    by_kind, share = dict.fromkeys(EventKind, 0), 0
    for kind, amount_fen, share_fen in entries:
        by_kind[kind] += amount_fen
        share += -share_fen if kind is EventKind.TAKEN_BACK else share_fen
    return Sums(
        used=by_kind[EventKind.USED],
        taken_back=by_kind[EventKind.TAKEN_BACK],
        conflict=by_kind[EventKind.CONFLICT],
        venue_share=share,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Days in Shanghai, both whole."""

    from_day: date
    until_day: date

    @property
    def ends_at(self) -> datetime:
        """The first instant that is not in it."""
        return instant_of(self.until_day + timedelta(days=1), 0)


def checked_period(from_day: date, until_day: date, *, now: datetime) -> Period:
    """Raises SETTLEMENT_PERIOD for a period that is none, or not over yet: more could still happen in it."""
    if not timedelta(0) <= until_day - from_day < timedelta(days=LONGEST_PERIOD_DAYS):
        raise PeriodRefused(f"结算期应从早到晚，最长{LONGEST_PERIOD_DAYS}天。", "请重新填写起止日期。")
    if until_day >= business_day(now):
        raise PeriodRefused("结算期还没有结束。", "请在最后一天过后再结算。")
    return Period(from_day=from_day, until_day=until_day)


def checked_reason(text: str, *, field_name: str = "reason") -> str:
    said = text.strip()
    if not SHORTEST_REASON <= len(said) <= LONGEST_REASON or not said.isprintable():
        raise BadInput(
            "请填写原因。",
            next_step=f"用{SHORTEST_REASON}到{LONGEST_REASON}个字说明原因。",
            field=field_name,
        )
    return said


# Refusals


class PeriodRefused(DomainError):
    code = ErrorCode.SETTLEMENT_PERIOD

    def __init__(self, message: str, next_step: str) -> None:
        super().__init__(message, next_step=next_step, field="untilDay")


class SettlementUnknown(DomainError):
    """Also one that is not in the scope of whoever asks."""

    code = ErrorCode.SETTLEMENT_UNKNOWN

    def __init__(self) -> None:
        super().__init__("没有找到这张结算单。", next_step="请核对结算单号。", field="settlementNo")


class SettlementStateRefused(DomainError):
    """What somebody else did in the meantime stands."""

    code = ErrorCode.SETTLEMENT_STATE

    def __init__(self, state: str, next_step: str = "请刷新后按现在的状态办理。") -> None:
        super().__init__(
            f"这张结算单现在是“{STATE_WORDS[SettlementState(state)]}”，不能这样办理。",
            next_step=next_step,
            field="settlementNo",
        )


class SettlementHeld(DomainError):
    code = ErrorCode.SETTLEMENT_HELD

    def __init__(self, count: int) -> None:
        super().__init__(
            f"其中{count}笔正在核查，暂时不能结算。",
            next_step="请等核查有了结论，或作废后重新拟定；核查中的会自动留到下一期。",
            field="settlementNo",
        )


class SettlementChanged(DomainError):
    code = ErrorCode.SETTLEMENT_CHANGED

    def __init__(self) -> None:
        super().__init__(
            "金额与您看到的不同，可能刚有人改过。", next_step="请刷新后核对新的金额，再办理。", field="payable"
        )


class FourEyes(DomainError):
    code = ErrorCode.NOT_ALLOWED

    def __init__(self, message: str) -> None:
        super().__init__(message, next_step="请由另一位有权限、与该场馆没有关系的同事办理。")


class AccountRefused(DomainError):
    code = ErrorCode.VENUE_ACCOUNT_REFUSED


class ReceiptRefused(DomainError):
    code = ErrorCode.RECEIPT_REFUSED

    def __init__(self, message: str) -> None:
        super().__init__(message, next_step="请换一个文件：PDF、PNG或JPEG，不超过1MB。", field="receipt")


class PaymentRefused(DomainError):
    code = ErrorCode.PAYMENT_RECORD_REFUSED
