"""What staff do about refunds at their venues: cancel for the venue, give back out of goodwill, and take the way out of
those that will not arrive by themselves (`refunds_to_settle`).

Each act is recorded with who, when and why. What is asked twice happens once: by its key, or because the refund is in
other hands by then.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from models import database
from models.calendar import moment_text
from models.checkout.at_desk import checked_key, order_of_mine
from models.checkout.cancelling import Cancellation, cancel
from models.checkout.ending import channel_away
from models.checkout.refunding import record_refund, send_refund
from models.errors import BadInput, DomainError, ErrorCode, KeyReused
from models.money import yuan_text
from models.orders.operations import (
    OrderedBy,
    book,
    intend_refund,
    lock_order,
    lock_settled_payments,
)
from models.orders.refund_queries import lefts_to_give_back
from models.orders.rules import FinanceKind, OrderStatus, RefundParty, RefundReason, RefundStatus
from models.orders.share_rules import spread
from models.orders.tables import FinanceEvent, Payment, Refund, RefundLine
from models.staff.powers import venues_where
from models.staff.rules import Power, StaffSignedIn
from payments.port import BankCard, PaymentChannel, PaymentError, RefundState

log = logging.getLogger(__name__)

REDIRECTING = timedelta(minutes=1)
"""A question and a redirection take less, however slow the channel is."""
LONGEST_NOTE = 60
LONGEST_RECORD = 200
_CARD_NUMBER = re.compile(r"[0-9]{12,19}")
_BANK_TYPE = re.compile(r"[A-Z0-9_]{2,32}")


async def cancel_for_venue(
    *,
    clerk: StaffSignedIn,
    order_no: str,
    line_nos: Iterable[int] | None,
    reason: str,
    key: str,
    channels: Mapping[str, PaymentChannel],
    now: datetime,
) -> int:
    """The venue cannot keep its word: everything goes back, whatever the rules for members keep. The member reads
    the reason. An unpaid order is closed whole. Gives the order's id, as every act here.

    Raises ORDER_UNKNOWN (another venue's too), ORDER_STARTED for what was used or is over, BAD_INPUT.
    """
    note = checked_note(reason, field="reason")
    by = OrderedBy(staff_id=clerk.staff_id, note=_entry(clerk, f"取消：{note}", now), request_key=checked_key(key))
    order_id, order_no = await order_of_mine(clerk, order_no, Power.SETTLE_REFUNDS)
    asked = Cancellation(
        order_id=order_id,
        line_nos=None if line_nos is None else frozenset(line_nos),
        party=RefundParty.VENUE,
        by=by,
        note=note,
    )
    await cancel(asked, channels=channels, now=now)
    log.info("order %s: cancelled for the venue by staff %s", order_no, clerk.staff_id)
    return order_id


async def give_back(
    *,
    clerk: StaffSignedIn,
    order_no: str,
    amount_fen: int,
    note: str,
    key: str,
    channels: Mapping[str, PaymentChannel],
    now: datetime,
) -> int:
    """Part or all of what was paid, out of goodwill; nothing is cancelled by it.

    Raises ORDER_UNKNOWN (another venue's too), REFUND_TOO_LARGE above what is left, ORDER_SPLIT while a share is missing,
    IDEMPOTENCY_KEY_REUSED, BAD_INPUT.
    """
    note = _entry(clerk, checked_note(note, field="note"), now)
    by = OrderedBy(staff_id=clerk.staff_id, note=note, request_key=checked_key(key))
    order_id, order_no = await order_of_mine(clerk, order_no, Power.SETTLE_REFUNDS)
    refund_nos = await _give_back(order_id, amount_fen, by, now=now)
    log.info("refund %s: %s fen given back by staff %s", refund_nos[0], amount_fen, clerk.staff_id)
    for refund_no in refund_nos:
        await send_refund(refund_no=refund_no, channels=channels, now=now)
    return order_id


@database.operation
async def _give_back(order_id: int, amount_fen: int, by: OrderedBy, *, now: datetime) -> list[str]:
    """The numbers of the refunds: one, or one for each who paid a share."""
    order = await lock_order(order_id)
    given = await Refund.get_or_none(order_id=order.id, request_key=by.request_key)
    if given is not None:
        waived = await FinanceEvent.get_or_none(kind=FinanceKind.WAIVED, about_no=given.refund_no)
        if given.reason != RefundReason.GOODWILL or waived is None or waived.amount_fen != amount_fen:
            raise KeyReused("一次办理")
        return [given.refund_no]  # what else the act gave back the job sends, if it is not sent yet
    if order.status == OrderStatus.PENDING_PAYMENT and order.split_at is not None:
        raise DomainError(
            "这张订单由几个人分摊，还没有付齐，不能酌情退款。",
            code=ErrorCode.ORDER_SPLIT,
            next_step="到时没有付齐，已付的份额会全额退回；要提前结束，请取消订单。",
            field="orderNo",
        )
    payments = await lock_settled_payments(order.id)
    lefts = await lefts_to_give_back(payments)
    left_fen = sum(lefts)
    if not 0 < amount_fen <= left_fen:
        raise DomainError(
            f"这张订单最多还可退{yuan_text(left_fen)}。",
            code=ErrorCode.REFUND_TOO_LARGE,
            next_step="请核对已退款项后填写金额。" if left_fen else "已没有可退的款项。",
            field="amount",
        )
    [parts] = spread([amount_fen], lefts)
    numbers: list[str] = []
    for payment, part_fen in zip(payments, parts, strict=True):
        if part_fen == 0:
            continue
        refund = await intend_refund(
            payment=payment,
            amount_fen=part_fen,
            party=RefundParty.VENUE,
            reason=RefundReason.GOODWILL,
            by=by if not numbers else replace(by, request_key=None),  # one act has one number, on its first refund
            now=now,
        )
        numbers.append(refund.refund_no)
    await book(order, FinanceKind.WAIVED, amount_fen, numbers[0], now)
    return numbers


async def redirect_refund(
    *,
    clerk: StaffSignedIn,
    refund_no: str,
    card: BankCard | None,
    note: str,
    channels: Mapping[str, PaymentChannel],
    now: datetime,
) -> int:
    """An abnormal refund goes to another card of the payer's, or (None) back to the merchant; then it waits at the desk to
    be handed out in cash. The card goes to the channel and is kept nowhere.

    Raises REFUND_UNKNOWN (another venue's too), REFUND_IN_HAND when it is not abnormal (any more),
    OUTSIDE_UNAVAILABLE, BAD_INPUT.
    """
    note = checked_note(note, field="note")
    if card is not None:
        _check_card(card)
    refund_no = refund_no.strip().upper()
    refund_id, order_id = await _refund_at(clerk, refund_no)
    what = "改退银行卡" if card else "退回商户账户"
    payment = await _claim(refund_id, clerk.staff_id, _entry(clerk, f"{what}：{note}", now), now=now)
    channel = channels[payment.channel]
    log.info("refund %s: redirected (card: %s) by staff %s", refund_no, card is not None, clerk.staff_id)
    try:
        known = await channel.query_refund(refund_no, payment.payment_no)
        if known is not None and known.state is RefundState.ABNORMAL:
            await _destine(refund_id, to_merchant=card is None)
            known = await channel.redirect_refund(known, card)
    except PaymentError as error:
        log.warning("refund %s not redirected: %s", refund_no, error.code)
        if not error.may_have_happened:
            await _unclaim(refund_id)
        if error.retryable or error.may_have_happened:
            raise channel_away() from error
        raise DomainError(
            "渠道没有接受这次改退。",
            code=ErrorCode.REFUND_IN_HAND,
            next_step="请核对收款人与卡号后重试，或在商户平台办理；系统会继续查询结果。",
            field="refundNo",
        ) from error
    if known is None:
        await _unclaim(refund_id)
        raise channel_away()
    await record_refund(known, now=now)
    return order_id


@database.operation
async def _claim(refund_id: int, staff_id: int, entry: str, *, now: datetime) -> Payment:
    """From here on it is on its way again, in this clerk's hands, and nobody else asks about it while they do. Should
    the process die before the channel was asked, the sweep finds it abnormal once more."""
    refund = await _locked(refund_id)
    if refund.status != RefundStatus.ABNORMAL:
        raise _in_hand(refund)
    refund.status = RefundStatus.PROCESSING
    refund.staff_id = staff_id
    refund.staff_note = f"{refund.staff_note} {entry}".strip()[-LONGEST_RECORD:]
    refund.next_check_at = now + REDIRECTING  # also tells what was asked before from what is asked after
    await refund.save(update_fields=["status", "staff_id", "staff_note", "next_check_at"])
    return await Payment.get(id=refund.payment_id)


@database.operation
async def _destine(refund_id: int, *, to_merchant: bool) -> None:
    """Before the channel is asked: what arrives at the merchant is not yet the member's (models.checkout.refunding)."""
    await Refund.filter(id=refund_id, status=RefundStatus.PROCESSING).update(to_merchant=to_merchant)


@database.operation
async def _unclaim(refund_id: int) -> None:
    """The channel did nothing: the way out is open again."""
    refund = await _locked(refund_id)
    if refund.status == RefundStatus.PROCESSING:
        refund.status = RefundStatus.ABNORMAL
        refund.to_merchant = False
        await refund.save(update_fields=["status", "to_merchant"])


async def refund_again(
    *, clerk: StaffSignedIn, refund_no: str, note: str, channels: Mapping[str, PaymentChannel], now: datetime
) -> int:
    """What the channel closed is asked for once more, under a new number; the same clerk may ask twice for it.

    Raises REFUND_UNKNOWN (another venue's too), REFUND_IN_HAND when it was not closed or another clerk was faster.
    """
    note = _entry(clerk, f"重新退款：{checked_note(note, field='note')}", now)
    by = OrderedBy(staff_id=clerk.staff_id, note=note)
    refund_id, order_id = await _refund_at(clerk, refund_no)
    again = await _refund_again(refund_id, by, now=now)
    log.info("refund %s: again as %s by staff %s", refund_no, again, clerk.staff_id)
    await send_refund(refund_no=again, channels=channels, now=now)
    return order_id


@database.operation
async def _refund_again(refund_id: int, by: OrderedBy, *, now: datetime) -> str:
    closed = await _locked(refund_id)
    again = await Refund.get_or_none(replaces_id=closed.id)
    if again is not None and again.staff_id == by.staff_id:
        return again.refund_no
    if again is not None or closed.status != RefundStatus.CLOSED:
        raise _in_hand(again or closed)
    refund = await intend_refund(
        payment=await Payment.get(id=closed.payment_id),
        amount_fen=closed.amount_fen,
        party=RefundParty(closed.party),
        reason=RefundReason(closed.reason),
        by=by,
        replaces_id=closed.id,
        now=now,
    )
    await RefundLine.bulk_create(
        RefundLine(
            refund_id=refund.id,
            order_line_id=part.order_line_id,
            amount_fen=part.amount_fen,
            kept_fen=part.kept_fen,
            explanation=part.explanation,
        )
        for part in await RefundLine.filter(refund_id=closed.id)
    )
    return refund.refund_no


def checked_note(text: str, *, field: str) -> str:
    note = text.strip()
    if not note or len(note) > LONGEST_NOTE or not note.isprintable():
        raise BadInput(f"请写明原因，最多{LONGEST_NOTE}个字，不能换行。", field=field)
    return note


def _check_card(card: BankCard) -> None:
    """Only what plainly is none; whether it is the payer's own, the channel knows."""
    if not _CARD_NUMBER.fullmatch(card.number):
        raise BadInput("银行卡号应为12到19位数字。", next_step="请核对卡号。", field="card")
    if not _BANK_TYPE.fullmatch(card.bank_type):
        raise BadInput("银行代码不正确。", next_step="请按渠道的银行代码填写，例如 ICBC_DEBIT。", field="card")
    if not 1 <= len(card.holder.strip()) <= 40 or not card.holder.isprintable():
        raise BadInput("请填写持卡人姓名，最多40个字。", field="card")


def _entry(clerk: StaffSignedIn, what: str, now: datetime) -> str:
    """For the record: 11月20日 10:00 李前台 取消：场馆停电。"""
    return f"{moment_text(now)} {clerk.display_name} {what}。"


async def _refund_at(clerk: StaffSignedIn, refund_no: str) -> tuple[int, int]:
    """The ids of a refund and of its order."""
    found = await database.row(
        f"""SELECT refund.id, refund.order_id FROM refund JOIN orders ON orders.id = refund.order_id
                  JOIN venue ON venue.id = orders.venue_id
            WHERE {venues_where(Power.SETTLE_REFUNDS)} AND refund.refund_no = $2""",
        clerk.staff_id,
        refund_no.strip().upper(),
    )
    if found is None:
        raise DomainError(
            "没有找到这笔退款。",
            code=ErrorCode.REFUND_UNKNOWN,
            next_step="请核对退款单号；只能办理本场馆的退款。",
            field="refundNo",
        )
    return int(found["id"]), int(found["order_id"])


async def _locked(refund_id: int) -> Refund:
    """The refund, locked after its order and payment, as everybody does."""
    about = await Refund.get(id=refund_id)
    await lock_order(about.order_id)
    await Payment.select_for_update().get(id=about.payment_id)
    return await Refund.select_for_update().get(id=refund_id)


_STANDS = {
    RefundStatus.INTENDED: "正在提交渠道",
    RefundStatus.PROCESSING: "渠道正在处理",
    RefundStatus.SUCCESS: "已经到账",
    RefundStatus.ABNORMAL: "原账户无法收款",
    RefundStatus.AT_DESK: "在前台等待领取",
    RefundStatus.CLOSED: "已被渠道关闭",
}


def _in_hand(refund: Refund) -> DomainError:
    return DomainError(
        f"这笔退款现在{_STANDS[RefundStatus(refund.status)]}，不需要这样办理。",
        code=ErrorCode.REFUND_IN_HAND,
        next_step="请刷新列表查看最新进度。",
        field="refundNo",
    )
