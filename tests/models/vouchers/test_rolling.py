"""What a round leaves over goes on to its kind's next round, once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from models.vouchers.rolling import roll_over
from models.vouchers.rules import CampaignState, Terms
from models.vouchers.tables import VoucherPool, VoucherRound
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.campaigns import CHENGDU, a_draft, a_kind, a_round, an_office, opened
from tests.factories.people import a_member
from tests.factories.vouchers import ACampaign, a_campaign, a_voucher

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def _ours(**columns: Any) -> ACampaign:
    return await a_campaign(region_key=CHENGDU, **columns)


async def _rolling(*rounds: tuple[Any, Any, int], **columns: Any) -> ACampaign:
    return await _ours(rounds=rounds, terms=Terms(rolls_over=True), **columns)


async def _quantities(campaign: ACampaign) -> list[tuple[int, int]]:
    rounds = await VoucherRound.filter(campaign_id=campaign.id).order_by("opens_at")
    return [(one.quantity, one.remaining) for one in rounds]


YESTERDAY = (NOW - 30 * HOUR, NOW - 20 * HOUR)
MORNING = (NOW - 10 * HOUR, NOW - HOUR)
TOMORROW = (NOW + 10 * HOUR, NOW + 20 * HOUR)
LATER = (NOW + 30 * HOUR, NOW + 40 * HOUR)


async def test_what_ended_rounds_leave_goes_to_the_kinds_next_round_once(db: Database) -> None:
    campaign = await _rolling((*YESTERDAY, 5), (*MORNING, 6), (*TOMORROW, 7), (*LATER, 8))
    await a_voucher((await a_member())[0], campaign)  # of the first round
    free_fen = (await VoucherPool.get(id=campaign.pool_id)).free_fen
    assert await roll_over(now=NOW) == 10
    assert await _quantities(campaign) == [(1, 0), (0, 0), (17, 17), (8, 8)]
    assert await roll_over(now=NOW) == 0
    assert await _quantities(campaign) == [(1, 0), (0, 0), (17, 17), (8, 8)]
    assert (await VoucherPool.get(id=campaign.pool_id)).free_fen == free_fen
    assert (await VoucherRound.get(id=campaign.round_id)).rolled_over_at == NOW


async def test_it_goes_to_a_round_that_is_open_now_and_the_last_rounds_rest_stays(db: Database) -> None:
    campaign = await _rolling((*MORNING, 6), (NOW - HOUR, NOW + HOUR, 7))
    assert await roll_over(now=NOW) == 6
    assert await _quantities(campaign) == [(0, 0), (13, 13)]
    assert await roll_over(now=NOW + 2 * DAY) == 0
    assert await _quantities(campaign) == [(0, 0), (13, 13)]


async def test_nothing_rolls_over_where_the_terms_do_not_say_so_or_the_campaign_is_not_open(db: Database) -> None:
    plain = await _ours(rounds=[(*MORNING, 6), (*TOMORROW, 7)])
    closed = await _rolling((*MORNING, 6), (*TOMORROW, 7), state=CampaignState.CLOSED)
    assert await roll_over(now=NOW) == 0
    for campaign in (plain, closed):
        assert await _quantities(campaign) == [(6, 6), (7, 7)]


async def test_a_kinds_leftovers_never_reach_another_kind(db: Database) -> None:
    office = await an_office()
    draft = a_draft(
        a_kind(a_round(opens_at=NOW - HOUR, hours=2, quantity=3)),
        a_kind(a_round(opens_at=NOW + DAY, quantity=4), title="满100减50", face_fen=50_00, spend_fen=100_00),
        terms=Terms(rolls_over=True),
    )
    await opened(office, draft)
    assert await roll_over(now=NOW + 5 * HOUR) == 0
    assert sorted(await VoucherRound.all().values_list("quantity", flat=True)) == [3, 4]


@pytest.mark.postgres
async def test_the_job_many_times_at_once_moves_it_once(db: Database) -> None:
    campaign = await _rolling((*MORNING, 6), (*TOMORROW, 7))
    moved = await asyncio.gather(*(roll_over(now=NOW) for _ in range(8)))
    assert sum(moved) == 6
    assert await _quantities(campaign) == [(0, 0), (13, 13)]


async def test_killed_between_two_campaigns_it_goes_on_at_the_next_run(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await _rolling((*MORNING, 6), (*TOMORROW, 7))
    second = await _rolling((*MORNING, 6), (*TOMORROW, 7))
    assert await roll_over(now=NOW, most=1) == 6
    assert await _quantities(second) == [(6, 6), (7, 7)]
    assert await roll_over(now=NOW) == 6
    for campaign in (first, second):
        assert await _quantities(campaign) == [(0, 0), (13, 13)]
