"""The states of an order, a payment and a refund."""

from collections.abc import Mapping
from enum import StrEnum


class Channel(StrEnum):
    """Over which a payment goes (渠道)."""

    WECHAT_PAY = "WECHAT_PAY"
    ALIPAY = "ALIPAY"
    CASH = "CASH"  # at the desk, into the drawer
    CARD = "CARD"  # at the desk's card terminal, which knows nothing of us


CHANNEL_WORDS = {
    Channel.WECHAT_PAY: "微信支付",
    Channel.ALIPAY: "支付宝",
    Channel.CASH: "现金",
    Channel.CARD: "刷卡",
}
WAYS_BACK: Mapping[str, str] = {
    # WeChat Pay v3, 申请退款: 零钱支付的退款20分钟内到账，银行卡支付的退款3个工作日后查询
    Channel.WECHAT_PAY: "原路退回微信支付：零钱一般20分钟内到账，银行卡一般3个工作日内到账。",
    Channel.ALIPAY: "原路退回支付宝：余额一般即时到账，银行卡以银行到账时间为准。",
    Channel.CASH: "请凭订单号到场馆前台领取现金。",
    Channel.CARD: "请凭订单号和原银行卡到场馆前台办理，退回原卡。",
}
AT_THE_DESK = (Channel.CASH, Channel.CARD)
"""Staff take and give this money by hand; there is nobody whom our jobs could ask."""


class LineKind(StrEnum):
    """What a line of an order is for."""

    COURT_SLOT = "COURT_SLOT"  # a court for a time: cells
    SESSION = "SESSION"  # places in a timed admission (场次)


class OrderStatus(StrEnum):
    PENDING_PAYMENT = "PENDING_PAYMENT"  # cells are held until hold_expires_at
    PAID = "PAID"  # admissions are issued; free orders start here
    CLOSED = "CLOSED"  # nothing is held any more; close_reason says why


class CloseReason(StrEnum):
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    CANCELLED_BY_VENUE = "CANCELLED_BY_VENUE"


class PaymentStatus(StrEnum):
    INTENDED = "INTENDED"  # written down before the channel was asked
    WAITING = "WAITING"  # the channel expects the citizen
    SETTLED = "SETTLED"  # this payment paid the order
    SURPLUS = "SURPLUS"  # paid, but not needed: it is being given back
    REVERSING = "REVERSING"  # a payer's code that is being reversed: nothing settles it until that has ended
    ABANDONED = "ABANDONED"  # given up, yet the channel may take money until it expires: that is given back
    CLOSED = "CLOSED"  # can never be paid any more


LIVE_PAYMENTS = (PaymentStatus.INTENDED, PaymentStatus.WAITING)
UNDECIDED = (*LIVE_PAYMENTS, PaymentStatus.REVERSING)
"""While an order has one of these, nobody else may have its slots."""
PAYABLE = (*UNDECIDED, PaymentStatus.ABANDONED)
"""What somebody may still pay, wanted or not."""


class RefundStatus(StrEnum):
    INTENDED = "INTENDED"  # written down before the channel was asked
    PROCESSING = "PROCESSING"
    SUCCESS = "SUCCESS"
    ABNORMAL = "ABNORMAL"  # the payer's account cannot take it: staff act
    AT_DESK = "AT_DESK"  # was paid at the desk: waits there to be handed out
    CLOSED = "CLOSED"  # the channel will not do it under this number; staff may ask under another


class RefundReason(StrEnum):
    CANCELLED = "CANCELLED"
    CANCELLED_BY_VENUE = "CANCELLED_BY_VENUE"
    PAID_TOO_LATE = "PAID_TOO_LATE"
    PAID_TWICE = "PAID_TWICE"
    MOVED = "MOVED"  # to another slot
    NO_SHOW = "NO_SHOW"  # nobody came in time, and the venue does not keep everything
    SPLIT_UNFINISHED = "SPLIT_UNFINISHED"  # a share of an order of which not all shares were paid
    GOODWILL = "GOODWILL"  # staff give back what no rule demands


class RefundParty(StrEnum):
    """Because of whom money goes back."""

    MEMBER = "MEMBER"
    VENUE = "VENUE"
    HOUSE = "HOUSE"  # nobody's decision: paid too late, or twice


REASON_TEXTS = {
    RefundReason.CANCELLED: "您取消了预订，按退款规则退款",
    RefundReason.CANCELLED_BY_VENUE: "场馆取消了预订，全额退款",
    RefundReason.PAID_TOO_LATE: "支付到账时场地已被他人预订，或时段已过，全额退款",
    RefundReason.PAID_TWICE: "同一订单重复支付，多付部分退款",
    RefundReason.MOVED: "您改订了其他时段，原时段按退款规则退款",
    RefundReason.NO_SHOW: "未按时到场，按本馆规则退款",
    RefundReason.SPLIT_UNFINISHED: "分摊没有付齐，预订没有订成，您付的部分全额退回",
    RefundReason.GOODWILL: "场馆为您办理了退款",
}
"""What the member reads, here and in the channel's own refund message (at most 80 characters)."""
SHARE_TEXTS = REASON_TEXTS | {
    RefundReason.CANCELLED: "预订人取消了预订，按退款规则，按您付的份额退款",
    RefundReason.MOVED: "预订人改订了其他时段，按退款规则，按您付的份额退款",
}
"""The same, where several have paid: whoever reads it need not be who decided."""


class FinanceKind(StrEnum):
    """What an entry in an order's books says. Due is CHARGED less WAIVED less PAID plus REFUNDED; when all is done
    it is nothing."""

    CHARGED = "CHARGED"  # asked for: when the order was placed, or took its slots again
    WAIVED = "WAIVED"  # asked for no more: it ended unpaid, or lines of it were cancelled
    PAID = "PAID"
    REFUNDED = "REFUNDED"
