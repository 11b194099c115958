"""Placing an order: all lines or none, held for a quarter of an hour."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import product

from models import database
from models.booking import operations as cells
from models.booking import queries as booking
from models.booking.operations import CellsWanted
from models.booking.queries import BookableSlot
from models.booking.rules import SlotTaken, aware, too_many_courts
from models.calendar import steps_between
from models.checkout.ending import end_hold
from models.checkout.fulfilling import fulfil
from models.errors import BadInput, DomainError, ErrorCode
from models.ids import new_no, request_hash
from models.members.standing import living
from models.money import shares
from models.orders.operations import charge
from models.orders.rules import OrderStatus
from models.orders.tables import Order, OrderLine
from models.vouchers import reserving
from models.vouchers.reserving import Basket
from models.vouchers.tables import Voucher
from payments.port import PaymentChannel

MOST_LINES = 8
LONGEST_KEY = 64
_MAY_BE_OVERDUE = (ErrorCode.TOO_MANY_COURTS, ErrorCode.VOUCHER_RESERVED, ErrorCode.VOUCHER_DAY_LIMIT)
"""Refusals behind which there may be an order of the member's own that nobody has ended yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineWanted:
    """One court from one instant on, for so many people. `expected_price_fen` is what the citizen was shown."""

    court_id: str
    starts_at: datetime
    people: int
    expected_price_fen: int | None = None


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
    channels: Mapping[str, PaymentChannel],
    now: datetime,
) -> str:
    """Holds the slots and returns the order's number; a free order is confirmed at once. The order, its key, its
    limits and its vouchers (public ids) are the member's, whoever places it.

    The same key with the same lines returns the same order. Raises a `DomainError` that names the slot, the rule
    and the way out; nothing is held then. When what stands in the way are holds that are overdue (the worker was
    down), they are ended here, properly, and the order is tried once more.
    """
    lines = checked_lines(lines)
    _check_key(idempotency_key)
    with_vouchers = reserving.checked_ids(voucher_ids)
    asked = request_hash(
        *([line.court_id, line.starts_at.timestamp(), line.people, line.expected_price_fen] for line in lines),
        *with_vouchers,
    )
    repeated = await _placed_before(member_id, idempotency_key, asked)
    if repeated:
        return repeated
    slots = await bookable_together(lines, now=now)
    people = tuple(line.people for line in lines)
    by = placed_by or PlacedBy()
    place = _Placing(member_id, tuple(slots), people, idempotency_key, asked, by, with_vouchers)
    try:
        return await _place(place, now=now)
    except DomainError as refusal:
        in_the_way = await _held_in_the_way(refusal, place, now)
        if not any([await end_hold(order_id=each, channels=channels, now=now) for each in in_the_way]):
            raise
    return await _place(place, now=now)


async def bookable_together(lines: Sequence[LineWanted], *, now: datetime) -> Sequence[BookableSlot]:
    """The slots of one order, with their prices. Raises what `place_order` would say of them, but for who holds them."""
    slots = await booking.bookable_slots([(line.court_id, line.starts_at, line.people) for line in lines], now=now)
    _check_together(lines, slots)
    return slots


@dataclass(frozen=True, slots=True)
class _Placing:
    member_id: int
    slots: tuple[BookableSlot, ...]
    people: tuple[int, ...]
    idempotency_key: str
    asked: str  # the hash of what was asked
    placed_by: PlacedBy
    voucher_ids: tuple[str, ...]

    @property
    def total_fen(self) -> int:
        return sum(slot.price_fen for slot in self.slots)


@database.operation
async def _place(place: _Placing, *, now: datetime) -> str:
    """Lock, check, write. The member's row is the lock under which their limits are counted; not in the way of what is told
    about another order of theirs, whose vouchers whoever settles it holds."""
    await living(place.member_id)
    repeated = await _placed_before(place.member_id, place.idempotency_key, place.asked)
    if repeated:
        return repeated
    await _check_limits(place)
    vouchers = await _vouchers_of(place, now) if place.voucher_ids else ()
    order = await _write_order(place, vouchers, now)
    lines = await _write_lines(order, place)
    if vouchers:
        await reserving.reserve(order, vouchers)
    blocking = await cells.hold([_cells_of(line, slot) for line, slot in zip(lines, place.slots, strict=True)])
    if blocking:
        raise SlotTaken(await _first_taken(place.slots), blocking)
    await charge(order, order.order_no, now)
    if order.to_pay_fen == 0:
        await fulfil(order, lines=lines, now=now)
    return order.order_no


async def _vouchers_of(place: _Placing, now: datetime) -> Sequence[Voucher]:
    basket = await basket_of(place.slots)
    return await reserving.lock_fitting(place.voucher_ids, member_id=place.member_id, basket=basket, now=now)


async def basket_of(slots: Sequence[BookableSlot]) -> Basket:
    """What vouchers see of an order."""
    return await reserving.basket_at(
        slots[0].venue_id,
        sports=frozenset(slot.court.sport_code for slot in slots),
        total_fen=sum(slot.price_fen for slot in slots),
    )


async def _held_in_the_way(refusal: DomainError, place: _Placing, now: datetime) -> Sequence[int]:
    """The orders whose holds are behind a refusal: those of the taken cells, or this member's own overdue ones."""
    if isinstance(refusal, SlotTaken):
        return refusal.blocking_order_ids
    if refusal.code not in _MAY_BE_OVERDUE:
        return ()
    overdue = await database.rows(
        "SELECT id FROM orders WHERE member_id = $1 AND status = 'PENDING_PAYMENT' AND hold_expires_at <= $2",
        place.member_id,
        now,
    )
    return [order["id"] for order in overdue]


