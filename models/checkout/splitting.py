"""Splitting the price of an order among those who play (分摊): each pays their share by a channel of theirs within the
order's hold, and the last one confirms it (docs/decisions/0044-splitting.md).

Nothing is booked while a share is missing. When the hold ends before all are paid, each paid share goes back to where it
was paid; until then whoever booked may take over what is missing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from models import database
from models.attendance.players import companions_of, players
from models.calendar import moment_text
from models.checkout.ending import channel_away, close_at_channels, close_attempts
from models.checkout.paying import OpenedPayment, PaymentWanted, check_held, open_payment
from models.errors import BadInput, DomainError, ErrorCode
from models.members.standing import living
from models.messages.operations import tell
from models.money import yuan_text
from models.orders.operations import lock_order, order_id_of
from models.orders.rules import UNDECIDED
from models.orders.share_rules import ShareState, equal_shares
from models.orders.sharing import shares_of, take_over, write_shares
from models.orders.tables import Order, OrderLine, Payment, PaymentShare
from payments.port import PaymentChannel


async def split_order(
    *,
    member_id: int,
    order_no: str,
    companion_ids: Sequence[str] | None = None,
    channels: Mapping[str, PaymentChannel],
    now: datetime,
) -> None:
    """What is to be paid of a member's unpaid order is split evenly among them and these companions (companionships'
    public ids), or without any those who are named on its lines. Each of them is told. Among the same people once more
    changes nothing.

    What they began to pay for all of it is closed at the channel first; what is paid on it after all is given back.

    Raises ORDER_UNKNOWN, ORDER_CLOSED, ORDER_ALREADY_PAID, ORDER_FREE, ORDER_SPLIT among others, RELATION_UNKNOWN,
    BOOKING_PAUSED for a companion who is paused there, BAD_INPUT, OUTSIDE_UNAVAILABLE.
    """
    order_id = await order_id_of(member_id=member_id, order_no=order_no)
    order = await Order.get(id=order_id)
    others = await _others(order, companion_ids)
    if order.split_at is None:
        check_held(order, now)
        await close_at_channels(order, channels, now=now, abandoning=True)
    await _split(order_id, member_id, others, now=now)


async def pay_share(
    *, member_id: int, order_no: str, wanted: PaymentWanted, channels: Mapping[str, PaymentChannel], now: datetime
) -> OpenedPayment:
    """Opens a payment for the member's share of an order, their own or another's. Asking twice pays once.

    Raises SHARE_UNKNOWN, SHARE_TAKEN_OVER, ORDER_ALREADY_PAID, ORDER_CLOSED, and what `pay_order` does.
    """
    found = await database.row(
        """SELECT share.id, share.order_id FROM payment_share share JOIN orders ON orders.id = share.order_id
            WHERE orders.order_no = $1 AND share.member_id = $2
            ORDER BY CASE share.state WHEN 'OPEN' THEN 0 ELSE 1 END, share.share_no DESC LIMIT 1""",
        order_no,
        member_id,
    )
    if found is None:
        raise _share_unknown()
    return await open_payment(
        order_id=found["order_id"], share_id=found["id"], wanted=wanted, channels=channels, now=now
    )


async def take_over_shares(
    *, member_id: int, order_no: str, channels: Mapping[str, PaymentChannel], now: datetime
) -> None:
    """What others have not paid yet, and what whoever booked has not paid themselves, becomes one share of theirs. Harmless
    the second time. Nobody may be able to pay a share that is taken over, so its attempts are closed at the channel first;
    what is paid on them after all is given back.

    Raises ORDER_UNKNOWN, ORDER_CLOSED, ORDER_ALREADY_PAID, SHARE_UNKNOWN for an order that is not split,
    PAYMENT_PENDING while somebody is about to pay, OUTSIDE_UNAVAILABLE.
    """
    order_id = await order_id_of(member_id=member_id, order_no=order_no)
    order = await Order.get(id=order_id)
    if order.split_at is None:
        raise _share_unknown()
    missing = [share.id for share in await _missing(order)]
    attempts = await Payment.filter(share_id__in=missing, status__in=UNDECIDED) if missing else []
    if not await close_attempts(attempts, channels, now=now, abandoning=True):
        raise channel_away()
    await _take_over(order_id, member_id, now=now)


@database.operation
async def _split(order_id: int, member_id: int, others: Sequence[int], *, now: datetime) -> None:
    await living(*sorted({member_id, *others}))
    order = await lock_order(order_id)
    if order.member_id != member_id:  # it went to another account meanwhile
        raise BadInput("这张订单刚刚换了账号。", next_step="请刷新后再试。", field="orderNo")
    members = [member_id, *others]
    check_held(order, now)
    if order.split_at is not None:
        if {share.member_id for share in await shares_of(order)} == set(members):
            return
        raise DomainError(
            "这张订单已经分摊给其他人了，不能再改。",
            code=ErrorCode.ORDER_SPLIT,
            next_step="可以由您补齐没付的部分，或取消后重新预订。",
            field="companionIds",
        )
    if await Payment.filter(order_id=order.id, status__in=UNDECIDED).exists():
        raise channel_away()  # they just began to pay, or nobody can say whether they did
    await _check_pauses(order, others, now)
    amounts = equal_shares(order.to_pay_fen, len(members))
    await write_shares(order, members, amounts, now)
    for other, amount_fen in zip(others, amounts[1:], strict=True):
        await _ask(order, other, amount_fen, now)


@database.operation
async def _take_over(order_id: int, member_id: int, *, now: datetime) -> None:
    order = await lock_order(order_id)
    if order.member_id != member_id:
        raise BadInput("这张订单刚刚换了账号。", next_step="请刷新后再试。", field="orderNo")
    check_held(order, now)
    missing = await _missing(order)
    if not missing:
        return
    ids = [share.id for share in missing]
    if await Payment.filter(share_id__in=ids, status__in=UNDECIDED).exists():
        raise DomainError(
            "有人正在付自己的那份。",
            code=ErrorCode.PAYMENT_PENDING,
            next_step="请稍等片刻，看看是否付成，再补齐。",
            field="orderNo",
        )
    await take_over(order, missing, now=now)


async def _missing(order: Order) -> list[PaymentShare]:
    """What is not paid; nothing, once it is only whoever booked who has to pay."""
    missing = await shares_of(order, ShareState.OPEN)
    return missing if any(share.member_id != order.member_id for share in missing) else []


async def _others(order: Order, companion_ids: Sequence[str] | None) -> list[int]:
    """The members among whom it is split beside whoever booked, in the order in which they were named."""
    if companion_ids is not None:
        if len(set(companion_ids)) < len(companion_ids):
            raise BadInput("同一位球友选了两次。", next_step="请去掉重复的球友。", field="companionIds")
        known = await companions_of(order.member_id, companion_ids)
        return [known[each] for each in companion_ids]
    lines = await OrderLine.filter(order_id=order.id).values_list("id", flat=True)
    named = await database.rows(
        "SELECT member_id FROM line_companion WHERE order_line_id = ANY($1::bigint[]) ORDER BY id", list(lines)
    )
    return list(dict.fromkeys(row["member_id"] for row in named if row["member_id"] != order.member_id))


async def _check_pauses(order: Order, others: Sequence[int], now: datetime) -> None:
    """Without saying who: a pause is no business of whoever splits a price."""
    if any(each.paused_until for each in (await players(order.venue_id, others, now)).values()):
        raise DomainError(
            "所选的球友中，有人目前不能在本馆预订，不能一起分摊。",
            code=ErrorCode.BOOKING_PAUSED,
            next_step="请换一位球友，或自己付全款。",
            field="companionIds",
        )


async def _ask(order: Order, member_id: int, amount_fen: int, now: datetime) -> None:
    first = await OrderLine.filter(order_id=order.id).order_by("starts_at").first()
    venue = await database.row("SELECT name FROM venue WHERE id = $1", order.venue_id)
    assert first is not None
    assert venue is not None
    await tell(
        member_id=member_id,
        template="SHARE_ASKED",
        values={
            "venue": venue["name"],
            "what": f"{first.title} {moment_text(first.starts_at)}",
            "amount": yuan_text(amount_fen),
            "until": moment_text(order.hold_expires_at),
            "order_no": order.order_no,
        },
        about_no=order.order_no,
        now=now,
    )


def _share_unknown() -> DomainError:
    return DomainError(
        "没有找到这份分摊。",
        code=ErrorCode.SHARE_UNKNOWN,
        next_step="请在“待付分摊”里查看，或请预订人重新发起。",
        field="orderNo",
    )
