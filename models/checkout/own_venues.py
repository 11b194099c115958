"""Our own venues as a partner platform sees them: the first adapter of `federation.port.PartnerPlatform`.

It says nothing that citizens are not told, and does nothing that they could not: the same rooms, limits and rules.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from federation.port import BookingState, PartnerBooking, PartnerLine, PartnerRefused, PartnerSlot
from models.booking import queries as booking
from models.booking.rules import SlotStatus
from models.checkout.cancelling import cancel_order
from models.checkout.placing import place_order
from models.checkout.wanted import LineWanted
from models.errors import DomainError, ErrorCode
from models.keys import IdKeys
from models.members.tables import Member
from models.orders.rules import OrderStatus
from models.orders.tables import Order
from payments.port import PaymentChannel

_STATES: Mapping[str, BookingState] = {
    OrderStatus.PENDING_PAYMENT: BookingState.HELD,
    OrderStatus.PAID: BookingState.CONFIRMED,
    OrderStatus.CLOSED: BookingState.ENDED,
}


@dataclass(frozen=True, kw_only=True)
class OwnVenues:
    """Venues, courts, citizens and bookings go by their public ids and numbers."""

    channels: Mapping[str, PaymentChannel]
    keys: IdKeys
    clock: Callable[[], datetime]

    async def slots(self, *, venue: str, sport: str, day: date) -> Sequence[PartnerSlot]:
        try:
            found = await booking.slots(venue_id=venue, sport=sport or None, day=day, now=self.clock())
        except DomainError as refusal:
            raise _refused(refusal) from refusal
        return [
            PartnerSlot(
                court=court.court_id,
                court_name=court.court_name,
                starts_at=slot.starts_at,
                ends_at=slot.ends_at,
                price_fen=slot.price_fen,
                is_free=slot.status is SlotStatus.AVAILABLE,
            )
            for court in found
            for slot in court.slots
        ]

    async def hold(self, *, citizen: str, lines: Sequence[PartnerLine], key: str) -> PartnerBooking:
        wanted = [
            LineWanted(
                court_id=line.court,
                starts_at=line.starts_at,
                people=line.people,
                expected_price_fen=line.price_fen,
            )
            for line in lines
        ]
        try:
            order_no = await place_order(
                member_id=await _member(citizen),
                lines=wanted,
                idempotency_key=key,
                keys=self.keys,
                channels=self.channels,
                now=self.clock(),
            )
        except DomainError as refusal:
            raise _refused(refusal) from refusal
        return await self.booking(citizen=citizen, booking_no=order_no)

    async def booking(self, *, citizen: str, booking_no: str) -> PartnerBooking:
        order = await Order.get_or_none(order_no=booking_no, member_id=await _member(citizen))
        if order is None:
            raise PartnerRefused(ErrorCode.ORDER_UNKNOWN, "没有找到这笔预订。")
        return PartnerBooking(
            booking_no=order.order_no,
            state=_STATES[order.status],
            total_fen=order.total_fen,
            pay_by=order.hold_expires_at,
        )

    async def release(self, *, citizen: str, booking_no: str) -> PartnerBooking:
        try:
            await cancel_order(
                member_id=await _member(citizen), order_no=booking_no, channels=self.channels, now=self.clock()
            )
        except DomainError as refusal:
            raise _refused(refusal) from refusal
        return await self.booking(citizen=citizen, booking_no=booking_no)


async def _member(public_id: str) -> int:
    found = await Member.get_or_none(public_id=public_id, deleted_at=None)
    if found is None:
        raise PartnerRefused("CITIZEN_UNKNOWN", "没有找到这位市民。")
    return int(found.id)


def _refused(refusal: DomainError) -> PartnerRefused:
    return PartnerRefused(refusal.code, refusal.message)
