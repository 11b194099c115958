"""Gates and people who come to them with a paid booking, for the tests of scans and figures."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models.admissions import operations as admissions
from models.admissions.tables import Admission
from models.calendar import business_day
from models.codes import rules as codes
from models.codes.rules import CodeVersions
from models.footfall import devices
from models.footfall.devices import GateCredentials, KnownDevice
from models.ids import new_no
from models.orders.tables import Order, OrderLine
from models.venues.tables import Court, Venue
from tests.conftest import NOW
from tests.factories.people import CODE_KEYS, a_member
from tests.factories.places import a_court

GATE_KEYS = {"1": b"g" * 32}


@dataclass(frozen=True)
class Gate:
    """A device, and what is set up in it."""

    device: KnownDevice
    credentials: GateCredentials

    @property
    def id(self) -> int:
        return self.device.id


async def a_gate(venue: Venue, direction: str = "ENTRY", **columns: Any) -> Gate:
    """A reader at a door of the venue; `columns` as `create_gate` takes them."""
    credentials = await devices.create_gate(
        **{
            "device_no": f"G-{secrets.token_hex(4)}",
            "venue_public_id": venue.public_id,
            "direction": direction,
            "keys": GATE_KEYS,
            **columns,
        }
    )
    device = await devices.find_device(credentials.token)
    assert device is not None
    return Gate(device, credentials)


@dataclass(frozen=True)
class Ticket:
    """One admission of a paid order, and the codes that its holder's phone shows."""

    admission: Admission
    order_no: str
    venue_public_id: str

    def code(self, at: datetime = NOW) -> str:
        return codes.make_rotating(CODE_KEYS, at=at, **self._subject())

    def printed_code(self) -> str:
        return codes.make_printed(CODE_KEYS, **self._subject())

    def _subject(self) -> dict[str, Any]:
        return {
            "handle": self.admission.handle,
            "venue": self.venue_public_id,
            "day": self.admission.business_day,
            "versions": CodeVersions(member=0, admission=0),
        }


async def tickets(
    venue: Venue,
    count: int,
    *,
    starts_at: datetime = NOW,
    now: datetime = NOW,
    hours: int = 2,
    member_id: int | None = None,
) -> list[Ticket]:
    """The admissions of one paid order for so many people, of a new member unless one is named."""
    court = await Court.get_or_none(venue=venue) or await a_court(venue)
    if member_id is None:
        member_id, _ = await a_member()
    order = await Order.create(
        order_no=new_no("D", now),
        member_id=member_id,
        venue=venue,
        status="PAID",
        total_fen=0,
        idempotency_key=secrets.token_hex(8),
        request_hash="",
        placed_at=now,
        hold_expires_at=now,
        paid_at=now,
    )
    line = await OrderLine.create(
        order=order,
        line_no=1,
        kind="COURT_SLOT",
        court=court,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=hours),
        business_day=business_day(starts_at),
        price_fen=0,
        people=count,
        title=court.name,
        price_label="",
    )
    await admissions.issue(order, lines=[line], opens_before={line.id: timedelta(minutes=30)})
    issued = await Admission.filter(order=order).order_by("id")
    return [Ticket(admission, order.order_no, venue.public_id) for admission in issued]


async def a_ticket(venue: Venue, **when: Any) -> Ticket:
    (ticket,) = await tickets(venue, 1, **when)
    return ticket
