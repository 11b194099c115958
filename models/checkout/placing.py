"""Placing an order: all lines or none, held for a quarter of an hour."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from models import database
from models.attendance import players
from models.booking import operations as cells
from models.booking.bookable import BookableSlot, bookable_slots
from models.booking.operations import CellsWanted
from models.booking.rules import SlotTaken
from models.booking.session_queries import bookable_sessions
from models.booking.session_rules import SessionFull
from models.calendar import steps_between
from models.checkout import who_plays
from models.checkout.ending import end_hold
from models.checkout.fulfilling import fulfil
from models.checkout.pricing import ForWhom, own_prices
from models.checkout.session_lines import (
    Bookable,
    check_places,
    columns_of,
    courts_in,
    hold_sessions,
    in_the_way,
    sport_of,
)
from models.checkout.wanted import LineWanted, check_key, check_prices, check_together, checked_lines
from models.checkout.who_plays import WhoPlays
from models.errors import BadInput, DomainError, ErrorCode, KeyReused
from models.ids import new_no, request_hash
from models.keys import IdKeys
from models.money import shares
from models.orders.operations import charge
from models.orders.refund_policy import LineQuote
from models.orders.rules import OrderStatus, RefundParty
from models.orders.tables import MoveQuote, Order, OrderLine
from models.vouchers import reserving
from models.vouchers.reserving import Basket
from models.vouchers.tables import Voucher
from payments.port import PaymentChannel

_MAY_BE_OVERDUE = (
    ErrorCode.TOO_MANY_COURTS,
    ErrorCode.TOO_MANY_HOURS,
    ErrorCode.TOO_MANY_PLACES,
    ErrorCode.MOVE_WAITS,
    ErrorCode.VOUCHER_RESERVED,
    ErrorCode.VOUCHER_DAY_LIMIT,
)
"""Refusals behind which there may be an order of the member's own, or of a companion's, that nobody has ended yet."""


R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedBy:
    """Who placed an order for somebody else: their guardian or helper, or a clerk at whose desk they stand."""

    member_id: int | None = None
    staff_id: int | None = None


async def place_order(
    *,
    member_id: int,
    lines: Sequence[LineWanted],
    idempotency_key: str,
    voucher_ids: Sequence[str] = (),
    placed_by: PlacedBy | None = None,
    keys: IdKeys,
    channels: Mapping[str, PaymentChannel],
    now: datetime,
) -> str:
    """Holds the slots and returns the order's number; a free order is confirmed at once. The order, its key, its
    limits, its concessions and its vouchers (public ids) are the member's, whoever places it.

    The same key with the same lines returns the same order. Raises a `DomainError` that names the slot, the rule
    and the way out; nothing is held then. When what stands in the way are holds that are overdue (the worker was
    down), they are ended here, properly, and the order is tried once more.
    """
    lines = checked_lines(lines)
    check_key(idempotency_key)
    with_vouchers = reserving.checked_ids(voucher_ids)
    asked = request_hash(
        *(line.asked for line in lines),
        *with_vouchers,
    )
    repeated = await placed_before(member_id, idempotency_key, asked)
    if repeated:
        return repeated
    slots = await bookable_together(lines, whom=ForWhom(member_id=member_id, keys=keys), now=now)
    people = tuple(line.people for line in lines)
    by = placed_by or PlacedBy()
    named = tuple(line.companion_ids for line in lines)
    place = Placing(member_id, tuple(slots), people, named, keys, idempotency_key, asked, by, with_vouchers)
    return await past_overdue_holds(lambda: _place(place, now=now), place, channels=channels, now=now)


async def past_overdue_holds(
    attempt: Callable[[], Awaitable[R]],
    place: "Placing",
    *,
    channels: Mapping[str, PaymentChannel],
    now: datetime,
) -> R:
    """Tries it, and once more when what stood in the way were holds that are overdue and could be ended, here or by
    somebody else at this moment."""
    try:
        return await attempt()
    except DomainError as refusal:
        in_the_way = await _held_in_the_way(refusal, place, now)
        ended = [await end_hold(order_id=each, channels=channels, now=now) for each in in_the_way]
        if not any(ended) and not await Order.exists(id__in=in_the_way, status=OrderStatus.CLOSED):
            raise
    return await attempt()


async def bookable_together(
    lines: Sequence[LineWanted], *, whom: ForWhom, despite_draw: bool = False, now: datetime
) -> Sequence[Bookable]:
    """What the lines of one order are for, at the prices of whom it is for. Raises what `place_order` would say of them,
    but for who holds them; with `despite_draw` also what a draw gives out."""
    courts = [(line.court_id, line.starts_at, line.people) for line in lines if line.starts_at is not None]
    places = [(line.session_id, line.ticket, line.people) for line in lines if line.session_id]
    await players.companions_of(whom.member_id, [each for line in lines for each in line.companion_ids])
    slots = await bookable_slots(courts, despite_draw=despite_draw, now=now) if courts else []
    sessions = iter(await bookable_sessions(places, now=now) if places else ())
    check_together(slots)
    priced = iter(await own_prices(slots, whom))
    bought: list[Bookable] = [next(sessions) if line.session_id else next(priced) for line in lines]
    if len({each.venue_id for each in bought}) > 1:
        raise BadInput("一张订单只能预订同一个场馆。", next_step="请按场馆分别下单。", field="lines")
    check_prices(lines, bought)
    return bought


@dataclass(frozen=True, slots=True)
class Leaving:
    """The line that is moved to what is placed, and what giving it up gives back."""

    line_id: int
    party: RefundParty
    quote: LineQuote


@dataclass(frozen=True, slots=True)
class Placing:
    """What is to be placed: everything about it is known and checked but who holds the cells, and the limits."""

    member_id: int
    slots: tuple[Bookable, ...]
    people: tuple[int, ...]
    named: tuple[tuple[str, ...], ...]  # of each slot, the companions on it
    keys: IdKeys
    idempotency_key: str
    asked: str  # the hash of what was asked
    placed_by: PlacedBy
    voucher_ids: tuple[str, ...]
    leaving: Leaving | None = None
    organisation_id: int | None = None
    """In whose name it is."""
    by_approval: bool = False
    """The venue allowed more than a person may have."""

    @property
    def total_fen(self) -> int:
        return sum(slot.price_fen for slot in self.slots)


@database.operation
async def _place(place: Placing, *, now: datetime) -> str:
    return await place_within(place, await lock_players(place, now=now), now=now)


async def lock_players(place: Placing, *, now: datetime) -> WhoPlays:
    """The members' rows are the locks under which their limits are counted."""
    return await who_plays.lock(
        member_id=place.member_id,
        placed_by_id=place.placed_by.member_id,
        companion_ids=[each for ids in place.named for each in ids],
        venue_id=place.slots[0].venue_id,
        now=now,
    )


