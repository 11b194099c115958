"""Paying: the intent is written before WeChat Pay is asked, and asking again pays once."""

from datetime import datetime

from models.admissions.tables import Admission
from models.booking.tables import HeldCell
from models.forwarding.tables import OutboxRow
from models.orders.tables import FinanceEvent
from tests.databases import Database
from tests.factories.booking import a_hall, a_paid_order, a_person, at, wanted
from tests.outside import Outside


async def test_a_paid_order_has_its_admissions_and_is_told_to_the_platform(
    db: Database, outside: Outside, now: datetime
) -> None:
    hall, person = await a_hall(), await a_person()
    order = await a_paid_order(outside, person, wanted(hall.badminton, at(9), people=3))
    assert order.status == "PAID"
    assert await Admission.filter(order_id=order.id).count() == 3
    assert await OutboxRow.filter(subject=f"order:{order.order_no}").count() == 1
    assert await HeldCell.all().count() == 2
    assert [e.amount_fen for e in await FinanceEvent.all()] == [4000]
