"""The tests' campaigns have books that balance, as the product's do."""

import pytest

from models import database
from models.vouchers.rules import VoucherState
from models.vouchers.tables import VoucherEvent, VoucherPool, VoucherRound
from tests.databases import Database
from tests.factories.people import a_member
from tests.factories.places import a_venue
from tests.factories.vouchers import a_campaign, a_voucher


@pytest.mark.parametrize("state", VoucherState)
async def test_a_voucher_of_the_tests_is_taken_out_of_its_round_and_pool(
    db: Database, state: VoucherState
) -> None:
    venue = await a_venue()
    campaign = await a_campaign(venue, quantity=3, budget_fen=60_00)
    member_id, _ = await a_member()
    voucher = await a_voucher(member_id, campaign, state, venue=venue)
    pool = await VoucherPool.get(id=campaign.pool_id)
    assert (await VoucherRound.get(id=campaign.round_id)).remaining == 2
    assert pool.free_fen == (60_00 if state is VoucherState.RETURNED else 40_00)
    held = await database.row("SELECT sum(used_fen) AS fen FROM voucher_use WHERE voucher_id = $1", voucher.id)
    assert held
    assert held["fen"] == (20_00 if state is VoucherState.USED else None)
    assert await VoucherEvent.all().count() == (1 if state is VoucherState.USED else 0)
