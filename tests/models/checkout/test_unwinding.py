"""What was bought with something else than money is freed with the lines it bought, in the same act."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from models import database
from models.checkout.cancelling import cancel_order
from models.checkout.ending import end_overdue_holds
from models.checkout.unwinding import TENDERS
from models.errors import DomainError, ErrorCode
from models.orders.rules import RefundParty
from models.orders.tables import Order, OrderLine
from tests.databases import Database
from tests.factories.booking import Person, a_hall, a_paid_order, a_person, an_order, at, census, wanted
from tests.outside import Outside

QUARTER = timedelta(minutes=15)

Call = tuple[str, list[int], str, datetime]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """A voucher that writes down what it is told: order, lines, and how the order stands in the act so far."""
    heard: list[Call] = []

    async def unwind(order: Order, lines: Sequence[OrderLine], party: RefundParty, now: datetime) -> None:
        assert database._inside.get(), "not inside the act"
        heard.append((order.order_no, [line.line_no for line in lines], order.status, now))

    monkeypatch.setitem(TENDERS, "VOUCHER", unwind)
    return heard


async def cancel(outside: Outside, order: Order, person: Person, now: datetime, *line_nos: int) -> None:
    await cancel_order(
        member_id=person.member_id,
        order_no=order.order_no,
        line_nos=line_nos or None,
        channels=outside.channels,
        now=now,
    )


async def test_cancelled_lines_are_unwound_once_and_only_they(
    db: Database, outside: Outside, now: datetime, calls: list[Call]
) -> None:
    hall, person = await a_hall(), await a_person()
    order = await a_paid_order(outside, person, wanted(hall.full, at(9)), wanted(hall.badminton, at(10)))
    assert calls == []
    for _ in range(2):
        await cancel(outside, order, person, now, 1)
    assert calls == [(order.order_no, [1], "PAID", now)]
    for _ in range(2):
        await cancel(outside, order, person, now)
    assert calls[1:] == [(order.order_no, [2], "PAID", now)]


@pytest.mark.parametrize("end", ["cancelled", "overdue"])
async def test_an_unpaid_order_that_ends_is_unwound_whole_and_once(
    db: Database, outside: Outside, now: datetime, calls: list[Call], end: str
) -> None:
    hall, person = await a_hall(), await a_person()
    order = await an_order(person, wanted(hall.full, at(9)), wanted(hall.badminton, at(10)), now=now)
    for _ in range(2):
        if end == "cancelled":
            await cancel(outside, order, person, now + QUARTER)
        await end_overdue_holds(channels=outside.channels, now=now + QUARTER)
    assert calls == [(order.order_no, [1, 2], "PENDING_PAYMENT", now + QUARTER)]


@pytest.mark.parametrize("paid", [True, False])
async def test_what_unwinding_refuses_undoes_the_whole_act(
    db: Database, outside: Outside, now: datetime, monkeypatch: pytest.MonkeyPatch, paid: bool
) -> None:
    async def refuse(order: Order, lines: Sequence[OrderLine], party: RefundParty, now: datetime) -> None:
        await OrderLine.filter(order_id=order.id).update(title="用券")
        raise DomainError("这张券不能退回。", code=ErrorCode.NOT_REFUNDABLE)

    monkeypatch.setitem(TENDERS, "VOUCHER", refuse)
    hall, person = await a_hall(), await a_person()
    if paid:
        order = await a_paid_order(outside, person, wanted(hall.full, at(9)))
    else:
        order = await an_order(person, wanted(hall.full, at(9)), now=now)
    before, line = await census(), await OrderLine.get()
    with pytest.raises(DomainError, match="这张券不能退回"):
        await cancel(outside, order, person, now)
    assert await census() == before
    after = await OrderLine.get()
    assert (after.title, after.cancelled_at) == (line.title, None)
    assert (await Order.get()).status == order.status


async def test_tenders_are_unwound_in_one_order_for_everybody(
    db: Database, outside: Outside, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = []

    def tender(kind: str) -> None:
        async def unwind(order: Order, lines: Sequence[OrderLine], party: RefundParty, now: datetime) -> None:
            heard.append(kind)

        monkeypatch.setitem(TENDERS, kind, unwind)

    tender("VOUCHER")
    tender("POINTS")
    hall, person = await a_hall(), await a_person()
    await cancel(outside, await an_order(person, wanted(hall.full, at(9)), now=now), person, now)
    assert heard == ["POINTS", "VOUCHER"]
