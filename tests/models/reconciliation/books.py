"""Books written straight into the tables, and a channel that says what a test wants it to say.

The double stands in for what a sandbox does not do on request: lose a row, change an amount, write no statement.
"""

import secrets
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, cast

from models import database
from models.calendar import instant_of
from models.ids import new_no
from models.orders.tables import Order, Payment, Refund
from models.venues.tables import Venue
from payments.port import (
    ChannelPayment,
    ChannelRefund,
    EntryKind,
    PaymentChannel,
    PaymentState,
    RefundState,
    Statement,
    StatementEntry,
    StatementNotReady,
)
from tests.conftest import NOW
from tests.factories.people import a_member
from tests.factories.places import a_venue

CHANNEL = "WECHAT_PAY"
DAY = date(2026, 11, 20)
DUE = instant_of(DAY + timedelta(days=1), 10 * 60)


def on(hour: int, minute: int = 0, *, days: int = 0) -> datetime:
    """A time on the day that is reconciled."""
    return instant_of(DAY + timedelta(days=days), hour * 60 + minute)


@dataclass
class Bills:
    """A channel of which a test says what its statements and its answers are."""

    rows: dict[date, list[StatementEntry]] = field(default_factory=dict)
    failures: dict[date, Exception] = field(default_factory=dict)
    payments: dict[str, ChannelPayment | Exception] = field(default_factory=dict)
    refunds: dict[str, ChannelRefund | Exception] = field(default_factory=dict)
    fetched: list[date] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    mchid: str = "1900000001"

    async def statement(self, day: date) -> Statement:
        self.fetched.append(day)
        if day in self.failures:
            raise self.failures[day]
        return Statement(day=day, entries=tuple(self.rows.get(day, [])), digest="d" * 64)

    async def query(self, payment_no: str) -> ChannelPayment | None:
        return cast(ChannelPayment | None, self._answer(self.payments, payment_no))

    async def query_refund(self, refund_no: str, payment_no: str) -> ChannelRefund | None:
        return cast(ChannelRefund | None, self._answer(self.refunds, refund_no))

    def _answer(self, answers: Any, number: str) -> object:
        self.asked.append(number)
        answer = answers.get(number)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def channels(self) -> dict[str, PaymentChannel]:
        return {CHANNEL: cast(PaymentChannel, self)}

    def lists(self, *entries: StatementEntry, days: int = 0) -> None:
        self.rows.setdefault(DAY + timedelta(days=days), []).extend(entries)

    def is_not_ready(self, days: int = 0) -> None:
        self.failures[DAY + timedelta(days=days)] = StatementNotReady()


def row_of(payment: Payment, **changed: Any) -> StatementEntry:
    given = {
        "kind": EntryKind.PAYMENT,
        "payment_no": payment.payment_no,
        "channel_trade_no": payment.channel_trade_no or f"42{secrets.token_hex(8)}",
        "amount_fen": payment.amount_fen,
        "fee_fen": 24,
        "happened_at": payment.paid_at or on(12),
    }
    return StatementEntry(**{**given, **changed})


def row_of_refund(payment: Payment, refund: Refund, **changed: Any) -> StatementEntry:
    given = {
        "kind": EntryKind.REFUND,
        "payment_no": payment.payment_no,
        "refund_no": refund.refund_no,
        "channel_trade_no": payment.channel_trade_no or f"42{secrets.token_hex(8)}",
        "amount_fen": refund.amount_fen,
        "fee_fen": 0,
        "happened_at": refund.finished_at,
        "refund_state": RefundState.SUCCESS,
    }
    return StatementEntry(**{**given, **changed})


def known(payment: Payment, **changed: Any) -> ChannelPayment:
    """What a channel answers about a payment that was paid."""
    given = {
        "payment_no": payment.payment_no,
        "state": PaymentState.SUCCEEDED,
        "amount_fen": payment.amount_fen,
        "channel_trade_no": f"42{secrets.token_hex(8)}",
        "paid_at": payment.paid_at or on(12),
        "payer": payment.payer or None,
        "appid": payment.appid,
        "mchid": "1900000001",
    }
    return ChannelPayment(**{**given, **changed})


