"""What several bring at once, or is cut off in the middle, is booked once and whole: PostgreSQL's locks and constraints."""

import asyncio
from datetime import timedelta

import pytest

from models.errors import DomainError
from models.offline.judging import judge_waiting
from models.offline.tables import OfflineConflict, OfflineEntry
from models.vouchers.at_desk import redeem_voucher
from models.vouchers.bills import Bill
from models.vouchers.codes import codes_of
from models.vouchers.confirming import confirm_bill
from models.vouchers.rules import Terms
from models.vouchers.tables import Voucher, VoucherCampaign, VoucherEvent, VoucherUse
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import a_hall, an_order, at, wanted
from tests.factories.people import CODE_KEYS
from tests.kills import cut_off, held, killed_while_waiting, nobody_else_is_here
from tests.models.offline.halls import MINUTE, Counter, Town, a_town, check_money

pytestmark = pytest.mark.postgres
HOUR = timedelta(hours=1)
MORE = Terms(uses_a_day=None)


async def test_two_desks_that_bring_one_voucher_at_once_book_it_once(db: Database) -> None:
    town = await a_town(counters=4)
    digits = await town.a_pass()
    for number, counter in enumerate(town.counters):
        counter.takes(digits, NOW + (4 - number) * MINUTE)
    await asyncio.gather(*(counter.outcome(NOW + HOUR) for counter in town.counters))
    states = sorted(use.state for use in await VoucherUse.all())
    assert states == ["DONE", "REFUSED", "REFUSED", "REFUSED"]
    winner = await VoucherUse.get(state="DONE")
    assert winner.venue_id == town.counters[-1].venue.id  # who accepted it first, whoever came first
    outcomes = sorted(entry.outcome for entry in await OfflineEntry.all())
    assert outcomes == ["CONFLICT_PAID", "CONFLICT_PAID", "CONFLICT_PAID", "DONE"]
    assert (await VoucherCampaign.get(id=town.campaign.id)).reserve_used_fen == 60_00
    await check_money(town.campaign.id)


async def test_one_queue_uploaded_eight_times_at_once_is_booked_once(db: Database) -> None:
    town = await a_town(counters=1, terms=MORE)
    (counter,) = town.counters
    for voucher_id in (town.voucher_id, await town.a_voucher(), await town.a_voucher()):
        counter.takes(await town.a_pass(voucher_id=voucher_id), NOW + MINUTE)
    sent = counter.desk.batch()
    answers = await asyncio.gather(*(counter.uploads(NOW + HOUR, sent) for _ in range(8)))
    assert all(each == answers[0] for each in answers)
    assert [answer.outcome for answer in answers[0]] == ["DONE"] * 3
    assert (await VoucherUse.all().count(), await VoucherEvent.all().count()) == (3, 3)
    await check_money(town.campaign.id)


async def test_a_voucher_that_pays_for_an_order_while_the_queue_comes_in_is_used_once(db: Database) -> None:
    hall = await a_hall(market_fen_per_hour=20_00)
    town = await a_town(counters=1, terms=MORE, minimum_spend_fen=20_00)
    (counter,) = town.counters
    mine = [town.voucher_id, *[await town.a_voucher() for _ in range(3)]]
    for voucher_id in mine:
        counter.takes(await town.a_pass(voucher_id=voucher_id), NOW + MINUTE)

    async def buys(number: int, voucher_id: str) -> str:
        try:
            court = wanted(hall.badminton, at(10 + number, days=number % 3 + 1))
            return (await an_order(town.person, court, vouchers=[voucher_id], now=NOW + HOUR)).status
        except DomainError as refusal:
            return refusal.code.value

    answers, bought = await asyncio.gather(
        counter.uploads(NOW + HOUR),
        asyncio.gather(*(buys(number, each) for number, each in enumerate(mine))),
    )
    pairs = sorted(zip((answer.outcome for answer in answers), bought, strict=True))
    assert {*pairs} <= {("DONE", "VOUCHER_USED"), ("CONFLICT_PAID", "PAID")}, pairs
    assert {voucher.state for voucher in await Voucher.all()} == {"USED"}
    assert await VoucherUse.filter(state="DONE").count() == 4
    conflicts = await OfflineConflict.all().count()
    assert conflicts == sum(outcome == "CONFLICT_PAID" for outcome, _ in pairs)
    await check_money(town.campaign.id)


