"""A desk's queue comes in: each entry by itself, each with an answer, the same one the second time."""

import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from models.calendar import instant_of
from models.messages.tables import Message
from models.offline import desks, kits
from models.offline.tables import OfflineConflict, OfflineEntry, OfflineFork
from models.vouchers.rules import Terms
from models.vouchers.tables import Voucher, VoucherCampaign, VoucherEvent, VoucherUse
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.people import CODE_KEYS
from tests.models.offline.halls import KEYS, MINUTE, a_counter, a_town, check_money
from tests.offline_desk import Refused

HOUR = timedelta(hours=1)
MORE = Terms(uses_a_day=None)


async def uses() -> list[tuple[str, str]]:
    return [(use.state, use.way) for use in await VoucherUse.all().order_by("id")]


async def test_a_pass_that_a_desk_took_is_a_use_with_the_desk_s_time(db: Database) -> None:
    town = await a_town(counters=1)
    (counter,) = town.counters
    assert counter.takes(await town.a_pass(), NOW + 10 * MINUTE) == 30_00
    (answer,) = await counter.uploads(NOW + HOUR)
    assert (answer.outcome, answer.kept, counter.desk.queue) == ("DONE", True, [])
    use = await VoucherUse.get()
    assert (use.use_no, use.state, use.way, use.bill_fen, use.used_fen, use.sport_code) == (
        *(answer.use_no, "DONE", "OFFLINE", 50_00, 20_00, "BADMINTON"),
    )
    assert (use.used_at, use.rest_way) == (NOW + 10 * MINUTE, "CASH")
    event = await VoucherEvent.get()
    assert (event.kind, event.amount_fen, event.happened_at) == ("USED", 20_00, NOW + HOUR)
    assert ((await Voucher.get()).state, await OfflineConflict.all().count()) == ("USED", 0)
    assert (await Message.get()).template == "VOUCHER_USED_OFFLINE"
    await check_money(town.campaign.id)


async def test_the_same_queue_again_gets_the_same_answers_and_books_nothing(db: Database) -> None:
    town = await a_town(counters=1, terms=MORE)
    (counter,) = town.counters
    for voucher_id in (town.voucher_id, await town.a_voucher()):
        counter.takes(await town.a_pass(voucher_id=voucher_id), NOW + MINUTE)
    sent = counter.desk.batch()
    first = await counter.uploads(NOW + HOUR, sent)
    assert [answer.outcome for answer in first] == ["DONE", "DONE"]
    assert await counter.uploads(NOW + 2 * HOUR, sent) == first
    assert (await VoucherEvent.all().count(), await OfflineEntry.all().count()) == (2, 2)


async def test_a_bad_entry_never_stands_in_the_way_of_the_good_ones_behind_it(db: Database) -> None:
    town = await a_town(counters=1, terms=MORE)
    (counter,) = town.counters
    digits = [await town.a_pass(voucher_id=each) for each in (town.voucher_id, await town.a_voucher())]
    counter.desk.append("CODE", text="no code")
    counter.takes_blindly("5" * 212, NOW + MINUTE)
    counter.takes(digits[0], NOW + 2 * MINUTE)
    counter.desk.append("CODE", text="1" * 24, bill=3)
    counter.takes(digits[1], NOW + 3 * MINUTE)
    sent = counter.desk.batch()
    wrong = {**sent[2], "signature": base64.b64encode(bytes(64)).decode()}
    answers = await counter.uploads(NOW + HOUR, [{"body": "{", "signature": ""}, *sent[:2], wrong, *sent[3:]])
    assert [(answer.number, answer.outcome, answer.kept) for answer in answers] == [
        (None, "BAD_INPUT", False),
        (1, "UNKNOWN_CODE", True),
        (2, "PASS_UNKNOWN", True),
        (3, "SIGNATURE_WRONG", False),
        (None, "BAD_INPUT", False),
        (5, "DONE", True),
    ]
    behind = {entry.number: entry.is_behind_gap for entry in await OfflineEntry.all()}
    assert behind == {1: False, 2: False, 5: True}
    for answer in answers:
        assert answer.message.endswith("。")
    (again,) = await counter.uploads(NOW + 2 * HOUR, [sent[2]])  # now as it was signed
    assert (again.number, again.outcome) == (3, "DONE")
    (seen,) = await desks.desks_at(clerk=counter.clerk, venue_id=counter.venue.public_id)
    assert (seen.last_number, seen.missing, seen.forks) == (5, 1, 0)
    await check_money(town.campaign.id)


