"""A machine that pays: in cash at the desk, and by a channel that is away and tells late. Others say what is bought."""

from collections.abc import Coroutine
from datetime import datetime
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from models.checkout.at_desk import MoneyGiven, take_money
from models.checkout.ending import mark_closed
from models.checkout.paying import PaymentWanted, intend_attempt
from models.checkout.settling import settle_known
from models.errors import DomainError
from models.orders.rules import Channel, OrderStatus
from models.orders.tables import Order, Payment
from payments.port import ChannelPayment, PaymentError, PaymentState, Way
from tests.conftest import NOW
from tests.factories.booking import Person

T = TypeVar("T")
WANTED = PaymentWanted(channel="WECHAT_PAY", way=Way.CODE, appid="wx0000000000000000")
recent = st.sampled_from((-1, -1, -2, -3))  # which of the orders or attempts: mostly the latest


class Away:
    """A channel that is away whatever it is asked: what was paid over it is heard of by its notices alone."""

    async def _away(self, *_: Any) -> Any:
        raise PaymentError("AWAY", "nobody answers", may_have_happened=True, retryable=True)

    close = query = refund = query_refund = _away


CHANNELS: Any = {"WECHAT_PAY": Away()}


class Paying(RuleBasedStateMachine):
    world: Any
    """What all runs of the machine share; with a `loop` and a `clerk`."""

    def __init__(self) -> None:
        super().__init__()
        self.now: datetime = NOW
        self.orders: list[tuple[Order, Person]] = []
        self.attempts: list[str] = []

    def saw(self, what: str) -> None:
        """For a machine whose test says that it came to the cases which it is for."""

    def run(self, act: Coroutine[Any, Any, T]) -> T | None:
        try:
            done: T = self.world.loop.run_until_complete(act)
            return done
        except DomainError as refusal:
            self.saw(refusal.code.value)
            return None

    def pay_as(self, until: str) -> None:
        """The latest order."""
        if until == "cash":
            self.pay_cash(-1)
        elif until == "pressed":
            self.press_pay(-1)

    @precondition(lambda self: self.orders)
    @rule(which=recent)
    def pay_cash(self, which: int) -> None:
        order, _ = self.orders[which % len(self.orders)]
        self.run(
            take_money(
                clerk=self.world.clerk,
                order_no=order.order_no,
                money=MoneyGiven(channel=Channel.CASH, given_fen=50_000),
                key=f"cash-{order.order_no}",
                channels=CHANNELS,
                now=self.now,
            )
        )

    @precondition(lambda self: self.orders)
    @rule(which=recent)
    def press_pay(self, which: int) -> None:
        """The channel says that it closed the attempt, and takes its money all the same."""
        order, _ = self.orders[which % len(self.orders)]

        async def act() -> None:
            attempt = await intend_attempt(order.id, WANTED, now=self.now)
            await mark_closed(attempt.payment_no)
            self.attempts.append(attempt.payment_no)

        self.run(act())

    @precondition(lambda self: self.attempts)
    @rule(which=recent)
    def money_comes(self, which: int) -> None:
        payment_no = self.attempts[which % len(self.attempts)]

        async def act() -> None:
            payment = await Payment.get(payment_no=payment_no)
            was_closed = (await Order.get(id=payment.order_id)).status == OrderStatus.CLOSED
            known = ChannelPayment(
                payment_no=payment_no,
                state=PaymentState.SUCCEEDED,
                amount_fen=payment.amount_fen,
                channel_trade_no=f"trade-{payment_no}",
                paid_at=self.now,
                payer=None,
                appid=payment.appid,
                mchid="1900000001",
            )
            settled = await settle_known(known, channel="WECHAT_PAY", now=self.now)
            self.saw(f"{settled.value} late" if was_closed else settled.value)

        self.run(act())
