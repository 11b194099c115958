"""Notices in any order, doubled or dropped, end in the same state (issue 2, Proof).

One citizen keeps what they paid for; another pays and gives it up. WeChat Pay tells three things about that; which
of them reach us, when and how often, is Hypothesis' choice. Each order may end in one way only.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.admissions.tables import Admission
from models.booking.tables import HeldCell
from models.checkout.cancelling import cancel_order
from models.checkout.ending import end_overdue_holds
from models.checkout.paying import check_due_payments
from models.checkout.refunding import send_due_refunds
from models.forwarding.tables import OutboxRow
from models.orders.tables import FinanceEvent, Order, Payment, Refund
from payments.port import RefundNotice
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import Person, a_hall, a_person, an_order, at, invoke_payment, wanted
from tests.outside import Outside, Stage

KEPT_PAID, OTHER_PAID, OTHER_REFUNDED = "the kept one is paid", "the other is paid", "the other is refunded"
CANCEL, SWEEP = "the other is cancelled", "a quarter of an hour later the worker sweeps"

STEPS = st.lists(st.sampled_from([KEPT_PAID, OTHER_PAID, OTHER_REFUNDED, CANCEL, SWEEP]), max_size=10)


@dataclass
class Story:
    """Two orders, both paid, and the house has heard of neither."""

    outside: Outside
    kept: Order
    other: Order
    regretful: Person
    now: datetime = NOW
    unread: int = 0
    notices: dict[str, Any] = field(default_factory=dict)

    async def take(self, step: str) -> None:
        if step == CANCEL:
            await self.cancel()
        elif step == SWEEP:
            await self.sweep()
        elif step in self.notices:  # what has not happened yet cannot be told
            await self.outside.take(self.notices[step], now=self.now)
        await self.read_letters()

    async def cancel(self) -> None:
        await cancel_order(
            member_id=self.regretful.member_id,
            order_no=self.other.order_no,
            channels=self.outside.channels,
            now=self.now,
        )

    async def sweep(self) -> None:
        self.now += timedelta(minutes=16)  # by then every hold has ended
        await self.outside.travel(self.now)
        for job in (end_overdue_holds, check_due_payments, send_due_refunds):
            await job(channels=self.outside.channels, now=self.now)

    async def read_letters(self) -> None:
        await self.outside.quiet()
        for letter in self.outside.letters[self.unread :]:
            notice: Any = await self.outside.read(letter)
            if isinstance(notice, RefundNotice):
                self.notices[OTHER_REFUNDED] = notice
            else:
                paid = await Payment.get(payment_no=notice.payment.payment_no)
                self.notices[KEPT_PAID if paid.order_id == self.kept.id else OTHER_PAID] = notice
        self.unread = len(self.outside.letters)


async def how_it_stands(order: Order) -> dict[str, Any]:
    """All that a notice moves, without numbers and instants."""
    told = await OutboxRow.filter(subject=f"order:{order.order_no}").order_by("id")
    return {
        "order": await Order.get(id=order.id).values_list("status", "close_reason"),
        "payments": await Payment.filter(order_id=order.id).values_list("status", "amount_fen", "refunded_fen"),
        "refunds": await Refund.filter(order_id=order.id).values_list("status", "amount_fen", "reason"),
        "books": await FinanceEvent.filter(order_id=order.id).order_by("id").values_list("kind", "amount_fen"),
        "cells": await HeldCell.filter(order_line__order_id=order.id).count(),
        "admissions": await Admission.filter(order_id=order.id, revoked_at__isnull=True).count(),
        "told": [row.payload["state"] for row in told],
    }


KEPT = {
    "order": ("PAID", ""),
    "payments": [("SETTLED", 4000, 0)],
    "refunds": [],
    "books": [("CHARGED", 4000), ("PAID", 4000)],
    "cells": 2,
    "admissions": 1,
    "told": ["PAID"],
}
GIVEN_BACK = {
    "order": ("CLOSED", "CANCELLED"),
    "payments": [("SETTLED", 4000, 4000)],
    "refunds": [("SUCCESS", 4000, "CANCELLED")],
    "books": [("CHARGED", 4000), ("PAID", 4000), ("WAIVED", 4000), ("REFUNDED", 4000)],
    "cells": 0,
    "admissions": 0,
    "told": ["PAID", "CANCELLED"],
}


async def a_story(outside: Outside) -> Story:
    await outside.switch_on(refund_seconds=0)
    hall = await a_hall()
    contented, regretful = await a_person(), await a_person()
    kept = await an_order(contented, wanted(hall.badminton, at(10)))
    other = await an_order(regretful, wanted(hall.badminton_2, at(10)))
    for order, person in ((kept, contented), (other, regretful)):
        await outside.pay(await invoke_payment(outside, order, person))
    story = Story(outside, kept, other, regretful)
    await story.read_letters()
    return story


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
async def test_notices_in_any_order_doubled_or_dropped_end_in_the_same_state(
    db: Database, stage: Stage, tmp_path: Path, steps: list[str]
) -> None:
    await db.clean()
    async with stage.wechat_pay(tmp_path / secrets.token_hex(8), now=NOW) as outside:
        story = await a_story(outside)
        for step in steps:
            await story.take(step)
        if CANCEL not in steps:
            await story.take(CANCEL)
        await story.take(SWEEP)
        await story.take(SWEEP)
        assert await how_it_stands(story.kept) == KEPT
        assert await how_it_stands(story.other) == GIVEN_BACK