async def test_another_content_under_a_number_is_named_and_kept_and_books_nothing(db: Database) -> None:
    town = await a_town(counters=1, terms=MORE)
    (counter,) = town.counters
    copied = replace(counter.desk, queue=[], spent={}, entered=set())
    counter.takes(await town.a_pass(), NOW + MINUTE)
    second = await town.a_pass(voucher_id=await town.a_voucher())
    copied.accept_pass(second, bill=60_00, sport="BADMINTON")
    copied.accept_pass(await town.a_pass(voucher_id=await town.a_voucher()), bill=60_00, sport="BADMINTON")
    assert await counter.outcome(NOW + HOUR) == "DONE"
    for _ in range(2):
        answers = await counter.uploads(NOW + HOUR, copied.batch())
        assert [answer.outcome for answer in answers] == ["CHAIN_FORKED", "CHAIN_BROKEN"]
    fork = await OfflineFork.get()
    assert (fork.body, await VoucherUse.all().count()) == (copied.queue[0][0], 1)
    assert (await OfflineConflict.get()).state == "BORNE"
    assert {voucher.state for voucher in await Voucher.all()} == {"USED", "CLAIMED"}
    await check_money(town.campaign.id)


async def test_a_first_entry_that_is_not_the_first_and_a_gap_that_is_filled_with_another_are_broken(
    db: Database,
) -> None:
    town = await a_town(counters=1, terms=MORE)
    (counter,) = town.counters
    desk = counter.desk
    desk.last_hash = "a" * 64
    counter.takes(await town.a_pass(), NOW + MINUTE)
    assert await counter.outcome(NOW + HOUR) == "CHAIN_BROKEN"
    desk.append("CODE", text="2")
    first_try = desk.queue.pop()
    desk.append("CODE", text="3")
    assert await counter.outcome(NOW + HOUR) == "UNKNOWN_CODE"
    changed = {**json.loads(first_try[0]), "text": "another"}
    body = json.dumps(changed, ensure_ascii=False, separators=(",", ":"))
    (answer,) = await counter.uploads(NOW + HOUR, [{"body": body, "signature": desk.signed(body)}])
    assert answer.outcome == "CHAIN_BROKEN"
    assert await uses() == []


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("kit", "KIT_UNKNOWN"),
        ("early", "CLOCK_WRONG"),
        ("late", "CLOCK_WRONG"),
        ("before its pass", "CLOCK_WRONG"),
        ("over", "PASS_OVER"),
        ("elsewhere", "VOUCHER_WRONG_PLACE"),
        ("too little", "VOUCHER_SPEND_TOO_LOW"),
        ("twice", "VOUCHER_USED"),
        ("count", "OFFLINE_CAP_REACHED"),
        ("fen", "OFFLINE_CAP_REACHED"),
    ],
)
async def test_what_the_desk_could_know_the_venue_bears(db: Database, what: str, code: str) -> None:
    elsewhere = await a_counter() if what == "elsewhere" else None
    town = await a_town(counters=0, terms=MORE, venue=elsewhere.venue if elsewhere else None)
    counter = await a_counter(most_fen=19_99 if what == "fen" else 200_00, most_count=0 if what == "count" else 5)
    await counter.kit(NOW)
    given_at = NOW + 30 * MINUTE if what == "before its pass" else NOW
    digits = await town.a_pass(given_at)
    accepted, came = NOW + 5 * MINUTE, NOW + 10 * HOUR
    if what == "kit":
        counter.desk.kit = {**counter.desk.kit, "kit": "kit_AAAA"}
    if what == "early":
        accepted = NOW - 3 * MINUTE
    if what == "late":
        accepted = came + 3 * MINUTE
    if what == "over":
        accepted = NOW + 2 * HOUR + 3 * MINUTE
    if what == "twice":
        counter.takes(digits, NOW + MINUTE)
    counter.takes_blindly(digits, accepted, bill=39_99 if what == "too little" else 50_00)
    *before, answer = await counter.uploads(came)
    assert (answer.outcome, answer.kept) == (code, True), answer
    assert [each.outcome for each in before] == ["DONE"] * len(before)
    conflict = await OfflineConflict.get()
    assert (conflict.state, conflict.reason, conflict.use_id) == ("BORNE", code, None)
    assert (await Voucher.get()).state == ("USED" if before else "CLAIMED")
    assert (await VoucherCampaign.get(id=town.campaign.id)).reserve_used_fen == 0
    assert await VoucherEvent.all().count() == len(before)
    await check_money(town.campaign.id)


