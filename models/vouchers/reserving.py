"""Vouchers that pay for an order: reserved while it is unpaid, used when it is fulfilled, freed when it ends.

Plain functions inside the acts of `models.checkout`. Lock order: the member or the order, then the person, then the
vouchers in the order of their ids, then the venue's cap, then cells and pools. What fits is `fitting.unfit`; here is what several vouchers
must be to one another.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tortoise.queryset import QuerySet

from models import database
from models.calendar import business_day
from models.errors import BadInput, DomainError, ErrorCode
from models.ids import new_no
from models.members.standing import MemberGone, living
from models.money import shares, yuan_text
from models.orders.tables import Order
from models.vouchers.ending import expire, give_to_pools, hand_back
from models.vouchers.fitting import (
    NOTHING_YET,
    Place,
    Usage,
    alone_at_the_cap,
    alone_with_people,
    place_of,
    terms_of_versions,
    unfit,
    usage,
    venue_share_fen,
)
from models.vouchers.rules import EventKind, Stacking, Terms, UseState, UseWay, VoucherState
from models.vouchers.tables import OrderVoucher, Voucher, VoucherEvent, VoucherUse
from models.vouchers.taking_back import valid_until_after

MOST_VOUCHERS = 8

TermsOf = Mapping[int, Terms]
"""By voucher id: what was promised when it was claimed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basket:
    """What vouchers would pay for: all lines of one order."""

    place: Place
    sports: frozenset[str]
    total_fen: int


async def basket_at(venue_id: int, *, sports: frozenset[str], total_fen: int) -> Basket:
    venue = await database.row("SELECT public_id FROM venue WHERE id = $1", venue_id)
    assert venue is not None
    place = await place_of(venue["public_id"])
    assert place is not None
    return Basket(place=place, sports=sports, total_fen=total_fen)


def checked_ids(voucher_ids: Sequence[str]) -> tuple[str, ...]:
    """Raises BAD_INPUT."""
    if len(voucher_ids) > MOST_VOUCHERS:
        raise BadInput(f"一张订单最多用{MOST_VOUCHERS}张券。", field="voucherIds")
    if len(set(voucher_ids)) < len(voucher_ids):
        raise BadInput("同一张券选了两次。", next_step="请去掉重复的券。", field="voucherIds")
    return tuple(voucher_ids)


async def lock_fitting(
    voucher_ids: Sequence[str], *, member_id: int, basket: Basket, now: datetime
) -> Sequence[Voucher]:
    """The member's vouchers (public ids), locked, when they can pay together for this basket; the member's row is
    locked. Raises what `unfit` says of the first that cannot, VOUCHER_UNKNOWN for another's, VOUCHERS_NOT_TOGETHER."""
    found = await _locked(Voucher.filter(public_id__in=list(voucher_ids), member_id=member_id))
    if len(found) < len(voucher_ids):
        raise DomainError(
            "没有找到这张券。",
            code=ErrorCode.VOUCHER_UNKNOWN,
            next_step="请在“我的券”里重新选择；只能用预订人本人的券。",
            field="voucherIds",
        )
    await _check(found, basket, now)
    return found


async def _locked(wanted: QuerySet[Voucher]) -> Sequence[Voucher]:
    """In the order of their ids, once nobody else counts what their people use."""
    await alone_with_people(row["person_id"] for row in await wanted.values("person_id"))
    return await wanted.order_by("id").select_for_update()


async def _check(vouchers: Sequence[Voucher], basket: Basket, now: datetime) -> None:
    terms = await terms_by_voucher(vouchers)
    for voucher in sorted(vouchers, key=lambda each: each.campaign_id):
        await alone_at_the_cap(terms[voucher.id], campaign_id=voucher.campaign_id, venue_id=basket.place.venue_id)
    so_far = {voucher.id: await so_far_of(voucher, terms[voucher.id], basket, now) for voucher in vouchers}
    refusal = refusal_of(vouchers, terms, so_far, basket, now=now)
    if refusal is not None:
        refusal.field = "voucherIds"
        raise refusal


