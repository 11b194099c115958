"""Every entry of the books is settled once, whenever it comes, and nothing is settled that somebody must judge."""

import asyncio

import pytest

from models.errors import DomainError, ErrorCode
from models.risk.tables import RiskCase
from models.settlement import drafting
from models.settlement.deciding import drop
from models.settlement.tables import Settlement, SettlementDraft, SettlementLine, SettlementStep
from models.vouchers.tables import VoucherUse
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.feedback import a_regulator
from tests.factories.settlements import (
    DAY,
    FROM,
    LATER,
    UNTIL,
    Programme,
    a_conflict,
    a_programme,
    a_redemption,
    approved,
    drafted,
    judge,
    latest,
    recorded,
    take_back,
)


async def open_case(use: VoucherUse) -> RiskCase:
    return await RiskCase.create(
        case_no=f"K{use.id}",
        use_id=use.id,
        venue_id=use.venue_id,
        state="OPEN",
        version=1,
        score=90,
        opened_at=NOW,
    )


async def uses_in(settlement: Settlement) -> set[int]:
    lines = await SettlementLine.filter(settlement_id=settlement.id).prefetch_related("entry")
    return {line.entry.use_id for line in lines}


async def test_all_venues_are_drafted_in_one_go_and_each_sum_is_that_of_its_lines(db: Database) -> None:
    it = await a_programme()
    one = await a_redemption(it, share_fen=500)
    two = await a_redemption(it, share_fen=500)
    await take_back(two, fen=800)
    elsewhere = await a_redemption(it, it.other_venue)
    tomorrow = await a_redemption(it, now=NOW + DAY)

    report = await drafted(it)

    assert (report.settlements, report.held_entries, report.undecided_venues) == (2, 0, 0)
    here, there = await latest(it), await latest(it, it.other_venue)
    assert (here.state, here.from_day, here.until_day) == ("DRAFT", FROM, UNTIL)
    assert await uses_in(here) == {one.id, two.id}
    assert (here.used_fen, here.taken_back_fen, here.venue_share_fen) == (40_00, 8_00, 10_00 - 2_00)
    assert (here.payable_fen, here.carried_out_fen) == (40_00 - 8_00 - 8_00, 0)
    assert await uses_in(there) == {elsewhere.id}
    assert there.payable_fen == 20_00
    assert not await SettlementLine.filter(entry__use_id=tomorrow.id).exists()
    assert await SettlementStep.filter(to_state="DRAFT", staff_id=it.proposer.staff_id).count() == 2


async def test_the_same_draft_again_is_the_same_one_and_another_finds_nothing_left(db: Database) -> None:
    it = await a_programme()
    await a_redemption(it)
    first = await drafted(it, key="november")
    assert await drafted(it, key="november") == first
    assert (await drafted(it)).settlements == 0
    assert (await Settlement.all().count(), await SettlementLine.all().count()) == (1, 1)
    with pytest.raises(DomainError) as refused:
        await drafted(it, key="november", until_day=FROM)
    assert refused.value.code is ErrorCode.IDEMPOTENCY_KEY_REUSED


async def test_what_comes_late_goes_into_the_next_one(db: Database) -> None:
    """Also into one whose days are over long since: it is the entry's own day that decides, and it was free."""
    it = await a_programme()
    await a_redemption(it)
    await drafted(it)
    await approved(it, await latest(it))
    late = await a_redemption(it, now=NOW - DAY)
    await drafted(it, from_day=UNTIL, until_day=UNTIL)
    assert await uses_in(await latest(it)) == {late.id}


async def test_an_open_case_keeps_a_use_out_with_all_its_entries_until_it_is_decided(db: Database) -> None:
    it = await a_programme()
    good, doubtful = await a_redemption(it), await a_redemption(it)
    await take_back(doubtful, fen=5_00)
    case = await open_case(doubtful)
    report = await drafted(it)
    assert report.held_entries == 2
    assert await uses_in(await latest(it)) == {good.id}
    await approved(it, await latest(it))
    case.state = "CLEARED"
    await case.save()
    await drafted(it)
    settlement = await latest(it)
    assert await uses_in(settlement) == {doubtful.id}
    assert settlement.payable_fen == 15_00


async def test_what_no_rule_has_looked_at_waits_but_a_conflict_does_not(db: Database) -> None:
    """A conflict between offline desks was decided by rule, and the reserve pays it."""
    it = await a_programme(reserve_fen=100_00)
    unseen = await a_redemption(it, judged=False)
    await a_conflict(it, it.other_venue)
    report = await drafted(it)
    assert (report.settlements, report.held_entries) == (1, 1)
    there = await latest(it, it.other_venue)
    assert (there.conflict_fen, there.used_fen, there.payable_fen) == (20_00, 20_00, 40_00)
    await judge(unseen)
    assert (await drafted(it)).settlements == 1
    assert await uses_in(await latest(it)) == {unseen.id}


async def test_what_is_taken_back_after_it_was_settled_is_taken_off_the_next_one(db: Database) -> None:
    it = await a_programme()
    fake = await a_redemption(it)
    await drafted(it)
    first = await latest(it)
    await approved(it, first)
    await take_back(fake, now=NOW + DAY)
    await a_redemption(it, now=NOW + DAY)
    await a_redemption(it, now=NOW + DAY)
    await drafted(it, from_day=UNTIL, until_day=UNTIL.replace(day=21), now=LATER + DAY)
    second = await latest(it)
    assert (second.used_fen, second.taken_back_fen, second.payable_fen) == (40_00, 20_00, 20_00)
    await first.refresh_from_db()
    assert (first.payable_fen, first.state) == (20_00, "APPROVED")


