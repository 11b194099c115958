"""Every budget adds up, and when one does not, somebody hears it; the programme's books are never edited."""

import logging
from typing import Any

import pytest

from jobs.vouchers import check_vouchers
from models import database
from models.vouchers import books
from models.vouchers.books import budgets
from models.vouchers.rules import VoucherState
from models.vouchers.tables import Voucher, VoucherEvent, VoucherPool, VoucherUse
from tests.databases import Database
from tests.factories.people import a_member
from tests.factories.places import a_venue
from tests.factories.vouchers import ACampaign, a_campaign, a_voucher

UNUSED: Any = None


async def one_of_each() -> ACampaign:
    campaign, venue = await a_campaign(), await a_venue()
    for state in VoucherState:
        await a_voucher((await a_member())[0], campaign, state, venue=venue)
    return campaign


async def test_a_vouchers_value_is_where_its_state_says(db: Database) -> None:
    await one_of_each()
    (pool,) = await budgets()
    found = pool.budget
    assert pool.balances
    assert (found.free, found.claimed, found.reserved) == (10_000_00 - 5 * 2000, 2000, 2000)
    assert (found.used, found.forfeited, found.expired_not_returned) == (2000, 2000, 2000)


async def test_a_campaigns_budget_is_asked_for_alone(db: Database) -> None:
    one, _ = await a_campaign(), await a_campaign()
    assert [pool.campaign_id for pool in await budgets(one.id)] == [one.id]
    assert len(await budgets()) == 2


async def test_of_a_use_that_shrank_the_rest_is_forfeited_or_back_in_the_pool(db: Database) -> None:
    campaign, venue = await a_campaign(), await a_venue()
    voucher = await a_voucher((await a_member())[0], campaign, VoucherState.USED, venue=venue)
    await VoucherUse.all().update(used_fen=1200)
    await Voucher.filter(id=voucher.id).update(returned_fen=500)
    await VoucherPool.filter(id=campaign.pool_id).update(free_fen=10_000_00 - 1500)
    (pool,) = await budgets()
    assert pool.balances
    assert (pool.budget.used, pool.budget.forfeited) == (1200, 300)


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE voucher_pool SET free_fen = free_fen - 1",
        "UPDATE voucher SET face_fen = face_fen - 1 WHERE state = 'CLAIMED'",
        "UPDATE voucher SET state = 'RETURNED' WHERE state = 'EXPIRED'",
        "UPDATE voucher_use SET state = 'UNDONE'",
        "UPDATE voucher_use SET state = 'WAITING'",
    ],
)
async def test_a_budget_that_does_not_add_up_is_an_alarm(
    db: Database, caplog: pytest.LogCaptureFixture, spoil: str
) -> None:
    campaign = await one_of_each()
    assert (await check_vouchers(UNUSED), await books.off()) == (0, 0)
    await database.rows(spoil)
    with caplog.at_level(logging.ERROR, logger="jobs.vouchers"):
        assert (await check_vouchers(UNUSED), await books.off()) == (1, 1)
    assert campaign.public_id in caplog.text
    assert (await VoucherPool.get(id=campaign.pool_id)).is_off


async def test_an_alarm_ends_when_the_budget_adds_up_again(db: Database) -> None:
    await one_of_each()
    await database.rows("UPDATE voucher_pool SET free_fen = free_fen - 1")
    await check_vouchers(UNUSED)
    await database.rows("UPDATE voucher_pool SET free_fen = free_fen + 1")
    assert (await check_vouchers(UNUSED), await books.off()) == (0, 0)


async def test_an_entry_of_the_books_is_never_edited_and_never_taken_away(db: Database) -> None:
    await one_of_each()
    before = await VoucherEvent.all().values()
    for act in ("UPDATE voucher_event SET amount_fen = amount_fen + 1", "DELETE FROM voucher_event"):
        with pytest.raises(Exception, match="never edited"):
            await database.rows(act)
    if database.on_postgres():
        with pytest.raises(Exception, match="never edited"):
            await database.rows("TRUNCATE voucher_event CASCADE")
    assert await VoucherEvent.all().values() == before


@pytest.mark.parametrize(
    "act",
    [
        "UPDATE voucher SET state = 'LOST'",
        "UPDATE voucher SET returned_fen = face_fen + 1 WHERE state = 'USED'",
        "UPDATE voucher SET ended_at = claimed_at WHERE state = 'CLAIMED'",
        "UPDATE voucher SET minimum_spend_fen = face_fen - 1",
        "UPDATE voucher_use SET used_fen = bill_fen + 1",
        "UPDATE voucher_use SET venue_share_fen = used_fen + 1",
        "UPDATE voucher_pool SET free_fen = budget_fen + 1",
    ],
)
async def test_what_cannot_be_the_database_refuses(db: Database, act: str) -> None:
    await one_of_each()
    with pytest.raises(Exception, match=r"violates check constraint|CHECK constraint failed"):
        await database.rows(act)
