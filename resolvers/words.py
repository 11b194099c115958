"""The states of orders and money, by their names in the schema. Several domains' types speak them, and Strawberry
wants to know them before it reads the first of these types; so each of those modules imports this one."""

import strawberry

from models.orders.rules import Channel, CloseReason, OrderStatus, RefundParty, RefundReason, RefundStatus
from payments.port import Way

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

__all__ = ["Channel", "CloseReason", "OrderStatus", "RefundParty", "RefundReason", "RefundStatus", "Way"]