async def test_a_negative_sum_is_carried_into_the_venues_next_one_once(db: Database) -> None:
    it = await a_programme()
    fake = await a_redemption(it)
    await drafted(it)
    await approved(it, await latest(it))
    await take_back(fake, now=NOW)
    await drafted(it)
    negative = await latest(it)
    assert (negative.payable_fen, negative.carried_out_fen) == (0, 20_00)
    await approved(it, negative)

    for _ in range(3):
        await a_redemption(it)
    await drafted(it)
    carrying = await latest(it)
    assert (carrying.carried_from_id, carrying.carried_in_fen) == (negative.id, 20_00)
    assert carrying.payable_fen == 60_00 - 20_00

    await drop(clerk=it.proposer, settlement_no=carrying.settlement_no, reason="重新拟定", now=LATER)
    await drafted(it)
    again = await latest(it)
    assert (again.id != carrying.id, again.carried_from_id, again.payable_fen) == (True, negative.id, 40_00)
    await approved(it, again)
    await a_redemption(it)
    await drafted(it)
    assert ((await latest(it)).carried_in_fen, (await latest(it)).payable_fen) == (0, 20_00)


async def test_while_an_earlier_one_is_undecided_the_venue_waits(db: Database) -> None:
    """What that one will carry is not known yet."""
    it = await a_programme()
    await a_redemption(it)
    await drafted(it)
    late = await a_redemption(it)
    elsewhere = await a_redemption(it, it.other_venue)
    report = await drafted(it)
    assert (report.settlements, report.undecided_venues) == (1, 1)
    assert await uses_in(await latest(it, it.other_venue)) == {elsewhere.id}
    await approved(it, await latest(it))
    await drafted(it)
    assert await uses_in(await latest(it)) == {late.id}


async def test_a_period_that_is_none_or_not_over_is_refused(db: Database) -> None:
    it = await a_programme()
    await a_redemption(it)
    for from_day, until_day, now in (
        (UNTIL, FROM, LATER),
        (FROM, UNTIL, NOW),
        (FROM.replace(year=2025), UNTIL, LATER),
    ):
        with pytest.raises(DomainError) as refused:
            await drafted(it, from_day=from_day, until_day=until_day, now=now)
        assert refused.value.code is ErrorCode.SETTLEMENT_PERIOD
    assert not await SettlementDraft.exists()


async def test_only_who_proposes_for_the_whole_region_of_the_money_drafts(db: Database) -> None:
    it = await a_programme()
    await a_redemption(it)
    of_a_district = await a_regulator("510107")
    for clerk, code in (
        (of_a_district, ErrorCode.CAMPAIGN_UNKNOWN),
        (it.paymaster, ErrorCode.NOT_ALLOWED),
    ):
        with pytest.raises(DomainError) as refused:
            await drafted(Programme(it.campaign, it.venue, it.other_venue, clerk, clerk, clerk))
        assert refused.value.code is code
    assert not await Settlement.exists()


async def test_a_draft_that_is_cancelled_midway_leaves_nothing(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = await a_programme()
    await a_redemption(it)
    reached, go_on = asyncio.Event(), asyncio.Event()
    real = drafting.brought_by

    async def then_dies(ids: list[int]) -> object:
        reached.set()
        await go_on.wait()
        return await real(ids)

    monkeypatch.setattr(drafting, "brought_by", then_dies)
    task = asyncio.create_task(drafted(it, key="killed"))
    async with asyncio.timeout(10):
        await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    monkeypatch.undo()
    assert not await SettlementDraft.exists()
    assert not await Settlement.exists()
    assert not await SettlementLine.exists()
    assert (await drafted(it, key="killed")).settlements == 1


@pytest.mark.postgres
async def test_two_drafts_at_once_settle_nothing_twice(db: Database) -> None:
    it = await a_programme()
    for _ in range(3):
        await a_redemption(it)
    await asyncio.gather(*(drafted(it, key=f"at-once-{n}") for n in range(4)))
    assert await Settlement.all().count() == 1
    assert await SettlementLine.all().count() == 3
    assert (await latest(it)).payable_fen == 60_00


@pytest.mark.postgres
async def test_an_entry_that_is_booked_during_a_draft_is_in_one_settlement_or_free(db: Database) -> None:
    it = await a_programme()
    await a_redemption(it)

    async def busy() -> None:
        for _ in range(5):
            await a_redemption(it)

    await asyncio.gather(busy(), drafted(it))
    first = await latest(it)
    await approved(it, first)
    await drafted(it)
    every = await Settlement.filter(campaign_id=it.campaign.id)
    assert sum(each.payable_fen for each in every) == 6 * 20_00
    assert await SettlementLine.all().count() == 6
    assert first.payable_fen == 20_00 * len(await uses_in(first))


@pytest.mark.postgres
async def test_what_a_venue_pays_back_is_not_carried_as_well(db: Database) -> None:
    it = await a_programme()
    fake = await a_redemption(it)
    await drafted(it)
    await approved(it, await latest(it))
    await take_back(fake)
    await drafted(it)
    owing = await latest(it)
    await approved(it, owing)
    await a_redemption(it)
    outcomes = await asyncio.gather(recorded(it, owing, amount_fen=20_00), drafted(it), return_exceptions=True)
    after, new = await Settlement.get(id=owing.id), await latest(it)
    assert (after.state == "PAID") is (new.carried_in_fen == 0)
    assert (after.state == "PAID") is not isinstance(outcomes[0], DomainError)
    assert new.payable_fen == (20_00 if after.state == "PAID" else 0)
