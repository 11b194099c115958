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
from models.vouchers.rules import AgeGroup, Challenge, OnRefund, Stacking, UseState, UseWay
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
strawberry.enum(Stacking, name="VoucherStacking", description="Which vouchers may be used for one order together.")
strawberry.enum(
    OnRefund, name="VoucherOnRefund", description="What becomes of a voucher when its order is refunded."
)
strawberry.enum(
    Challenge, name="VoucherChallenge", description="Whether a claim must show that no robot makes it."
)
strawberry.enum(AgeGroup, name="VoucherAgeGroup", description="Known only by a real name.")
strawberry.enum(UseState, name="VoucherUseState", description="How the write-off of a voucher stands.")
strawberry.enum(UseWay, name="VoucherUseWay", description="Where a voucher was used.")

__all__ = [
    "AgeGroup",
    "AttendanceState",
    "Challenge",
    "Channel",
    "CloseReason",
    "ConcessionKind",
    "LineKind",
    "OnRefund",
    "OrderStatus",
    "PartKind",
    "RefundParty",
    "RefundReason",
    "RefundStatus",
    "Stacking",
    "Ticket",
    "UseState",
    "UseWay",
    "Way",
]
