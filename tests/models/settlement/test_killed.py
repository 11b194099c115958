"""Whoever dies while a campaign is drawn up, approved or paid leaves nothing by half, and the same act again does it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from models.settlement.deciding import approve
from models.settlement.rules import Sums
from models.settlement.summing import brought_by
from models.settlement.tables import (
    Payout,
    PayoutBatch,
    Settlement,
    SettlementDraft,
    SettlementLine,
    SettlementStep,
)
from models.vouchers.tables import VoucherEvent
from tests.databases import Database
from tests.factories.settlements import (
    LATER,
    STATEMENT_KEYS,
    Programme,
    a_programme,
    a_redemption,
    an_account,
    approved,
    drafted,
    latest,
    paid_out,
    proposed,
    seen_of,
    take_back,
)
from tests.kills import Job, cut_off, held, killed_while_waiting, nobody_else_is_here

pytestmark = pytest.mark.postgres
ENTRIES = 4


async def _books() -> Programme:
    it = await a_programme()
    for venue in (it.venue, it.venue, it.other_venue):
        use = await a_redemption(it, venue)
    await take_back(use, fen=5_00)
    return it


async def _drafting() -> Job:
    it = await _books()
    return lambda: drafted(it, key="november")


async def _approving() -> Job:
    it = await _books()
    await drafted(it)
    settlement = await latest(it)
    await proposed(it, settlement)
    return lambda: approve(
        clerk=it.approver,
        settlement_no=settlement.settlement_no,
        seen=seen_of(settlement),
        keys=STATEMENT_KEYS,
        now=LATER,
    )


async def _paying() -> Job:
    it = await _books()
    await drafted(it)
    for venue in (it.venue, it.other_venue):
        await approved(it, await latest(it, venue))
        await an_account(it, venue)
    return lambda: paid_out(it, key="november")


async def _how_it_stands() -> Any:
    """With every settlement's sums those of its lines, and each entry in one at most."""
    made = await Settlement.all().order_by("id").values()
    brought = await brought_by([each["id"] for each in made])
    for each in made:
        sums = brought.get(each["id"], Sums())
        assert (each["used_fen"], each["taken_back_fen"]) == (sums.used, sums.taken_back)
        assert (each["state"] in ("DRAFT", "PROPOSED")) == (each["signature"] is None)
    assert await SettlementLine.all().count() in (0, ENTRIES)
    assert await Payout.all().count() == sum(each["state"] == "IN_PAYOUT" for each in made)
    drafts, batches = await SettlementDraft.all().count(), await PayoutBatch.all().count()
    return made, drafts, batches, await SettlementStep.all().count()


@pytest.mark.parametrize("job_of", [_drafting, _approving, _paying], ids=["draft", "approve", "pay"])
async def test_cut_off_after_any_statement_nothing_was_done_and_the_same_act_again_does_it(
    db: Database, monkeypatch: pytest.MonkeyPatch, job_of: Callable[[], Awaitable[Job]]
) -> None:
    job = await job_of()
    before = await _how_it_stands()
    for after in range(100):
        try:
            with cut_off(monkeypatch, after):
                await job()
        except asyncio.CancelledError:
            assert await _how_it_stands() == before
        else:
            break
    else:
        raise AssertionError("it never came to its end")
    assert after > 4, "hardly anything was cut off, so hardly anything was shown"
    done = await _how_it_stands()
    assert done != before
    assert await SettlementLine.all().count() == ENTRIES
    await job()
    assert await _how_it_stands() == done


async def test_a_process_that_is_killed_while_it_draws_up_settlements_drew_up_none(db: Database) -> None:
    """It stands still with the settlements written and some of their lines."""
    job = await _drafting()
    before = await _how_it_stands()
    last = await VoucherEvent.all().order_by("-id").first()
    assert last is not None
    async with held("voucher_event", last.id):
        await killed_while_waiting(job)
    await nobody_else_is_here()
    assert await _how_it_stands() == before
    assert (await job()).settlements == 2
    assert await SettlementLine.all().count() == await VoucherEvent.all().count() == ENTRIES
    await _how_it_stands()