async def test_the_reference_desk_itself_refuses_all_of_that(db: Database) -> None:
    town = await a_town(counters=1, terms=MORE)
    (counter,) = town.counters
    digits = await town.a_pass()
    for refusal, at, how in (
        ("NO_KIT", NOW - 3 * MINUTE, {}),
        ("NO_KIT", instant_of(NOW.date() + timedelta(days=1), 0), {}),
        ("PASS_OVER", NOW + 2 * HOUR, {}),
        ("TOO_LITTLE", NOW, {"bill": 39_99}),
        ("NOT_THIS_SPORT", NOW, {"sport": "SWIMMING"}),
    ):
        with pytest.raises(Refused, match=refusal):
            counter.takes(digits, at, **how)
    forged = f"{digits[:40]}{int(digits[40]) ^ 1}{digits[41:]}"
    with pytest.raises(Refused, match="UNKNOWN_PASS"):
        counter.takes(forged, NOW)
    counter.takes(digits, NOW)
    with pytest.raises(Refused, match="USED_HERE"):
        counter.takes(digits, NOW + MINUTE)
    assert len(counter.desk.queue) == 1


async def test_a_kit_that_is_not_ours_or_another_desk_s_is_not_taken(db: Database) -> None:
    town = await a_town(counters=2)
    one, two = town.counters
    given = await kits.fetch_kit(
        clerk=one.clerk, desk_id=one.desk.desk_id, code_keys=CODE_KEYS, keys=KEYS, now=NOW
    )
    signed = {"body": given.body, "signature": given.signature, "keyId": given.key_id}
    with pytest.raises(Refused, match="KIT_FORGED"):
        one.desk.load({**signed, "body": given.body.replace("20000", "90000")})
    with pytest.raises(Refused, match="KIT_FORGED"):
        one.desk.load({**signed, "keyId": "2"})
    with pytest.raises(Refused, match="KIT_ANOTHER_DESK"):
        two.desk.load(signed)
    one.desk.load(signed)


async def test_a_desk_whose_clock_is_wrong_puts_it_right_by_its_kit(db: Database) -> None:
    town = await a_town(counters=0)
    counter = await a_counter(skew=timedelta(hours=-7, minutes=3))
    await counter.kit(NOW)
    counter.takes(await town.a_pass(), NOW + 20 * MINUTE)
    assert await counter.outcome(NOW + HOUR) == "DONE"
    assert (await VoucherUse.get()).used_at == NOW + 20 * MINUTE


async def test_a_desk_that_lost_its_memory_goes_on_where_the_server_knows_it(db: Database) -> None:
    town = await a_town(counters=1, terms=MORE)
    (counter,) = town.counters
    counter.takes(await town.a_pass(), NOW + MINUTE)
    assert await counter.outcome(NOW + HOUR) == "DONE"
    counter.desk.number, counter.desk.last_hash, counter.desk.spent = 0, "0" * 64, {}
    await counter.kit(NOW + HOUR)
    assert (counter.desk.number, counter.desk.kit["caps"]["usedFen"]) == (1, 20_00)
    counter.takes(await town.a_pass(NOW + HOUR, await town.a_voucher()), NOW + HOUR + MINUTE)
    assert await counter.outcome(NOW + 2 * HOUR) == "DONE"


async def test_caps_are_the_day_s_however_many_kits_were_fetched(db: Database) -> None:
    town = await a_town(counters=0, terms=MORE)
    counter = await a_counter(most_count=2)
    for number in range(3):
        now = NOW + number * 10 * MINUTE
        await counter.kit(now)
        counter.takes_blindly(await town.a_pass(now, await town.a_voucher()), now + MINUTE)
    assert [answer.outcome for answer in await counter.uploads(NOW + HOUR)] == [
        *("DONE", "DONE", "OFFLINE_CAP_REACHED")
    ]
    await check_money(town.campaign.id)
