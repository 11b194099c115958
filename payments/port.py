"""What every payment channel can do for us, in our words.

Models import this module and no other of `payments`. Amounts are integer fen, times are aware UTC. A channel
retries nothing by itself: whoever calls knows whether it may be asked again, and asks with the same number.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class PaymentState(StrEnum):
    """Where a payment stands at the channel."""

    PENDING = "PENDING"  # may still be paid
    SUCCEEDED = "SUCCEEDED"
    CLOSED = "CLOSED"  # can never be paid any more
    REFUNDED = "REFUNDED"  # was paid; part or all of it was given back


class CloseResult(StrEnum):
    """What came of closing a payment."""

    CLOSED = "CLOSED"  # nobody can pay it any more (also when the channel never heard of it)
    ALREADY_PAID = "ALREADY_PAID"  # the payer was faster: query, then settle


class RefundState(StrEnum):
    """Where a refund stands at the channel."""

    PROCESSING = "PROCESSING"
    SUCCESS = "SUCCESS"
    ABNORMAL = "ABNORMAL"  # the payer's account cannot take the money: staff must act at the channel
    CLOSED = "CLOSED"  # not refunded, and will not be under this number


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepayRequest:
    """Asks the channel to expect one payment.

    `payment_no` is 6 to 32 of `[0-9A-Za-z_-]`; the payer sees `description`; from `expires_at` nobody can pay.
    """

    payment_no: str
    description: str
    amount_fen: int
    payer_openid: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepayment:
    """The channel expects the payment. `prepay_id` is opaque; `invocation` makes of it what the phone needs."""

    prepay_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPayment:
    """A payment as the channel knows it. Amount, trade number, time and payer are sure only once it is paid."""

    payment_no: str
    state: PaymentState
    amount_fen: int | None
    channel_trade_no: str | None
    paid_at: datetime | None
    payer_openid: str | None
    appid: str
    mchid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """Asks for `amount_fen` of a payment of `payment_amount_fen` back.

    After any failure ask again with the same `refund_no`: a new number would refund twice.
    """

    payment_no: str
    refund_no: str
    amount_fen: int
    payment_amount_fen: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRefund:
    """A refund as the channel knows it."""

    refund_no: str
    payment_no: str
    state: RefundState
    amount_fen: int
    payment_amount_fen: int
    channel_refund_no: str
    channel_trade_no: str
    refunded_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentNotice:
    """The channel tells us, genuinely, about a payment of ours. `kind` is the channel's own word for it."""

    notice_id: str
    kind: str
    payment: ChannelPayment


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundNotice:
    """The channel tells us, genuinely, about a refund of ours. `kind` is the channel's own word for it."""

    notice_id: str
    kind: str
    refund: ChannelRefund


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoNotice:
    """The channel tries, because somebody asked it to, whether its notices arrive here. Acknowledge it."""

    notice_id: str


class PaymentChannel(Protocol):
    """One way to pay. Every asynchronous method may raise `PaymentError`."""

    async def prepay(self, request: PrepayRequest) -> Prepayment:
        """Announce a payment. The same request again is harmless and gives a fresh `prepay_id`."""
        ...

    def invocation(self, prepay_id: str) -> Mapping[str, str]:
        """Give the parameters with which the citizen's phone opens the channel's own payment sheet."""
        ...

    async def query(self, payment_no: str) -> ChannelPayment | None:
        """Ask how a payment stands; None when the channel never heard of it."""
        ...

    async def close(self, payment_no: str) -> CloseResult:
        """Make sure that nobody can pay it any more, or learn that somebody did."""
        ...

    async def refund(self, request: RefundRequest) -> ChannelRefund:
        """Ask for money back. The same request again gives the same refund."""
        ...

    async def query_refund(self, refund_no: str) -> ChannelRefund | None:
        """Ask how a refund stands; None when the channel never heard of it."""
        ...

    async def parse_notice(
        self, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> PaymentNotice | RefundNotice | EchoNotice:
        """Read a notice from its raw bytes, or raise `NoticeRefused`. Who settles still compares the amount."""
        ...


class PaymentError(Exception):
    """The channel did not do what we asked, or we cannot know.

    `code` is the channel's word or one of ours; `message` is for logs, not for citizens. `may_have_happened`:
    query before concluding anything. `retryable`: the same request with the same number may succeed later.
    """

    def __init__(self, code: str, message: str, *, may_have_happened: bool, retryable: bool) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.may_have_happened = may_have_happened
        self.retryable = retryable


class NoticeRefused(Exception):
    """This message is not to be believed or not for us; answer 4xx and change nothing."""


class NoticeForged(NoticeRefused):
    """The signature is missing or wrong, or the contents cannot be decrypted. Worth an alarm."""


class NoticeStale(NoticeRefused):
    """Signed too long ago or too far ahead: a replay, or one of the two clocks is wrong."""


class NoticeKeyUnknown(NoticeRefused):
    """Signed with a key that the channel does not list."""


class NoticeProbe(NoticeRefused):
    """The channel tests, with a wrong signature on purpose, whether we look. No alarm."""


class NoticeUnreadable(NoticeRefused):
    """Genuine, but of a kind or shape we do not know, or meant for another merchant or app."""
