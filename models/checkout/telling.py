"""What members are told of their orders and refunds. Plain functions inside the acts of this room, one INSERT each."""

from collections.abc import Sequence
from datetime import datetime

from models import database
from models.calendar import moment_text
from models.messages.operations import tell
from models.money import yuan_text
from models.orders.rules import (
    AT_THE_DESK,
    CHANNEL_WORDS,
    WAYS_BACK,
    Channel,
    RefundParty,
    RefundStatus,
)
from models.orders.share_rules import ShareState
from models.orders.sharing import payer_of, shares_of
from models.orders.tables import Order, OrderLine, Payment, Refund

NOTHING_BACK = "没有需要退回的款项。"
SHARES_BACK = "已付的份额会全额原路退回各人的支付账户。"


async def confirmed(order: Order, lines: Sequence[OrderLine], *, venue_name: str, now: datetime) -> None:
    """The order is paid, or was free. Paid again after it was closed, it is told once. Of a split order the companions who
    paid their share hear of it as well; whoever booked hears that it is booked."""
    values = {"venue": venue_name, "order_no": order.order_no, **_what(lines)}
    await tell(
        member_id=order.member_id, template="ORDER_CONFIRMED", values=values, about_no=order.order_no, now=now
    )
    if order.split_at is None:
        return
    paid = {share.member_id for share in await shares_of(order, ShareState.PAID)}
    for companion in sorted(paid - {order.member_id}):
        await tell(
            member_id=companion, template="SHARES_COMPLETE", values=values, about_no=order.order_no, now=now
        )


async def cancelled(
    order: Order,
    lines: Sequence[OrderLine],
    *,
    party: RefundParty,
    note: str,
    refund_fen: int,
    payments: Sequence[Payment],
    vouchers_told: str = "",
    now: datetime,
) -> None:
    """These lines of the order are over. `note`: the venue's reason."""
    venue = await database.row("SELECT name FROM venue WHERE id = $1", order.venue_id)
    assert venue is not None
    is_by_venue = party is RefundParty.VENUE
    back = f"应退{yuan_text(refund_fen)}，" if payments and refund_fen else ""
    was_unpaid = order.split_at is not None and not payments
    values = {
        "venue": venue["name"],
        "order_no": order.order_no,
        "refund": back + (SHARES_BACK if was_unpaid else way_back(payments, refund_fen)) + vouchers_told,
        **_what(lines),
        **({"reason": note or "场馆取消了预订"} if is_by_venue else {}),
    }
    await tell(
        member_id=order.member_id,
        template="ORDER_CANCELLED_BY_VENUE" if is_by_venue else "ORDER_CANCELLED",
        values=values,
        about_no="-".join([order.order_no, *(str(line.line_no) for line in lines)]),
        now=now,
    )


def way_back(payments: Sequence[Payment], refund_fen: int) -> str:
    """Where the money goes, and how long it takes."""
    if not payments or not refund_fen:
        return NOTHING_BACK
    if len(payments) > 1:
        return "按各人付的份额，原路退回各人的支付账户。"
    return WAYS_BACK[Channel(payments[0].channel)]


async def refund_moved(order: Order, payment: Payment, refund: Refund, *, now: datetime) -> None:
    """A refund arrived, waits at the desk, or will not arrive by itself. While it is on its way nothing is told."""
    if refund.status == RefundStatus.SUCCESS:
        told = {"how": _how(payment, refund), "why": refund.reason_text}
        template = "REFUND_DONE"
    elif refund.status == RefundStatus.AT_DESK:
        told, template = {}, "REFUND_AT_DESK"
    elif refund.status in (RefundStatus.ABNORMAL, RefundStatus.CLOSED):
        told, template = {}, "REFUND_STUCK"
    else:
        return
    values = {"order_no": order.order_no, "amount": yuan_text(refund.amount_fen), **told}
    payer_id = await payer_of(order, payment)
    await tell(member_id=payer_id, template=template, values=values, about_no=refund.refund_no, now=now)


def _what(lines: Sequence[OrderLine]) -> dict[str, str]:
    """羽毛球1号场 11月21日 09:00–10:00等2个时段, and when the first of them begins."""
    first = min(lines, key=lambda line: line.starts_at)
    more = f"等{len(lines)}个时段" if len(lines) > 1 else ""
    return {"what": f"{first.title}{more}", "when": moment_text(first.starts_at)}


def _how(payment: Payment, refund: Refund) -> str:
    if refund.to_merchant or payment.channel == Channel.CASH:
        return "在前台以现金退给您"
    if payment.channel in AT_THE_DESK:
        return "在前台退回您的银行卡"
    return f"由{CHANNEL_WORDS[Channel(payment.channel)]}退回"