async def so_far_of(voucher: Voucher, terms: Terms, basket: Basket, now: datetime) -> Usage:
    if terms.uses_a_day is terms.uses_a_venue_a_day is terms.venue_cap_fen is None:
        return NOTHING_YET
    return await usage(terms, voucher, venue_id=basket.place.venue_id, day=business_day(now))


async def terms_by_voucher(vouchers: Sequence[Voucher]) -> dict[int, Terms]:
    """Under which each was claimed: one statement, of however many campaigns they are."""
    terms = await terms_of_versions({(voucher.campaign_id, voucher.terms_version) for voucher in vouchers})
    return {voucher.id: terms[voucher.campaign_id, voucher.terms_version] for voucher in vouchers}


def refusal_of(
    vouchers: Sequence[Voucher],
    terms: TermsOf,
    so_far: Mapping[int, Usage],
    basket: Basket,
    *,
    now: datetime,
) -> DomainError | None:
    """Why these vouchers cannot pay together; None when they can. Pure. Each counts against the limits of those after
    it, and their minimum spends add up: no yuan of the price satisfies two of them."""
    before: Counter[int] = Counter()
    paid: Counter[int] = Counter()
    for voucher in vouchers:
        own, here = terms[voucher.id], so_far[voucher.id]
        counted = replace(
            here,
            person_today=here.person_today + before[voucher.campaign_id],
            person_here_today=here.person_here_today + before[voucher.campaign_id],
            venue_paid_fen=here.venue_paid_fen + paid[voucher.campaign_id],
        )
        refusal = unfit(
            voucher,
            own,
            place=basket.place,
            sports=basket.sports,
            bill_fen=basket.total_fen,
            so_far=counted,
            now=now,
        )
        if refusal is not None:
            return refusal
        before[voucher.campaign_id] += 1
        paid[voucher.campaign_id] += voucher.face_fen - venue_share_fen(own, voucher.face_fen)
    return _not_together(vouchers, terms, basket.total_fen) if len(vouchers) > 1 else None


def _not_together(vouchers: Sequence[Voucher], terms: TermsOf, total_fen: int) -> DomainError | None:
    one_campaign = len({voucher.campaign_id for voucher in vouchers}) == 1
    for voucher in vouchers:
        stacking = terms[voucher.id].stacking
        if stacking is Stacking.NONE or (stacking is Stacking.SAME_CAMPAIGN and not one_campaign):
            what = "不能与其他券一起用" if stacking is Stacking.NONE else "只能与同一活动的券一起用"
            return DomainError(
                f"满{yuan_text(voucher.minimum_spend_fen)}减{yuan_text(voucher.face_fen)}的券{what}。",
                code=ErrorCode.VOUCHERS_NOT_TOGETHER,
                next_step="请只选一张券，或换成可以同用的券。",
                field="voucherIds",
            )
    least_fen = sum(voucher.minimum_spend_fen for voucher in vouchers)
    if least_fen > total_fen:
        return DomainError(
            f"几张券一起用，最低消费要相加：共需满{yuan_text(least_fen)}，还差{yuan_text(least_fen - total_fen)}。",
            code=ErrorCode.VOUCHER_SPEND_TOO_LOW,
            next_step="请少用一张券，或增加消费。",
            field="voucherIds",
        )
    return None


async def reserve(order: Order, vouchers: Sequence[Voucher]) -> None:
    """They are this order's from now on; they were locked and looked at."""
    await _mark_reserved(order, vouchers)
    await OrderVoucher.bulk_create(OrderVoucher(order_id=order.id, voucher_id=voucher.id) for voucher in vouchers)


async def lock_again(order: Order, basket: Basket, *, now: datetime) -> Sequence[Voucher] | None:
    """The vouchers with which a closed order was placed, locked, if they could pay for it once more under the same
    rules; None when one of them is spent, ended, reserved elsewhere, or above a limit by now."""
    try:
        await living(order.member_id)  # under their row limits are counted
    except MemberGone:
        return None
    placed_with = await OrderVoucher.filter(order_id=order.id).values_list("voucher_id", flat=True)
    found = await _locked(Voucher.filter(id__in=list(placed_with), member_id=order.member_id))
    if sum(voucher.face_fen for voucher in found) != order.voucher_fen:
        return None
    try:
        await _check(found, basket, now)
    except DomainError:
        return None
    return found


