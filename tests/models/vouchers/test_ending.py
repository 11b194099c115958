"""What nobody used in time ends, by its campaign's rule; and its citizen was told the day before."""

import asyncio
from datetime import timedelta

import pytest

from models import database
from models.messages.tables import Message
from models.vouchers import ending
from models.vouchers.books import budgets
from models.vouchers.ending import expire_vouchers, remind
from models.vouchers.reading import terms_json
from models.vouchers.rules import Terms, VoucherState
from models.vouchers.tables import Voucher, VoucherCampaign, VoucherPool, VoucherTerms
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.people import a_member
from tests.factories.places import a_venue
from tests.factories.vouchers import a_campaign, a_voucher

WEEK, DAY, SECOND = timedelta(days=7), timedelta(days=1), timedelta(seconds=1)


@pytest.mark.parametrize(("returns", "state"), [(True, "RETURNED"), (False, "EXPIRED")])
async def test_a_voucher_ends_when_its_time_is_over_and_its_value_goes_where_the_campaign_says(
    db: Database, returns: bool, state: str
) -> None:
    campaign = await a_campaign(terms=Terms(expired_returns=returns))
    member_id, _ = await a_member()
    voucher = await a_voucher(member_id, campaign)
    later = await a_voucher(member_id, campaign, valid_until=NOW + WEEK + SECOND)
    assert await expire_vouchers(now=NOW + WEEK - SECOND) == 0
    for ended in (1, 0):
        assert await expire_vouchers(now=NOW + WEEK) == ended
    now = await Voucher.get(id=voucher.id)
    assert (now.state, now.ended_at) == (state, NOW + WEEK)
    assert (await Voucher.get(id=later.id)).state == "CLAIMED"
    pool = await VoucherPool.get(id=campaign.pool_id)
    assert pool.budget_fen - pool.free_fen == (2000 if returns else 4000)
    (books,) = await budgets()
    assert books.balances
    assert books.budget.expired_not_returned == (0 if returns else 2000)


async def test_only_what_nothing_waits_for_ends(db: Database) -> None:
    campaign, venue = await a_campaign(), await a_venue()
    member_id, _ = await a_member()
    for state in VoucherState:
        await a_voucher(member_id, campaign, state, venue=venue)
    before = await Voucher.exclude(state="CLAIMED").order_by("id").values()
    assert await expire_vouchers(now=NOW + WEEK) == 1
    assert await Voucher.filter(id__in=[row["id"] for row in before]).order_by("id").values() == before


async def test_those_that_keep_the_terms_of_their_own_version_end_by_it(db: Database) -> None:
    campaign = await a_campaign(terms=Terms(expired_returns=True))
    member_id, _ = await a_member()
    old = await a_voucher(member_id, campaign)
    await VoucherTerms.create(
        campaign_id=campaign.id, version=2, terms=terms_json(Terms(expired_returns=False)), made_at=NOW
    )
    await VoucherCampaign.filter(id=campaign.id).update(terms_version=2)
    new = await a_voucher(member_id, campaign)
    assert await expire_vouchers(now=NOW + WEEK) == 2
    assert ((await Voucher.get(id=old.id)).state, (await Voucher.get(id=new.id)).state) == ("RETURNED", "EXPIRED")
    assert all(pool.balances for pool in await budgets())


async def test_many_end_in_batches(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "EXPIRED_A_BATCH", 2)
    campaign = await a_campaign()
    for _ in range(5):
        await a_voucher((await a_member())[0], campaign)
    assert await expire_vouchers(now=NOW + WEEK) == 5
    assert (await VoucherPool.get(id=campaign.pool_id)).free_fen == 10_000_00


@pytest.mark.postgres
async def test_two_workers_end_each_voucher_once(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "EXPIRED_A_BATCH", 3)
    campaigns = [await a_campaign() for _ in range(2)]
    for campaign in campaigns * 5:
        await a_voucher((await a_member())[0], campaign)
    ended = await asyncio.gather(*(expire_vouchers(now=NOW + WEEK) for _ in range(3)))
    while left := await expire_vouchers(now=NOW + WEEK):
        ended.append(left)
    assert sum(ended) == 10
    for campaign in campaigns:
        assert (await VoucherPool.get(id=campaign.pool_id)).free_fen == 10_000_00


async def test_whose_voucher_ends_within_a_day_is_told_once(db: Database) -> None:
    campaign = await a_campaign()
    member_id, _ = await a_member()
    voucher = await a_voucher(member_id, campaign)
    await a_voucher(member_id, campaign, valid_until=NOW + DAY / 2)  # for half a day: it says so itself
    assert await remind(now=NOW + WEEK - DAY - SECOND) == 0
    for told in (1, 0):
        assert await remind(now=NOW + WEEK - DAY) == told
    message = await Message.get()
    assert (message.template, message.about_no) == ("VOUCHER_EXPIRES", voucher.public_id)
    assert message.values == {"title": "满40减20", "amount": "20.00元", "day": "11月27日"}


async def test_nobody_is_reminded_of_a_voucher_that_was_used_or_who_is_gone(db: Database) -> None:
    campaign, venue = await a_campaign(), await a_venue()
    member_id, _ = await a_member()
    await a_voucher(member_id, campaign, VoucherState.USED, venue=venue)
    gone_id, _ = await a_member()
    await a_voucher(gone_id, campaign)
    await database.rows("UPDATE member SET deleted_at = $1 WHERE id = $2", NOW, gone_id)
    assert await remind(now=NOW + WEEK - DAY) == 0
    assert await Message.all().count() == 0