async def place_within(place: Placing, who: WhoPlays, *, now: datetime) -> str:
    """Checks and writes, inside an act that holds the rows of whoever plays."""
    venue_id = place.slots[0].venue_id
    repeated = await placed_before(place.member_id, place.idempotency_key, place.asked)
    if repeated:
        return repeated
    but_line_id = place.leaving.line_id if place.leaving else None
    await who_plays.check(
        who,
        place.slots,
        place.named,
        venue_id=venue_id,
        keys=place.keys,
        now=now,
        but_line_id=but_line_id,
        by_approval=place.by_approval,
    )
    await check_places(who.booker, place.slots, but_line_id=but_line_id)
    vouchers = await _vouchers_of(place, now) if place.voucher_ids else ()
    order = await _write_order(place, who, vouchers, now)
    lines = await _write_lines(order, place)
    await who_plays.write(who, lines, place.named, now)
    if vouchers:
        await reserving.reserve(order, vouchers)
    courts = [
        _cells_of(line, slot)
        for line, slot in zip(lines, place.slots, strict=True)
        if isinstance(slot, BookableSlot)
    ]
    blocking = await cells.hold(courts) if courts else None
    if blocking:
        taken, is_own = await _first_taken(courts_in(place.slots)), await _all_of(place.member_id, blocking)
        raise SlotTaken(taken, blocking, is_own=is_own)
    await hold_sessions(lines, place.slots, now=now)
    await charge(order, order.order_no, now)
    if order.to_pay_fen == 0:
        await fulfil(order, lines=lines, now=now)
    return order.order_no


async def _vouchers_of(place: Placing, now: datetime) -> Sequence[Voucher]:
    basket = await basket_of(place.slots)
    return await reserving.lock_fitting(place.voucher_ids, member_id=place.member_id, basket=basket, now=now)


async def basket_of(slots: Sequence[Bookable]) -> Basket:
    """What vouchers see of an order."""
    return await reserving.basket_at(
        slots[0].venue_id,
        sports=frozenset(map(sport_of, slots)),
        total_fen=sum(slot.price_fen for slot in slots),
    )


