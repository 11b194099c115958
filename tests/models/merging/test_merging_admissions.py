"""Whoever has the booking comes in on it: admissions go with their order, there and back."""

from datetime import datetime, timedelta

import pytest

from models import database
from models.admissions.tables import Admission
from tests.databases import Database
from tests.factories.accounts import Account, an_account, join, part
from tests.factories.booking import Person, a_hall, an_order, at, invoke_payment, wanted
from tests.outside import Outside


def person(account: Account) -> Person:
    return Person(account.member_id, account.openid)


async def check_admissions(how_many: int) -> None:
    assert await Admission.filter(revoked_at=None).count() == how_many
    astray = await database.rows(
        """SELECT admission.id FROM admission JOIN orders ON orders.id = admission.order_id
            WHERE admission.member_id <> orders.member_id"""
    )
    assert not astray


@pytest.mark.parametrize("paid", ["before joining", "while they were one", "after parting"])
async def test_whenever_an_order_is_paid_its_admissions_are_where_it_is(
    paid: str, outside: Outside, db: Database, now: datetime
) -> None:
    hall = await a_hall()
    mine, other = await an_account(), await an_account()
    order = await an_order(person(other), wanted(hall.badminton, at(9), people=2))

    async def pay_if(when: str) -> None:
        if paid == when:
            await outside.pay(parameters)
            await outside.hand_in((await outside.wait_for_letters(1)).pop(), now=now + timedelta(minutes=1))

    parameters = await invoke_payment(outside, order, person(other))
    await pay_if("before joining")
    merge_id = await join(mine, other)
    await pay_if("while they were one")
    await check_admissions(0 if paid == "after parting" else 2)
    await part(mine, merge_id, now=now + timedelta(minutes=2))
    await pay_if("after parting")
    await check_admissions(2)
    assert {admission.member_id for admission in await Admission.all()} == {other.member_id}