async def test_a_bill_that_is_confirmed_while_the_queue_comes_in_is_used_once(db: Database) -> None:
    town = await a_town(counters=1)
    (counter,) = town.counters
    counter.takes(await town.a_pass(), NOW + MINUTE)
    shown = await codes_of(
        member_id=town.person.member_id, voucher_id=town.voucher_id, keys=CODE_KEYS, now=NOW + HOUR
    )
    bill = await redeem_voucher(
        clerk=counter.clerk,
        venue_id=counter.venue.public_id,
        bill=Bill(code=shown.codes[0][1], bill_fen=50_00),
        nonce="at-once-0001",
        keys=CODE_KEYS,
        now=NOW + HOUR,
    )
    sent = counter.desk.batch()
    await asyncio.gather(
        confirm_bill(member_id=town.person.member_id, use_no=bill.use_no, agrees=True, now=NOW + HOUR),
        *(counter.uploads(NOW + HOUR, sent) for _ in range(4)),
    )
    await asyncio.gather(*(judge_waiting(now=NOW + HOUR) for _ in range(3)))
    assert (await OfflineEntry.get()).outcome == "CONFLICT_HELD"  # the venue has it already
    assert sorted(use.state for use in await VoucherUse.all()) == ["DONE", "REFUSED"]
    await check_money(town.campaign.id)


# ---- cut off


async def _two_that_are_good_and_one_conflict() -> tuple[Town, Counter]:
    town = await a_town(terms=MORE)
    one, two = town.counters
    digits = [await town.a_pass(voucher_id=each) for each in (town.voucher_id, await town.a_voucher())]
    one.takes(digits[0], NOW + MINUTE)
    assert await one.outcome(NOW + HOUR) == "DONE"
    two.takes(digits[1], NOW + 2 * MINUTE)
    two.takes(digits[0], NOW + 3 * MINUTE)
    two.takes(await town.a_pass(voucher_id=await town.a_voucher()), NOW + 4 * MINUTE)
    return town, two


async def _whole(town: Town) -> int:
    """Every entry that is there has its answer, its use and its money. Gives how many there are."""
    entries = await OfflineEntry.all().prefetch_related("use")
    for entry in entries:
        assert entry.answer["outcome"] == entry.outcome
        assert entry.use is not None
        assert entry.use.state == ("DONE" if entry.outcome == "DONE" else "REFUSED")
    assert await VoucherUse.all().count() == await VoucherEvent.all().count() == len(entries)
    await check_money(town.campaign.id)
    return len(entries)


async def test_an_upload_that_is_cut_off_after_any_statement_goes_on_where_it_was(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    town, counter = await _two_that_are_good_and_one_conflict()
    sent = counter.desk.batch()
    seen = []
    for after in range(0, 400, 3):
        try:
            with cut_off(monkeypatch, after):
                answers = await counter.uploads(NOW + HOUR, sent)
        except asyncio.CancelledError:
            seen.append(await _whole(town))
        else:
            break
    assert {*seen} >= {1, 2, 3}, "it was cut off between any two entries"
    assert [answer.outcome for answer in answers] == ["DONE", "CONFLICT_PAID", "DONE"]
    assert await _whole(town) == 4
    assert await counter.uploads(NOW + HOUR, sent) == answers


async def test_a_process_that_is_killed_in_the_middle_of_an_upload_kept_what_it_had_answered(db: Database) -> None:
    town, counter = await _two_that_are_good_and_one_conflict()
    sent = counter.desk.batch()

    async def upload() -> int:
        return len(await counter.uploads(NOW + HOUR, sent))

    async with held("voucher_campaign", town.campaign.id):
        await killed_while_waiting(upload)
    await nobody_else_is_here()
    assert await _whole(town) == 2
    assert [answer.outcome for answer in await counter.uploads(NOW + HOUR, sent)] == [
        *("DONE", "CONFLICT_PAID", "DONE")
    ]
    assert await _whole(town) == 4