async def _held_in_the_way(refusal: DomainError, place: Placing, now: datetime) -> Sequence[int]:
    """The orders whose holds are behind a refusal: those of the taken cells, or this member's own overdue ones."""
    if isinstance(refusal, SlotTaken):
        return refusal.blocking_order_ids
    if isinstance(refusal, SessionFull):
        return await in_the_way(refusal, now=now)
    if refusal.code not in _MAY_BE_OVERDUE:
        return ()
    return await who_plays.overdue_holds(place.member_id, [each for ids in place.named for each in ids], now)


async def placed_before(member_id: int, key: str, asked: str) -> str | None:
    found = await database.row(
        "SELECT order_no, request_hash FROM orders WHERE member_id = $1 AND idempotency_key = $2", member_id, key
    )
    if found is None:
        return None
    if found["request_hash"] != asked:
        raise KeyReused("一份预订")
    return str(found["order_no"])


async def _write_order(place: Placing, who: WhoPlays, vouchers: Sequence[Voucher], now: datetime) -> Order:
    order = await Order.create(
        order_no=new_no("O", now),
        member_id=place.member_id,
        person_id=who.booker.person_id,
        member_province=who.booker.home_province,
        venue_id=place.slots[0].venue_id,
        status=OrderStatus.PENDING_PAYMENT,
        total_fen=place.total_fen,
        voucher_fen=sum(voucher.face_fen for voucher in vouchers),
        idempotency_key=place.idempotency_key,
        placed_by_id=place.placed_by.member_id,
        placed_by_staff_id=place.placed_by.staff_id,
        request_hash=place.asked,
        placed_at=now,
        hold_expires_at=now + timedelta(minutes=place.slots[0].limits.hold_minutes),
        moves_line_id=place.leaving.line_id if place.leaving else None,
        organisation_id=place.organisation_id,
        by_approval=place.by_approval,
    )
    if place.leaving:
        quote = place.leaving.quote
        await MoveQuote.create(
            order_id=order.id,
            party=place.leaving.party,
            refund_fen=quote.refund_fen,
            kept_fen=quote.kept_fen,
            explanation=quote.explanation,
        )
    return order


async def _write_lines(order: Order, place: Placing) -> list[OrderLine]:
    by_vouchers = shares(order.voucher_fen, [slot.price_fen for slot in place.slots])
    return [
        await OrderLine.create(
            order_id=order.id,
            line_no=number,
            **columns_of(slot),
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            business_day=slot.day,
            price_fen=slot.price_fen,
            concession_fen=slot.concession.fen if slot.concession else 0,
            concession_kind=slot.concession.rule.kind if slot.concession else "",
            price_parts=[list(part) for part in slot.price_parts],
            voucher_fen=voucher_fen,
            people=people,
            title=slot.title,
            price_label=slot.price_label,
            cancel_free_minutes=slot.limits.cancel_free_minutes,
            cancel_kept_percent=slot.limits.cancel_kept_percent,
        )
        for number, (slot, people, voucher_fen) in enumerate(
            zip(place.slots, place.people, by_vouchers, strict=True), start=1
        )
    ]


def _cells_of(line: OrderLine, slot: BookableSlot) -> CellsWanted:
    return CellsWanted(line.id, slot.venue_id, slot.court.part_ids, slot.starts_at, slot.ends_at)


async def _all_of(member_id: int, order_ids: Sequence[int]) -> bool:
    """Whether all of these orders are this member's. One that let go meanwhile is 0, and nobody's."""
    ids = database.parameters(len(order_ids), first=2)
    own = await database.rows(
        f"SELECT id FROM orders WHERE member_id = $1 AND id IN ({ids})", member_id, *order_ids
    )
    return len(own) == len(order_ids)


async def _first_taken(slots: Sequence[BookableSlot]) -> str:
    """The title of the first slot that somebody else has, for the refusal."""
    for slot in slots:
        parts = database.parameters(len(slot.court.part_ids), first=3)
        wanted = steps_between(slot.starts_at, slot.ends_at)
        if await database.row(
            f"SELECT id FROM held_cell WHERE step >= $1 AND step < $2 AND part_id IN ({parts}) LIMIT 1",
            wanted.start,
            wanted.stop,
            *slot.court.part_ids,
        ):
            return slot.title
    return slots[0].title
