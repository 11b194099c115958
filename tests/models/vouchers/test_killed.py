"""A worker that dies in the middle of ending vouchers, rolling rounds over or ending bills leaves nothing by half, and the
next run finds the rest."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from models.vouchers import books
from models.vouchers.confirming import end_bills
from models.vouchers.ending import expire_vouchers
from models.vouchers.rolling import roll_over
from models.vouchers.rules import Terms
from models.vouchers.tables import Voucher, VoucherPool, VoucherRound, VoucherUse
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import a_person
from tests.factories.people import a_member
from tests.factories.vouchers import a_campaign, a_voucher
from tests.kills import Job, cut_off, held, killed_while_waiting, nobody_else_is_here
from tests.models.vouchers.test_at_desk import ABANDONED, Desk, a_desk

pytestmark = pytest.mark.postgres
HOUR = timedelta(hours=1)


async def _expiring() -> Job:
    for terms in (Terms(), Terms(expired_returns=False)):
        campaign = await a_campaign(terms=terms)
        for _ in range(3):
            await a_voucher((await a_member())[0], campaign, valid_until=NOW)
    return lambda: expire_vouchers(now=NOW)


async def _rolling() -> Job:
    for _ in range(2):
        campaign = await a_campaign(
            terms=Terms(rolls_over=True),
            rounds=[(NOW - 3 * HOUR, NOW - 2 * HOUR, 5), (NOW - HOUR, NOW, 6), (NOW + HOUR, NOW + 2 * HOUR, 7)],
        )
        await a_voucher((await a_member())[0], campaign)
    return lambda: roll_over(now=NOW)


async def _forgotten() -> Job:
    desk = await a_desk()
    await desk.scans()
    for _ in range(2):
        person = await a_person()
        voucher = await a_voucher(person.member_id, desk.campaign)
        await Desk(desk.venue, desk.campaign, desk.clerk, person.member_id, voucher.public_id).scans()
    return lambda: end_bills(now=ABANDONED)


async def _how_it_stands() -> Any:
    """With every budget whole, every bill on its voucher, and each round's vouchers as many as ever."""
    assert await books.check() == []
    rounds = await VoucherRound.all().order_by("id").values("id", "campaign_id", "quantity", "remaining")
    given = sum(each["quantity"] - each["remaining"] for each in rounds)
    assert given == await Voucher.all().count()
    waiting = await VoucherUse.filter(state="WAITING").values_list("voucher_id", flat=True)
    assert {*waiting} == {*await Voucher.filter(state="RESERVED").values_list("id", flat=True)}
    return (
        rounds,
        sum(each["quantity"] for each in rounds),
        await Voucher.all().order_by("id").values("id", "state"),
        await VoucherPool.all().order_by("id").values("id", "free_fen"),
    )


@pytest.mark.parametrize("job_of", [_expiring, _rolling, _forgotten], ids=["expire", "roll over", "bills"])
async def test_cut_off_after_any_statement_nothing_is_left_by_half_and_the_next_run_finds_the_rest(
    db: Database, monkeypatch: pytest.MonkeyPatch, job_of: Callable[[], Awaitable[Job]]
) -> None:
    job = await job_of()
    _, quantity, _, _ = before = await _how_it_stands()
    pictures = [before]
    for after in range(200):
        try:
            with cut_off(monkeypatch, after):
                await job()
        except asyncio.CancelledError:
            seen = await _how_it_stands()
            assert seen[1] == quantity
            pictures.append(seen)
        else:
            break
    else:
        raise AssertionError("it never came to its end")
    assert after > 4, "hardly anything was cut off, so hardly anything was shown"
    done = await _how_it_stands()
    assert done[1] == quantity
    assert done != before
    assert await job() == 0
    assert await _how_it_stands() == done


@pytest.mark.parametrize("job_of", [_expiring, _rolling], ids=["expire", "roll over"])
async def test_a_worker_that_is_killed_in_the_middle_of_a_transaction_did_nothing(
    db: Database, job_of: Callable[[], Awaitable[Job]]
) -> None:
    job = await job_of()
    before = await _how_it_stands()
    last = await VoucherRound.filter(quantity=7).order_by("id").first()
    pool = await VoucherPool.all().order_by("id").first()
    assert pool is not None
    row = ("voucher_pool", pool.id) if last is None else ("voucher_round", last.id)
    async with held(*row):
        await killed_while_waiting(job)
    await nobody_else_is_here()
    assert await _how_it_stands() == before
    assert await job() > 0
    assert await _how_it_stands() != before
    assert await job() == 0


async def test_a_worker_that_is_killed_in_the_middle_of_a_bill_left_it_as_it_was(db: Database) -> None:
    """Bills have a transaction each: what was ended before it is ended, and the next run finds the others."""
    job = await _forgotten()
    bill = await VoucherUse.filter(state="WAITING").order_by("id").first()
    assert bill is not None
    async with held("voucher_use", bill.id):
        await killed_while_waiting(job)
    await nobody_else_is_here()
    await _how_it_stands()
    left = await VoucherUse.filter(state="WAITING").values_list("id", flat=True)
    assert bill.id in left
    assert await job() == len(left)
    assert not await VoucherUse.filter(state="WAITING").exists()
    await _how_it_stands()
    assert await job() == 0
