"""What every payment channel can do for us, in our words.

Models import this module and no other of `payments`. Amounts are integer fen, times are aware UTC. A channel
retries nothing by itself: whoever calls knows whether it may be asked again, and asks with the same number.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

MAY_STILL_BE_PAID = "MAY_STILL_BE_PAID"
"""The code of a `PaymentError` by `close`: only the payment's own end makes sure that nobody pays it."""


class Way(StrEnum):
    """How the payer and the channel meet (支付方式)."""

    IN_APP = "IN_APP"  # inside the channel's own app: WeChat's mini-programs and official-account pages
    MOBILE_WEB = "MOBILE_WEB"  # a phone's browser, sent to the channel's page
    DESKTOP_WEB = "DESKTOP_WEB"  # a computer's browser, sent to the channel's page
    CODE = "CODE"  # the payer scans a code that we show
    PAYER_CODE = "PAYER_CODE"  # a desk scans the payer's own code (付款码)


class PaymentState(StrEnum):
    """Where a payment stands at the channel."""

    PENDING = "PENDING"  # may still be paid
    SUCCEEDED = "SUCCEEDED"
    CLOSED = "CLOSED"  # can never be paid any more
    REFUNDED = "REFUNDED"  # was paid; part or all of it was given back


class CloseResult(StrEnum):
    """What came of closing a payment."""

    CLOSED = "CLOSED"  # nobody can pay it any more
    UNKNOWN = "UNKNOWN"  # the channel never heard of it, so whatever announces it just now still opens it
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
    `appid` is the app of ours in which it is paid. `payer` is who must pay, as the channel knows them in that app;
    empty where anybody may. `payer_address` is the payer's IP address and `return_url` where their browser comes
    back to, where the way is a browser. `venue` names the place, where the way is a desk.
    """

    payment_no: str
    description: str
    amount_fen: int
    way: Way
    appid: str
    expires_at: datetime
    payer: str = ""
    payer_address: str = ""
    return_url: str = ""
    venue: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """With what the payer's side goes on. One of the three is given, as the way wants it."""

    parameters: Mapping[str, str] | None = None  # for wx.requestPayment, unchanged
    url: str | None = None  # to open in the payer's browser
    code: str | None = None  # to show as a QR code


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepayment:
    """The channel expects the payment. `reference` is its own word for that, at most 128 characters or empty."""

    reference: str
    invocation: Invocation


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPayment:
    """A payment as the channel knows it. Amount, trade number, time and payer are sure only once it is paid.

    `mchid` is the merchant, at Alipay the seller.
    """

    payment_no: str
    state: PaymentState
    amount_fen: int | None
    channel_trade_no: str | None
    paid_at: datetime | None
    payer: str | None
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
class RefundHint:
    """The channel tells us, genuinely, that something became of a refund of ours, but not what: ask it."""

    notice_id: str
    kind: str
    refund_no: str
    payment_no: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EchoNotice:
    """The channel tries, because somebody asked it to, whether its notices arrive here. Acknowledge it."""

    notice_id: str


Notice = PaymentNotice | RefundNotice | RefundHint | EchoNotice


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeAnswer:
    """What this channel wants to read in answer to a notice."""

    status: int
    body: bytes = b""
    media_type: str = "text/plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class BankCard:
    """Where the money of an abnormal refund shall go instead. Sealed on the wire, kept nowhere, not in `repr`."""

    bank_type: str  # the channel's code of the bank, such as ICBC_DEBIT
    number: str = field(repr=False)
    holder: str = field(repr=False)


class EntryKind(StrEnum):
    """What a row of a statement is about."""

    PAYMENT = "PAYMENT"
    REFUND = "REFUND"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementEntry:
    """One row of a channel's statement (对账单). `refund_no` is empty for a payment.

    A payment's row says that it was paid, whatever was refunded since; `refund_state` is a refund's at the time
    when the statement was made.
    """

    kind: EntryKind
    payment_no: str
    refund_no: str = ""
    channel_trade_no: str
    amount_fen: int
    fee_fen: int
    happened_at: datetime | None
    refund_state: RefundState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A channel's own account of one of its days (Asia/Shanghai), checked against its hash and its summary.

    `digest` is the hex SHA-256 of the file as it came.
    """

    day: date
    entries: tuple[StatementEntry, ...]
    digest: str


class PaymentChannel(Protocol):
    """One way to pay. Every asynchronous method may raise `PaymentError`."""

    @property
    def mchid(self) -> str:
        """Who we are as a merchant; payments and notices must be meant for it."""
        ...

    @property
    def appid(self) -> str:
        """The app of ours in which is paid whatever is not paid in an app the member came in by."""
        ...

    @property
    def ways(self) -> Collection[Way]:
        """How one can pay over this channel."""
        ...

    async def prepay(self, request: PrepayRequest) -> Prepayment:
        """Announce a payment. The same request again is harmless and gives a fresh `Prepayment`."""
        ...

    async def charge(self, request: PrepayRequest, payer_code: str) -> ChannelPayment:
        """Take the payment with the payer's own code (`Way.PAYER_CODE`); PENDING while they must still confirm."""
        ...

    async def query(self, payment_no: str) -> ChannelPayment | None:
        """Ask how a payment stands; None when the channel never heard of it."""
        ...

    async def close(self, payment_no: str, way: Way, expires_at: datetime) -> CloseResult:
        """Make sure that nobody can pay it any more, or learn that somebody did, or that there is nothing to close yet.

        `expires_at` is what the payment was announced with. Raises a `PaymentError` with the code
        `MAY_STILL_BE_PAID` where only time can make sure.
        """
        ...

    async def refund(self, request: RefundRequest) -> ChannelRefund:
        """Ask for money back. The same request again gives the same refund."""
        ...

    async def query_refund(self, refund_no: str, payment_no: str) -> ChannelRefund | None:
        """Ask how a refund stands; None when the channel never heard of it."""
        ...

    async def redirect_refund(self, refund: ChannelRefund, card: BankCard | None) -> ChannelRefund:
        """Send an abnormal refund to another card of the payer's, or (None) back to our own account, to be given
        back by hand. Raises `PaymentError` UNSUPPORTED where the channel knows no such thing."""
        ...

    async def parse_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        """Read a notice from its raw bytes, or raise `NoticeRefused`. Who settles still compares the amount."""
        ...

    def acknowledge(self) -> NoticeAnswer:
        """The answer that ends the channel's repeating."""
        ...

    def refuse(self, status: int, why: str) -> NoticeAnswer:
        """The answer after which a genuine notice comes again."""
        ...

    async def statement(self, day: date) -> Statement:
        """Fetch the statement of a day; one without entries when nothing happened.

        Raises `StatementNotReady` while the channel still writes it, and `PaymentError` STATEMENT_BROKEN when it is
        not what its hash or its summary says.
        """
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


class StatementNotReady(Exception):
    """The channel has not written that day's statement yet: ask again later."""


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