async def reserve_again(order: Order, vouchers: Sequence[Voucher]) -> None:
    await _mark_reserved(order, vouchers)


async def _mark_reserved(order: Order, vouchers: Sequence[Voucher]) -> None:
    marked = await database.rows(
        """UPDATE voucher SET state = 'RESERVED', order_id = $1
            WHERE id = ANY($2::bigint[]) AND state = 'CLAIMED' RETURNING id""",
        order.id,
        [voucher.id for voucher in vouchers],
    )
    assert len(marked) == len(vouchers), f"order {order.order_no}: a voucher was not locked"


async def use(order: Order, *, now: datetime) -> None:
    """The order is fulfilled: what was reserved for it is used, and the programme's books say so."""
    vouchers = await _reserved_for(order)
    assert sum(voucher.face_fen for voucher in vouchers) == order.voucher_fen, order.order_no
    terms, sport_code = await terms_by_voucher(vouchers), await _sport_of(order)
    bills = shares(order.total_fen, [voucher.face_fen for voucher in vouchers])
    for voucher, bill_fen in zip(vouchers, bills, strict=True):
        share_fen = venue_share_fen(terms[voucher.id], voucher.face_fen)
        used = await VoucherUse.create(
            use_no=new_no("V", now),
            voucher_id=voucher.id,
            campaign_id=voucher.campaign_id,
            kind_id=voucher.kind_id,
            member_id=voucher.member_id,
            venue_id=order.venue_id,
            sport_code=sport_code,
            way=UseWay.ORDER,
            order_id=order.id,
            device_id=order.order_no,
            nonce=voucher.public_id,
            state=UseState.DONE,
            bill_fen=bill_fen,
            used_fen=voucher.face_fen,
            venue_share_fen=share_fen,
            used_at=now,
            business_day=business_day(now),
        )
        await VoucherEvent.create(
            kind=EventKind.USED,
            about_no=used.use_no,
            use_id=used.id,
            campaign_id=used.campaign_id,
            venue_id=used.venue_id,
            amount_fen=used.used_fen,
            venue_share_fen=share_fen,
            happened_at=now,
        )
    await database.rows(
        "UPDATE voucher SET state = 'USED', ended_at = $1 WHERE id = ANY($2::bigint[])",
        now,
        [voucher.id for voucher in vouchers],
    )


async def _sport_of(order: Order) -> str:
    """Of several sports the one for which most is paid."""
    found = await database.row(
        """SELECT COALESCE(court.sport_code, session.sport_code) AS sport_code
             FROM order_line LEFT JOIN court ON court.id = order_line.court_id
                             LEFT JOIN session ON session.id = order_line.session_id
            WHERE order_line.order_id = $1
            GROUP BY 1 ORDER BY SUM(order_line.price_fen) DESC, 1 LIMIT 1""",
        order.id,
    )
    return str(found["sport_code"]) if found else ""


async def free(order: Order, *, by_venue: bool, now: datetime) -> None:
    """The order ends unpaid. Each voucher can be used again, or has ended meanwhile."""
    vouchers = await _reserved_for(order)
    terms = await terms_by_voucher(vouchers)
    freed: Counter[int] = Counter()
    for voucher in vouchers:
        until = valid_until_after(voucher, by_venue=by_venue, now=now)
        if until > now:
            await hand_back(voucher, valid_until=until)
        else:
            freed[voucher.pool_id] += await expire(voucher, terms[voucher.id], now=now)
    await give_to_pools(freed)


async def _reserved_for(order: Order) -> Sequence[Voucher]:
    return await Voucher.filter(order_id=order.id, state=VoucherState.RESERVED).order_by("id").select_for_update()
