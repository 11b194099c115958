"""What it means that a channel's statement and our books agree. Pure.

**Which day a thing is looked for.** A payment belongs to the day of its `paid_at`, a refund to the day of its
`finished_at`; both are the channel's own times. At midnight the channel may still count one second into the other
day, and it lists a refund on the day on which it took it on, which is not always the day on which the money arrived.
So a day asks for what was paid or given back between BORDER before its midnight and BORDER before the next one
(`span_of`): its statement and those before it are written by then, and each thing is asked for on exactly one day. What
is not in the day's own statement is looked for in those others in which it may stand (`other_days`), fetched
again; only what is in none of them is MISSING_THERE.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from models.calendar import business_day, instant_of
from models.errors import BadInput, DomainError, ErrorCode
from models.orders.rules import PaymentStatus, RefundStatus
from payments.port import EntryKind, RefundState, StatementEntry

LOOK_BACK = timedelta(days=40)
"""An older day is not begun any more. Both channels keep their statements for months."""
READY_MINUTE = 10 * 60  # of the next day: WeChat Pay v3, 申请交易账单: after 10:00; Alipay is done by then
RETRY = timedelta(minutes=30)
"""Also for how long a worker has a statement for itself. Whoever is killed over it loses that much time."""
ONCE_MORE = timedelta(days=1)
WAS_SHORT = "渠道确认了账单没有列出的款项，账单可能会更新，系统次日再取一次核对。"
BORDER = timedelta(hours=1)
MOST_ASKED = 12
"""How often the channel is asked about one discrepancy before it is left to staff alone; every RETRY at the soonest."""
LONGEST_NO = 64
LONGEST_NOTE = 300


class StatementStatus(StrEnum):
    """Where a day stands. Nothing but MATCHED ends it."""

    WAITING = "WAITING"  # the channel has not written it yet, or it is not time to ask
    FAILED = "FAILED"  # the last attempt failed; it is tried again
    MATCHED = "MATCHED"  # held against our books; that happens once


class DiscrepancyKind(StrEnum):
    MISSING_HERE = "MISSING_HERE"  # they list what we never asked for
    MISSING_THERE = "MISSING_THERE"  # we booked what none of their statements lists
    AMOUNT_DIFFERS = "AMOUNT_DIFFERS"
    STATE_DIFFERS = "STATE_DIFFERS"  # they list as done what is not done here, or the other way round


class DiscrepancyStatus(StrEnum):
    OPEN = "OPEN"
    REPAIRED = "REPAIRED"  # the channel was asked, and our books agree now
    RESOLVED = "RESOLVED"  # staff said what it was


class Outcome(StrEnum):
    """What came of one act about a discrepancy."""

    # the daily job's
    REPAIRED_BY_QUERY = "REPAIRED_BY_QUERY"
    STILL_DIFFERENT = "STILL_DIFFERENT"  # asked, and our books do not agree yet
    CHANNEL_CONFIRMS = "CHANNEL_CONFIRMS"  # asked, it says the same as our books: its statement is short
    CHANNEL_DENIES = "CHANNEL_DENIES"  # asked, it knows of no such money
    CHANNEL_SILENT = "CHANNEL_SILENT"  # it could not be asked
    # staff's
    CHANNEL_CORRECTED = "CHANNEL_CORRECTED"  # our books are right, the channel made it good
    BOOKS_CORRECTED = "BOOKS_CORRECTED"  # the channel is right, our accounts were made good by hand
    REFUNDED_BY_HAND = "REFUNDED_BY_HAND"  # the payer got their money back outside of this house
    BOOKED_ELSEWHERE = "BOOKED_ELSEWHERE"  # belongs to another system that shares the merchant's number
    WRITTEN_OFF = "WRITTEN_OFF"  # a loss or a gain that was accepted
    NO_DIFFERENCE = "NO_DIFFERENCE"  # looked into: both sides say the same


STAFF_OUTCOMES = (
    Outcome.CHANNEL_CORRECTED,
    Outcome.BOOKS_CORRECTED,
    Outcome.REFUNDED_BY_HAND,
    Outcome.BOOKED_ELSEWHERE,
    Outcome.WRITTEN_OFF,
    Outcome.NO_DIFFERENCE,
)
OUTCOME_TEXTS = {
    Outcome.REPAIRED_BY_QUERY: "已向渠道查询，账目已一致",
    Outcome.STILL_DIFFERENT: "已向渠道查询，账目仍不一致",
    Outcome.CHANNEL_CONFIRMS: "渠道查询结果与我方账目一致，但账单没有列出",
    Outcome.CHANNEL_DENIES: "渠道查询不到这笔款项",
    Outcome.CHANNEL_SILENT: "渠道暂时无法查询",
    Outcome.CHANNEL_CORRECTED: "我方账目无误，渠道已更正",
    Outcome.BOOKS_CORRECTED: "以渠道为准，我方账目已人工更正",
    Outcome.REFUNDED_BY_HAND: "已人工退款给付款人",
    Outcome.BOOKED_ELSEWHERE: "属于共用商户号的其他系统",
    Outcome.WRITTEN_OFF: "差额已按规定核销",
    Outcome.NO_DIFFERENCE: "经核实两边一致",
}

PAID = (PaymentStatus.SETTLED, PaymentStatus.SURPLUS)
UNFINISHED = (RefundStatus.INTENDED, RefundStatus.PROCESSING, RefundStatus.ABNORMAL)
"""Of refunds: what `checkout.refunding.send_refund` asks the channel about."""
ASKED_ABOUT = (DiscrepancyKind.STATE_DIFFERS, DiscrepancyKind.MISSING_THERE)
"""The kinds about which the channel is asked: the first may be repaired by it, of the second staff learn more."""

Key = tuple[EntryKind, str]
"""What a row is about, and its number: a payment's or a refund's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """A payment or a refund as our books have it."""

    payment_no: str
    amount_fen: int
    status: str
    venue_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """All that a statement says of one payment or refund; if it lists it more than once, the sum."""

    payment_no: str
    amount_fen: int
    channel_trade_no: str
    status: str
    """SUCCEEDED for a payment, a `RefundState` for a refund."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One discrepancy, not yet written down."""

    kind: DiscrepancyKind
    about: EntryKind
    about_no: str
    channel_trade_no: str = ""
    venue_id: int | None = None
    ours_fen: int | None = None
    theirs_fen: int | None = None
    ours_status: str = ""
    theirs_status: str = ""


