"""The states of an order, a payment and a refund."""

from enum import StrEnum


class Channel(StrEnum):
    """Over which a payment goes (渠道)."""

    WECHAT_PAY = "WECHAT_PAY"


class OrderStatus(StrEnum):
    PENDING_PAYMENT = "PENDING_PAYMENT"  # cells are held until hold_expires_at
    PAID = "PAID"  # admissions are issued; free orders start here
    CLOSED = "CLOSED"  # nothing is held any more; close_reason says why


class CloseReason(StrEnum):
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


class PaymentStatus(StrEnum):
    INTENDED = "INTENDED"  # written down before the channel was asked
    WAITING = "WAITING"  # the channel expects the citizen
    SETTLED = "SETTLED"  # this payment paid the order
    SURPLUS = "SURPLUS"  # paid, but not needed: it is being given back
    CLOSED = "CLOSED"  # can never be paid any more


LIVE_PAYMENTS = (PaymentStatus.INTENDED, PaymentStatus.WAITING)


class RefundStatus(StrEnum):
    INTENDED = "INTENDED"  # written down before the channel was asked
    PROCESSING = "PROCESSING"
    SUCCESS = "SUCCESS"
    ABNORMAL = "ABNORMAL"  # the payer's account cannot take it: staff act at the channel
    CLOSED = "CLOSED"


class RefundReason(StrEnum):
    CANCELLED = "CANCELLED"
    PAID_TOO_LATE = "PAID_TOO_LATE"
    PAID_TWICE = "PAID_TWICE"


REASON_TEXTS = {
    RefundReason.CANCELLED: "您取消了预订，全额退款",
    RefundReason.PAID_TOO_LATE: "支付到账时场地已被他人预订，或时段已过，全额退款",
    RefundReason.PAID_TWICE: "同一订单重复支付，多付部分退款",
}
"""What the member reads, here and in WeChat's own refund message (at most 80 characters)."""


class FinanceKind(StrEnum):
    PAID = "PAID"
    REFUNDED = "REFUNDED"
