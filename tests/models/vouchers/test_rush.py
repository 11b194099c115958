"""One process in the rush: gathered, exact, from memory where that is certain, and never a claim half done."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from models import database
from models.errors import DomainError, ErrorCode
from models.vouchers import board, rush
from models.vouchers.board import Seen
from models.vouchers.claims import Claim, Given
from models.vouchers.rules import ClaimLimits, Terms
from models.vouchers.rush import DoorCrowded, Rush
from models.vouchers.tables import Voucher, VoucherRound
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.vouchers import ACampaign, a_campaign
from tests.models.vouchers.test_claiming import a_claim, claims, stock


@dataclass
class Hall:
    """A process's rush, and a clock that a test may turn."""

    rush: Rush
    now: datetime = NOW

    async def claim(self, campaign: ACampaign, claim: Claim) -> Given:
        async def whom(_seen: Seen) -> Claim:
            return claim

        return await self.rush.claim(
            campaign_id=campaign.public_id, key=claim.key, kind_id=claim.kind_id, whom=whom, now=self.now
        )

    async def code(self, campaign: ACampaign, claim: Claim) -> str:
        try:
            await self.claim(campaign, claim)
        except DomainError as refusal:
            return refusal.code
        return "given"

    async def codes(self, campaign: ACampaign, wanted: Sequence[Claim]) -> Counter[str]:
        return Counter(await asyncio.gather(*[self.code(campaign, each) for each in wanted]))


@pytest.fixture
async def hall(db: Database) -> AsyncIterator[Hall]:
    hall = Hall(Rush(id_keys=ID_KEYS))
    async with hall.rush.open():
        yield hall


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many statements were sent since the last question."""
    sent = 0
    rows = database.rows

    async def counted(*args: Any) -> Any:
        nonlocal sent
        sent += 1
        return await rows(*args)

    def since() -> int:
        nonlocal sent
        so_far, sent = sent, 0
        return so_far

    monkeypatch.setattr(database, "rows", counted)
    return since


async def learn(hall: Hall, campaign: ACampaign, statements: Callable[[], int]) -> None:
    """Asks until a no is said from memory, and nobody is reading it anew beside."""
    for _ in range(200):
        statements()
        await hall.code(campaign, await a_claim())
        statements()
        stranger = Claim(member_id=0, member_public_id="mem_NOBODY", key="stranger")
        await hall.code(campaign, stranger)
        await asyncio.sleep(0.02)  # in which whatever was begun beside would ask
        if not statements():
            return
    raise AssertionError("it is never said from memory")


@pytest.fixture
def memory_stays_young(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From the call on: else it would be read anew whenever 0.4 s happen to be over."""

    def stays_young() -> None:
        for age in ("RENEWED_AFTER", "OLDEST"):
            monkeypatch.setattr(board, age, 3600.0)

    return stays_young