async def _placed_before(member_id: int, key: str, asked: str) -> str | None:
    found = await database.row(
        "SELECT order_no, request_hash FROM orders WHERE member_id = $1 AND idempotency_key = $2", member_id, key
    )
    if found is None:
        return None
    if found["request_hash"] != asked:
        raise DomainError(
            "这个幂等键已经用于另一份预订。",
            code=ErrorCode.IDEMPOTENCY_KEY_REUSED,
            next_step="请换一个新的幂等键再提交。",
            field="idempotencyKey",
        )
    return str(found["order_no"])


async def _check_limits(place: _Placing) -> None:
    """Courts a person a day, and time on one court a day, counted with what they already hold."""
    for day in sorted({slot.day for slot in place.slots}):
        minutes = await _minutes_held(place.member_id, place.slots[0].venue_id, day)
        wanted = [slot for slot in place.slots if slot.day == day]
        for slot in wanted:
            minutes[slot.court.id] += _minutes(slot.starts_at, slot.ends_at)
        limits = place.slots[0].limits
        if len(minutes) > limits.courts_a_person_a_day:
            raise too_many_courts(limits, day)
        too_long = [slot for slot in wanted if minutes[slot.court.id] > limits.minutes_a_court_a_day]
        if too_long:
            raise DomainError(
                f"{too_long[-1].title}订不了：每人每天在同一片场地最多{limits.minutes_a_court_a_day}分钟。",
                code=ErrorCode.TOO_MANY_COURTS,
                next_step="请改订另一片场地或另一天。",
                field="lines",
            )


async def _minutes_held(member_id: int, venue_id: int, day: date) -> Counter[int]:
    """By court, over the member's orders that are not closed."""
    held = await database.rows(
        """SELECT order_line.court_id, order_line.starts_at, order_line.ends_at
             FROM order_line JOIN orders ON orders.id = order_line.order_id
            WHERE orders.member_id = $1 AND orders.venue_id = $2 AND order_line.business_day = $3
              AND orders.status <> 'CLOSED' AND order_line.cancelled_at IS NULL""",
        member_id,
        venue_id,
        day,
    )
    minutes: Counter[int] = Counter()
    for line in held:
        minutes[line["court_id"]] += _minutes(database.utc(line["starts_at"]), database.utc(line["ends_at"]))
    return minutes


def _minutes(starts_at: datetime, ends_at: datetime) -> int:
    return (ends_at - starts_at) // timedelta(minutes=1)


async def _write_order(place: _Placing, vouchers: Sequence[Voucher], now: datetime) -> Order:
    return await Order.create(
        order_no=new_no("O", now),
        member_id=place.member_id,
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
    )


async def _write_lines(order: Order, place: _Placing) -> list[OrderLine]:
    by_vouchers = shares(order.voucher_fen, [slot.price_fen for slot in place.slots])
    return [
        await OrderLine.create(
            order_id=order.id,
            line_no=number,
            kind="COURT_SLOT",
            court_id=slot.court.id,
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            business_day=slot.day,
            price_fen=slot.price_fen,
            voucher_fen=voucher_fen,
            people=people,
            title=slot.title,
            price_label=slot.price_label,
        )
        for number, (slot, people, voucher_fen) in enumerate(
            zip(place.slots, place.people, by_vouchers, strict=True), start=1
        )
    ]


def _cells_of(line: OrderLine, slot: BookableSlot) -> CellsWanted:
    return CellsWanted(line.id, slot.venue_id, slot.court.part_ids, slot.starts_at, slot.ends_at)


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


def _check_key(key: str) -> None:
    if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable() or not key.isascii():
        raise BadInput("幂等键应为 1 到 64 个英文字符或数字。", field="idempotencyKey")


def checked_lines(lines: Sequence[LineWanted]) -> list[LineWanted]:
    """With aware instants. Raises BAD_INPUT."""
    lines = [replace(line, starts_at=aware(line.starts_at)) for line in lines]
    if not lines:
        raise BadInput("请至少选择一个时段。", field="lines")
    if len(lines) > MOST_LINES:
        raise BadInput(f"一张订单最多{MOST_LINES}个时段。", next_step="请分成几张订单。", field="lines")
    if len({(line.court_id, line.starts_at) for line in lines}) < len(lines):
        raise BadInput("同一个时段选了两次。", next_step="请去掉重复的时段。", field="lines")
    return lines


def _check_together(lines: Sequence[LineWanted], slots: Sequence[BookableSlot]) -> None:
    if len({slot.venue_id for slot in slots}) > 1:
        raise BadInput("一张订单只能预订同一个场馆。", next_step="请按场馆分别下单。", field="lines")
    seen: set[tuple[int, int]] = set()
    for slot in slots:
        mine = set(product(slot.court.part_ids, steps_between(slot.starts_at, slot.ends_at)))
        if mine & seen:
            raise BadInput(
                "所选的场地互相重叠（例如全场与其中的半场）。", next_step="请只保留一个。", field="lines"
            )
        seen |= mine
    for line, slot in zip(lines, slots, strict=True):
        if line.expected_price_fen is not None and line.expected_price_fen != slot.price_fen:
            raise DomainError(
                f"{slot.title}的价格已变为{slot.price_fen // 100}.{slot.price_fen % 100:02d}元。",
                code=ErrorCode.PRICE_CHANGED,
                next_step="请刷新时段表，确认新价格后再下单。",
                field="lines",
            )