STATED_PAID = "SUCCEEDED"


def stated(entries: Iterable[StatementEntry]) -> dict[Key, Stated]:
    """A statement by what its rows are about. A row that names no number of a merchant goes by the channel's."""
    found: dict[Key, Stated] = {}
    for entry in entries:
        is_payment = entry.kind is EntryKind.PAYMENT
        number = (entry.payment_no if is_payment else entry.refund_no) or entry.channel_trade_no
        key = (entry.kind, number[:LONGEST_NO])
        before = found.get(key)
        found[key] = Stated(
            payment_no=entry.payment_no,
            amount_fen=entry.amount_fen + (before.amount_fen if before else 0),
            channel_trade_no=entry.channel_trade_no[:LONGEST_NO],
            status=STATED_PAID if is_payment else (entry.refund_state or RefundState.SUCCESS).value,
        )
    return found


def agrees(about: EntryKind, ours_status: str, theirs_status: str) -> bool:
    """Whether our status can be true beside what the statement says, which may be older than ours.

    A refund that was under way, or stuck, when the statement was made says nothing: it may have become anything since.
    """
    if about is EntryKind.PAYMENT:
        return ours_status in PAID
    if theirs_status in (RefundState.SUCCESS, RefundState.CLOSED):
        return ours_status == theirs_status
    return True


def match(stated: Mapping[Key, Stated], ours: Mapping[Key, Ours], missing_there: Iterable[Key]) -> list[Finding]:
    """Everything on which they do not agree, at most one finding for each payment or refund.

    `ours` has what we know of every number in `stated` and in `missing_there`, and the payments of all refunds.
    A refund of another payment than ours is none of ours. Where both amount and state differ the amount is
    told, since then nothing may be repaired by itself.
    """
    findings = []
    for key, theirs in stated.items():
        finding = _compared(key, theirs, ours)
        if finding is not None:
            findings.append(finding)
    for key in missing_there:
        mine = ours[key]
        findings.append(
            Finding(
                kind=DiscrepancyKind.MISSING_THERE,
                about=key[0],
                about_no=key[1],
                venue_id=mine.venue_id,
                ours_fen=mine.amount_fen,
                ours_status=mine.status,
            )
        )
    return findings