async def test_a_hundred_at_once_are_served_by_few_transactions_in_order_of_arrival(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = await a_campaign(quantity=60)
    batches: list[int] = []
    claim_many = rush.claim_many

    async def watched(**what: Any) -> Any:
        batches.append(len(what["claims"]))
        return await claim_many(**what)

    monkeypatch.setattr(rush, "claim_many", watched)
    wanted = await claims(100)
    answers = await asyncio.gather(*[hall.code(campaign, each) for each in wanted])
    assert answers == ["given"] * 60 + ["VOUCHERS_SOLD_OUT"] * 40
    assert (sum(batches), len(batches) <= 3) == (100, True)
    assert await stock(campaign) == (60, 0, 0)


async def test_sold_out_is_said_from_memory_and_a_key_that_won_still_gets_its_voucher(
    hall: Hall, statements: Callable[[], int], memory_stays_young: Callable[[], None]
) -> None:
    campaign = await a_campaign(quantity=3)
    winners = await claims(3)
    given = [await hall.claim(campaign, each) for each in winners]
    await learn(hall, campaign, statements)
    memory_stays_young()
    losers = [Claim(member_id=0, member_public_id=f"mem_{n}", key=f"late-{n}") for n in range(50)]
    statements()
    assert await hall.codes(campaign, losers) == {"VOUCHERS_SOLD_OUT": 50}
    assert statements() == 0
    assert [await hall.claim(campaign, each) for each in winners] == given
    assert await stock(campaign) == (3, 0, 0)


async def test_somebody_elses_key_that_won_wins_nothing(hall: Hall, statements: Callable[[], int]) -> None:
    campaign = await a_campaign(quantity=1)
    winner = await a_claim(key="1")
    await hall.claim(campaign, winner)
    await learn(hall, campaign, statements)
    assert await hall.code(campaign, await a_claim(key="1")) == "VOUCHERS_SOLD_OUT"


async def test_another_process_that_never_saw_the_round_knows_its_winners_too(
    hall: Hall, statements: Callable[[], int]
) -> None:
    campaign = await a_campaign(quantity=1)
    winner = await a_claim()
    given = await hall.claim(campaign, winner)
    elsewhere = Hall(Rush(id_keys=ID_KEYS))
    async with elsewhere.rush.open():
        await learn(elsewhere, campaign, statements)
        assert await elsewhere.claim(campaign, winner) == given


async def test_before_the_round_opens_nobody_is_asked_and_it_opens_on_the_stroke(
    hall: Hall, statements: Callable[[], int]
) -> None:
    campaign = await a_campaign(rounds=[(NOW + timedelta(seconds=2), NOW + timedelta(hours=1), 5)])
    await learn(hall, campaign, statements)
    claim = await a_claim()
    assert await hall.code(campaign, claim) == "ROUND_NOT_OPEN"
    hall.now = NOW + timedelta(seconds=2)
    assert await hall.code(campaign, claim) == "given"


async def test_what_staff_change_is_seen_within_a_second(hall: Hall, statements: Callable[[], int]) -> None:
    campaign = await a_campaign(quantity=1)
    await hall.claim(campaign, await a_claim())
    await learn(hall, campaign, statements)
    await VoucherRound.filter(id=campaign.round_id).update(quantity=3, remaining=2)
    await asyncio.sleep(1)
    second, third = await claims(2)
    assert await hall.codes(campaign, [second, third]) == {"given": 2}
    await learn(hall, campaign, statements)
    assert await hall.code(campaign, second) == "given"  # it is known who won of what was added
    await database.rows("UPDATE voucher_campaign SET state = 'PAUSED' WHERE id = $1", campaign.id)
    await asyncio.sleep(1)
    assert await hall.code(campaign, await a_claim()) == "CAMPAIGN_NOT_OPEN"
    assert await hall.code(campaign, third) == "given"


@pytest.mark.parametrize("state", ["PAUSED", "CLOSED"])
async def test_a_campaign_that_stops_while_it_gives_knows_whose_keys_have_won(
    hall: Hall, statements: Callable[[], int], memory_stays_young: Callable[[], None], state: str
) -> None:
    """Somebody's answer was lost, and before they pressed again the campaign was stopped."""
    campaign = await a_campaign(quantity=5)
    winner = await a_claim()
    given = await hall.claim(campaign, winner)
    await database.rows("UPDATE voucher_campaign SET state = $2 WHERE id = $1", campaign.id, state)
    await learn(hall, campaign, statements)
    memory_stays_young()
    statements()
    assert await hall.codes(campaign, await claims(2)) == {"CAMPAIGN_NOT_OPEN": 2}
    assert await hall.claim(campaign, winner) == given
    assert await stock(campaign) == (1, 4, 0)


async def test_the_countdown_tells_open_and_next_from_memory(
    hall: Hall, statements: Callable[[], int], memory_stays_young: Callable[[], None]
) -> None:
    tomorrow = NOW + timedelta(days=1)
    campaign = await a_campaign(
        rounds=[(NOW, NOW + timedelta(hours=1), 1), (tomorrow, tomorrow + timedelta(hours=1), 1)]
    )
    door = await hall.rush.door(campaign.public_id, NOW)
    assert (door.opens_at, door.next_opens_at, door.ahead, door.is_sold_out) == (NOW, tomorrow, 0, False)
    await hall.claim(campaign, await a_claim())
    await learn(hall, campaign, statements)
    memory_stays_young()
    statements()
    assert (await hall.rush.door(campaign.public_id, NOW)).is_sold_out
    assert statements() == 0
    with pytest.raises(DomainError) as unknown:
        await hall.rush.door("cmp_NOWHERE", NOW)
    assert unknown.value.code == ErrorCode.CAMPAIGN_UNKNOWN


async def test_at_a_crowded_door_one_hears_how_many_are_ahead_and_when_to_come_back(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rush, "LEAST_DOOR", 5)
    monkeypatch.setattr(rush, "WAIT_SECONDS", 0)
    campaign = await a_campaign()
    wanted = await claims(12)
    answers = await asyncio.gather(*[hall.claim(campaign, each) for each in wanted], return_exceptions=True)
    crowded = [each for each in answers if isinstance(each, DoorCrowded)]
    assert [isinstance(each, Given) for each in answers] == [True] * 5 + [False] * 7
    assert len(crowded) == 7
    assert crowded[0].sentence() == "现在领券的人很多，前面还有5人。请1秒后再试，不会重复领取。"
    assert (crowded[0].ahead, crowded[0].retry_seconds) == (5, 1)
    assert await hall.codes(campaign, wanted[5:10]) == {"given": 5}
    assert await stock(campaign) == (10, 90, 0)


async def test_whoever_goes_away_while_waiting_is_in_or_out_and_their_key_says_which(hall: Hall) -> None:
    campaign = await a_campaign(quantity=100)
    wanted = await claims(60)
    waiting = [asyncio.create_task(hall.claim(campaign, each)) for each in wanted]
    for number, task in enumerate(waiting):
        if number % 3 == 0:
            asyncio.get_running_loop().call_later(0.0005 * number, task.cancel)
    await asyncio.gather(*waiting, return_exceptions=True)
    vouchers = await Voucher.all().count()
    assert 40 <= vouchers <= 60
    assert await stock(campaign) == (vouchers, 100 - vouchers, 0)
    again = [await hall.claim(campaign, each) for each in wanted]
    assert len({each.public_id for each in again}) == 60
    assert await stock(campaign) == (60, 40, 0)


async def test_a_batch_that_fails_loses_nobody_and_one_bad_claim_hurts_only_itself(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = await a_campaign()
    wanted = await claims(9)
    claim_many = rush.claim_many

    async def poisoned(**what: Any) -> Any:
        if wanted[4] in what["claims"]:
            raise ZeroDivisionError
        return await claim_many(**what)

    monkeypatch.setattr(rush, "claim_many", poisoned)
    answers = await asyncio.gather(*[hall.claim(campaign, each) for each in wanted], return_exceptions=True)
    assert [number for number, each in enumerate(answers) if not isinstance(each, Given)] == [4]
    assert isinstance(answers[4], ZeroDivisionError)
    assert await stock(campaign) == (8, 92, 0)


async def test_whose_answer_was_lost_after_the_commit_gets_the_same_voucher_by_their_key(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = await a_campaign()
    wanted = await claims(5)
    claim_many = rush.claim_many

    async def lost(**what: Any) -> Any:
        await claim_many(**what)
        raise rush.Busy

    monkeypatch.setattr(rush, "claim_many", lost)
    assert await hall.codes(campaign, wanted) == {"BUSY": 5}
    monkeypatch.setattr(rush, "claim_many", claim_many)
    assert await hall.codes(campaign, wanted) == {"given": 5}
    assert await stock(campaign) == (5, 95, 0)


async def test_two_processes_give_out_what_there_is_and_each_person_their_limit(hall: Hall) -> None:
    campaign = await a_campaign(quantity=70, terms=Terms(limits=ClaimLimits(a_round=1)))
    other = Hall(Rush(id_keys=ID_KEYS))
    wanted = await claims(80)
    twice = [replace(each, key=f"{each.key}-twice") for each in wanted]
    async with other.rush.open():
        here, there = await asyncio.gather(hall.codes(campaign, wanted), other.codes(campaign, twice))
    assert here["given"] + there["given"] == 70
    assert len(set(await Voucher.all().values_list("member_id", flat=True))) == 70
    assert await stock(campaign) == (70, 0, 0)


async def test_when_the_process_ends_whoever_is_inside_is_still_served_and_nobody_else(db: Database) -> None:
    campaign = await a_campaign()
    hall = Hall(Rush(id_keys=ID_KEYS))
    wanted = await claims(20)
    async with hall.rush.open():
        inside = [asyncio.create_task(hall.claim(campaign, each)) for each in wanted]
        while await Voucher.all().count() == 0 and not any(task.done() for task in inside):
            await asyncio.sleep(0)
    assert all(isinstance(each, Given) for each in await asyncio.gather(*inside))
    assert await hall.code(campaign, await a_claim()) == "BUSY"
    assert await stock(campaign) == (20, 80, 0)


async def test_the_keys_of_a_campaign_too_large_for_memory_are_asked_of_the_database(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "MOST_MARKS", 1)
    campaign = await a_campaign(quantity=2)
    winners = await claims(2)
    await hall.codes(campaign, winners)
    for _ in range(3):
        assert await hall.code(campaign, await a_claim()) == "VOUCHERS_SOLD_OUT"
        await asyncio.sleep(0.5)
    assert await hall.codes(campaign, winners) == {"given": 2}
