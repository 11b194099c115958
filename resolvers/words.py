"""The states of orders and money, by their names in the schema. Several domains' types speak them, and Strawberry
wants to know them before it reads the first of these types; so each of those modules imports this one."""

import strawberry

from models.attendance.rules import AttendanceState
from models.booking.session_rules import Ticket
from models.orders.rules import (
    Channel,
    CloseReason,
    LineKind,
    OrderStatus,
    RefundParty,
    RefundReason,
    RefundStatus,
)
from models.real_names.rules import ConcessionKind
from models.venues.explaining import PartKind
from payments.port import Way

strawberry.enum(ConcessionKind, description="Who pays less. SENIOR follows from the age.")
strawberry.enum(PartKind, name="PricePartKind")
strawberry.enum(AttendanceState, description="Whether somebody came to a line in time.")
strawberry.enum(LineKind, name="OrderLineKind", description="A court for a time, or places of a session.")
strawberry.enum(Ticket, name="SessionTicketKind", description="Whom a place of a session is for.")
strawberry.enum(OrderStatus, name="OrderStatus")
strawberry.enum(CloseReason, name="OrderCloseReason")
strawberry.enum(Channel, name="PaymentChannel", description="Over which an order is paid.")
strawberry.enum(
    Way,
    name="PaymentWay",
    description="How the payer and the channel meet. Members use IN_APP, MOBILE_WEB, DESKTOP_WEB and CODE.",
)
strawberry.enum(RefundStatus, name="RefundStatus")
strawberry.enum(RefundReason, name="RefundReason")
strawberry.enum(RefundParty, name="RefundParty", description="Because of whom money goes back.")

__all__ = [
    "AttendanceState",
    "Channel",
    "CloseReason",
    "ConcessionKind",
    "LineKind",
    "OrderStatus",
    "PartKind",
    "RefundParty",
    "RefundReason",
    "RefundStatus",
    "Ticket",
    "Way",
]