def _compared(key: Key, theirs: Stated, ours: Mapping[Key, Ours]) -> Finding | None:
    about, number = key
    mine = ours.get(key)
    if mine is None or mine.payment_no != theirs.payment_no:
        payment = ours.get((EntryKind.PAYMENT, theirs.payment_no))
        return Finding(
            kind=DiscrepancyKind.MISSING_HERE,
            about=about,
            about_no=number,
            channel_trade_no=theirs.channel_trade_no,
            venue_id=payment.venue_id if payment else None,
            theirs_fen=theirs.amount_fen,
            theirs_status=theirs.status,
        )
    if mine.amount_fen != theirs.amount_fen:
        kind = DiscrepancyKind.AMOUNT_DIFFERS
    elif not agrees(about, mine.status, theirs.status):
        kind = DiscrepancyKind.STATE_DIFFERS
    else:
        return None
    return Finding(
        kind=kind,
        about=about,
        about_no=number,
        channel_trade_no=theirs.channel_trade_no,
        venue_id=mine.venue_id,
        ours_fen=mine.amount_fen,
        theirs_fen=theirs.amount_fen,
        ours_status=mine.status,
        theirs_status=theirs.status,
    )


def span_of(day: date) -> tuple[datetime, datetime]:
    """The instants, half-open, whose payments and refunds the day asks for."""
    return instant_of(day, 0) - BORDER, instant_of(day, 24 * 60) - BORDER


def other_days(about: EntryKind, asked_at: datetime, *, day: date) -> Sequence[date]:
    """Where else something may stand that is not in the statement of its day; the likeliest first.

    `asked_at` is when we wrote it down, and thus the earliest day on which the channel can have listed it.
    """
    if about is EntryKind.PAYMENT:
        return [day - timedelta(days=1)]
    first = max(business_day(asked_at), day - LOOK_BACK)
    between = [first + timedelta(days=number) for number in range((day - first).days)]
    return list(dict.fromkeys([*between[:1], day - timedelta(days=1), *between[1:]]))


def due_at(day: date) -> datetime:
    """From when on the channel is asked for the statement of a day."""
    return instant_of(day + timedelta(days=1), READY_MINUTE)


def whole_days_late(day: date, at: datetime) -> int:
    """For how many days a statement has been due."""
    return (at - due_at(day)) // timedelta(days=1)


def is_a_day_later(day: date, *, scheduled_at: datetime, now: datetime) -> bool:
    """Whether one more whole day has gone by since the attempt before, so that it is said aloud again, once."""
    return whole_days_late(day, now) >= 1 and whole_days_late(day, now) > whole_days_late(
        day, scheduled_at - RETRY
    )


def checked_outcome(outcome: Outcome) -> Outcome:
    """One of those that staff may give."""
    if outcome not in STAFF_OUTCOMES:
        raise BadInput("这种处理结果只能由系统登记。", next_step="请选择人工处理的结果。", field="outcome")
    return outcome


def checked_note(note: str) -> str:
    """What an auditor will read: never empty."""
    note = note.strip()
    if not 1 <= len(note) <= LONGEST_NOTE:
        raise BadInput(
            "处理说明不完整。",
            next_step=f"请写明核实的依据，例如渠道工单号，1 到 {LONGEST_NOTE} 字。",
            field="note",
        )
    return note


class DiscrepancyUnknown(DomainError):
    """One sentence for what is not there and for what is another venue's."""

    code = ErrorCode.DISCREPANCY_UNKNOWN

    def __init__(self) -> None:
        super().__init__("没有找到这条对账差错。", next_step="请在差错列表里重新选择。", field="discrepancyId")


class DiscrepancyDone(DomainError):
    code = ErrorCode.DISCREPANCY_RESOLVED


def explanation(kind: DiscrepancyKind, about: EntryKind) -> tuple[str, str]:
    """What does not agree, and what staff can do about it."""
    thing = "收款" if about is EntryKind.PAYMENT else "退款"
    if kind is DiscrepancyKind.MISSING_HERE:
        return (
            f"渠道账单列出了这笔{thing}，我方没有这个单号的记录。",
            "请在渠道商户平台核实来源：属于其他系统的登记说明，误收的人工退款。",
        )
    if kind is DiscrepancyKind.MISSING_THERE:
        return (
            f"我方账目有这笔{thing}，当日及相邻日期的渠道账单都没有列出。",
            "请在渠道商户平台按单号查询，并联系渠道客服核实。",
        )
    if kind is DiscrepancyKind.AMOUNT_DIFFERS:
        return f"这笔{thing}的金额与渠道账单不同，系统不会自动更正。", "请核对双方凭证后登记处理结果。"
    return (
        f"这笔{thing}的状态与渠道账单不同。",
        "可以自动核实的，系统会向渠道查询；长时间未修复时，请在渠道商户平台核实后登记处理结果。",
    )