def known_refund(payment: Payment, refund: Refund, **changed: Any) -> ChannelRefund:
    given = {
        "refund_no": refund.refund_no,
        "payment_no": payment.payment_no,
        "state": RefundState.SUCCESS,
        "amount_fen": refund.amount_fen,
        "payment_amount_fen": payment.amount_fen,
        "channel_refund_no": f"50{secrets.token_hex(8)}",
        "channel_trade_no": payment.channel_trade_no or "",
        "refunded_at": refund.finished_at or on(13),
    }
    return ChannelRefund(**{**given, **changed})


@dataclass
class Books:
    """The books of one venue, over one channel."""

    venue: Venue
    member_id: int
    serial: int = 0

    async def payment(
        self,
        *,
        status: str = "SETTLED",
        paid_at: datetime | None = None,
        amount_fen: int = 4000,
        channel: str = CHANNEL,
        created_at: datetime | None = None,
    ) -> Payment:
        """One payment of an order of its own. What was never paid has no `paid_at`, and its order was cancelled."""
        is_paid = status in ("SETTLED", "SURPLUS")
        paid_at = (paid_at or on(12)) if is_paid else None
        created_at = created_at or (paid_at or on(12)) - timedelta(minutes=2)
        order = await self.order(amount_fen, created_at, is_paid=status == "SETTLED")
        return await Payment.create(
            payment_no=new_no("P", created_at),
            order_id=order.id,
            channel=channel,
            way="IN_APP",
            appid="wx0123456789abcdef",
            payer="",
            amount_fen=amount_fen,
            status=status,
            channel_trade_no=f"42{secrets.token_hex(8)}" if is_paid else None,
            created_at=created_at,
            expires_at=created_at + timedelta(minutes=15),
            paid_at=paid_at,
        )

    async def order(self, total_fen: int, placed_at: datetime, *, is_paid: bool) -> Order:
        self.serial += 1
        return await Order.create(
            order_no=new_no("O", placed_at),
            member_id=self.member_id,
            venue_id=self.venue.id,
            status="PAID" if is_paid else "CLOSED",
            close_reason="" if is_paid else "CANCELLED",
            total_fen=total_fen,
            idempotency_key=f"key-{self.serial}",
            request_hash="",
            placed_at=placed_at,
            hold_expires_at=placed_at + timedelta(minutes=15),
        )

    async def refund(
        self,
        payment: Payment,
        *,
        status: str = "SUCCESS",
        amount_fen: int = 1000,
        created_at: datetime | None = None,
        finished_at: datetime | None = None,
    ) -> Refund:
        is_done = status in ("SUCCESS", "CLOSED")
        finished_at = (finished_at or on(13)) if is_done else None
        if status != "CLOSED":
            await database.rows(
                "UPDATE payment SET refunded_fen = refunded_fen + $2 WHERE id = $1", payment.id, amount_fen
            )
        return await Refund.create(
            refund_no=new_no("R", NOW),
            payment_id=payment.id,
            order_id=payment.order_id,
            amount_fen=amount_fen,
            party="MEMBER",
            reason="CANCELLED",
            reason_text="您取消了预订，按退款规则退款",
            status=status,
            created_at=created_at or (finished_at or on(13)) - timedelta(minutes=1),
            finished_at=finished_at,
        )


async def some_books(**columns: Any) -> Books:
    member_id, _ = await a_member()
    return Books(await a_venue(**columns), member_id)


async def found() -> set[tuple[str, str, str]]:
    """Every discrepancy: its kind, what it is about, and the number."""
    rows = await database.rows("SELECT kind, about, about_no FROM discrepancy")
    return {(row["kind"], row["about"], row["about_no"]) for row in rows}
