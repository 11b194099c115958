"""What must hold of orders and vouchers together, whatever happened."""

from models.orders.tables import Order, OrderLine, Payment, Refund, RefundLine
from models.vouchers.books import budgets
from models.vouchers.fitting import venue_share_fen
from models.vouchers.reserving import terms_by_voucher
from models.vouchers.tables import OrderVoucher, Voucher, VoucherEvent, VoucherUse
from models.vouchers.writing_off import FOUND_FAKE


async def check_programme(campaign_id: int | None = None) -> None:
    """Every budget adds up, and the books of each use say what it is worth now."""
    for pool in await budgets(campaign_id):
        assert pool.balances, pool
    uses = VoucherUse.filter(way="ORDER") if campaign_id is None else VoucherUse.filter(campaign_id=campaign_id)
    entries = await VoucherEvent.filter(**({} if campaign_id is None else {"campaign_id": campaign_id}))
    vouchers = {
        voucher.id: voucher for voucher in await Voucher.filter(id__in=[use.voucher_id for use in await uses])
    }
    terms = await terms_by_voucher([*vouchers.values()])
    for use in await uses:
        assert use.venue_share_fen == venue_share_fen(terms[use.voucher_id], use.used_fen)
        booked = [entry for entry in entries if entry.use_id == use.id]
        from_reserve = [entry.amount_fen for entry in booked if entry.kind == "CONFLICT"]
        assert from_reserve in ([], [use.used_fen]) if use.state == "REFUSED" else from_reserve == []
        signs = {"USED": 1, "TAKEN_BACK": -1, "CONFLICT": 0}
        worth = sum(entry.amount_fen * signs[entry.kind] for entry in booked)
        share = sum(entry.venue_share_fen * signs[entry.kind] for entry in booked)
        is_worth = use.state == "DONE"
        assert worth == (use.used_fen if is_worth else 0)
        assert share == (use.venue_share_fen if is_worth else 0)


async def check_order(order_no: str) -> None:
    """No fen is lost: what the citizen paid and what vouchers paid, less what went back, is the price of what stands
    and what the refund rules kept. And vouchers are where the order says."""
    order = await Order.get(order_no=order_no)
    vouchers = await Voucher.filter(order_id=order.id)
    uses = await VoucherUse.filter(order_id=order.id)
    live_fen = sum(use.used_fen for use in uses if use.state != "UNDONE" or use.undo_reason == FOUND_FAKE)
    placed_with = await OrderVoucher.filter(order_id=order.id).prefetch_related("voucher")
    assert order.voucher_fen == sum(link.voucher.face_fen for link in placed_with)
    lines = await OrderLine.filter(order_id=order.id)
    assert sum(line.voucher_fen for line in lines) == order.voucher_fen
    if order.status == "PENDING_PAYMENT":
        assert {(each.state, each.id) for each in vouchers} == {
            ("RESERVED", each.voucher_id) for each in placed_with
        }
        return
    if order.paid_at is None:
        assert not vouchers
        assert not uses
        return
    settled = await Payment.filter(order_id=order.id, status="SETTLED")
    paid_fen = sum(payment.amount_fen for payment in settled)
    refunds = await Refund.filter(payment_id__in=[payment.id for payment in settled]).exclude(reason="GOODWILL")
    back_fen = sum(refund.amount_fen for refund in refunds)
    kept = await RefundLine.filter(refund_id__in=[refund.id for refund in refunds])
    stands_fen = sum(line.price_fen for line in lines if line.cancelled_at is None)
    assert paid_fen + live_fen - back_fen == stands_fen + sum(part.kept_fen for part in kept), order_no
    assert not [each for each in vouchers if each.state == "RESERVED"]


async def check_all() -> None:
    await check_programme()
    for order in await Order.all():
        await check_order(order.order_no)
