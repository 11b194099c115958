"""Every budget adds up, and when one does not, somebody hears it; the programme's books are never edited."""

import logging
from datetime import datetime, timedelta
from typing import Any

import pytest

from jobs.vouchers import check_vouchers
from models import database
from models.vouchers import books
from models.vouchers.books import budgets
from models.vouchers.rules import CampaignState, VoucherState
from models.vouchers.tables import Voucher, VoucherEvent, VoucherPool, VoucherUse
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.people import a_member
from tests.factories.places import a_venue
from tests.factories.vouchers import ACampaign, a_campaign, a_voucher


class Later:
    """What the job is given, of which it wants the clock alone: each run is five minutes after the one before."""

    def __init__(self) -> None:
        self.now = NOW

    def clock(self) -> datetime:
        self.now += timedelta(minutes=5)
        return self.now


async def checks(clock: Later) -> int:
    tools: Any = clock
    return await check_vouchers(tools)


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
        "UPDATE voucher SET pool_id = 0 WHERE state = 'RETURNED'",
    ],
)
async def test_a_budget_that_does_not_add_up_is_an_alarm(
    db: Database, caplog: pytest.LogCaptureFixture, spoil: str
) -> None:
    campaign, clock = await one_of_each(), Later()
    assert (await checks(clock), await books.off()) == (0, 0)
    await database.rows(spoil)
    with caplog.at_level(logging.ERROR, logger="jobs.vouchers"):
        assert (await checks(clock), await books.off()) == (1, 1)
    assert campaign.public_id in caplog.text
    assert (await VoucherPool.get(id=campaign.pool_id)).is_off


async def test_an_alarm_ends_when_the_budget_adds_up_again(db: Database) -> None:
    await one_of_each()
    clock = Later()
    await database.rows("UPDATE voucher_pool SET free_fen = free_fen - 1")
    await checks(clock)
    await database.rows("UPDATE voucher_pool SET free_fen = free_fen + 1")
    assert (await checks(clock), await books.off()) == (0, 0)


async def test_a_run_is_bounded_and_every_pool_has_its_turn_those_that_are_off_first(db: Database) -> None:
    member_id, _ = await a_member()
    pools = []
    for _ in range(3):
        campaign = await a_campaign()
        for _ in range(2):
            await a_voucher(member_id, campaign)
        pools.append(campaign.pool_id)

    async def turn(minutes: int) -> Any:
        now = NOW + timedelta(minutes=minutes)
        await books.check(now=now, most=4)
        return await VoucherPool.filter(checked_at=now).order_by("id").values_list("id", flat=True)

    first, second, third = pools
    turns = [await turn(minutes) for minutes in (5, 10, 15)]
    assert turns == [[first, second], [first, third], [first, second]]
    await VoucherPool.filter(id=second).update(free_fen=1)
    turns = [await turn(minutes) for minutes in (20, 25, 30, 35)]
    assert turns == [[first, third], [first, second], [second, third], [first, second]]  # once seen, each time
    await books.check(now=NOW + timedelta(minutes=40), most=1)
    assert await VoucherPool.filter(checked_at=NOW + timedelta(minutes=40)).count() == 1


async def test_a_settled_campaign_is_looked_at_once_a_day(db: Database) -> None:
    campaign = await a_campaign(state=CampaignState.SETTLED)
    for hours, seen in ((0, 0), (23, 0), (24, 24), (47, 24), (48, 48)):
        await books.check(now=NOW + timedelta(hours=hours))
        assert (await VoucherPool.get(id=campaign.pool_id)).checked_at == NOW + timedelta(hours=seen)


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
