"""A desk took what was not to be had: who bears it, by the rule of docs/decisions/0030, and that the citizen never does."""

from datetime import datetime, timedelta

import pytest

from models.errors import DomainError, ErrorCode
from models.members.tables import Member
from models.messages.tables import Message
from models.offline import deciding, desks, judging
from models.offline.tables import OfflineConflict, OfflineEntry, VoucherPass
from models.staff.rules import Role
from models.vouchers.ending import expire_vouchers
from models.vouchers.rules import Terms, Validity, VoucherState
from models.vouchers.tables import Voucher, VoucherCampaign, VoucherEvent, VoucherUse
from models.vouchers.writing_off import FOUND_FAKE
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.people import a_clerk
from tests.factories.places import a_venue
from tests.factories.vouchers import a_use
from tests.models.offline.halls import MINUTE, a_counter, a_town, check_money
from tests.offline_desk import Refused

HOUR = timedelta(hours=1)
MORE = Terms(uses_a_day=None)


async def uses() -> list[tuple[str, str]]:
    return [(use.state, use.way) for use in await VoucherUse.all().order_by("id")]


async def test_of_two_desks_the_earlier_acceptance_wins_and_the_reserve_pays_the_other(db: Database) -> None:
    town = await a_town()
    one, two = town.counters
    digits = await town.a_pass()
    one.takes(digits, NOW + 10 * MINUTE)
    two.takes(digits, NOW + 5 * MINUTE)
    assert await one.outcome(NOW + HOUR) == "DONE"
    sent = one.desk.queue
    assert await two.outcome(NOW + 2 * HOUR) == "DONE"  # accepted earlier: it displaces the other
    assert not sent
    lost, won = await VoucherUse.all().order_by("id")
    assert ((lost.state, lost.venue_id), (won.state, won.venue_id)) == (
        *(("REFUSED", one.venue.id), ("DONE", two.venue.id)),
    )
    events = [(event.kind, event.venue_id) for event in await VoucherEvent.all().order_by("id")]
    assert events == [
        *(("USED", one.venue.id), ("CONFLICT", one.venue.id), ("TAKEN_BACK", one.venue.id)),
        ("USED", two.venue.id),
    ]
    conflict = await OfflineConflict.get()
    assert (conflict.state, conflict.use_id, conflict.winner_id) == ("PAID", lost.id, won.id)
    assert (await VoucherCampaign.get(id=town.campaign.id)).reserve_used_fen == 20_00
    told = sorted(message.template for message in await Message.all())
    assert told == ["OFFLINE_CONFLICT", "VOUCHER_USED_OFFLINE", "VOUCHER_USED_OFFLINE"]
    entry = await OfflineEntry.get(use_id=lost.id)
    assert (entry.outcome, entry.answer["outcome"]) == ("CONFLICT_PAID", "CONFLICT_PAID")
    await check_money(town.campaign.id)


async def test_the_later_acceptance_is_paid_from_the_reserve_and_the_citizen_pays_nothing(db: Database) -> None:
    town = await a_town()
    one, two = town.counters
    digits = await town.a_pass()
    one.takes(digits, NOW + 5 * MINUTE)
    two.takes(digits, NOW + 10 * MINUTE)
    assert await one.outcome(NOW + HOUR) == "DONE"
    (answer,) = await two.uploads(NOW + HOUR)
    assert (answer.outcome, "顾客不用补付" in answer.next_step) == ("CONFLICT_PAID", True)
    assert await uses() == [("DONE", "OFFLINE"), ("REFUSED", "OFFLINE")]
    conflict = await OfflineConflict.get()
    assert (conflict.state, conflict.reason, conflict.amount_fen) == ("PAID", "VOUCHER_USED", 20_00)
    await check_money(town.campaign.id)


async def test_what_was_used_online_stands_though_the_desk_says_that_it_was_earlier(db: Database) -> None:
    town = await a_town(counters=1)
    (counter,) = town.counters
    counter.takes(await town.a_pass(), NOW + MINUTE)
    voucher = await Voucher.get()
    await Voucher.filter(id=voucher.id).update(state="USED", ended_at=NOW + 5 * MINUTE)
    online = await a_use(voucher, await a_venue(), now=NOW + 5 * MINUTE)
    assert await counter.outcome(NOW + HOUR) == "CONFLICT_PAID"
    assert (await OfflineConflict.get()).winner_id == online.id
    assert await uses() == [("DONE", "DESK"), ("REFUSED", "OFFLINE")]
    await check_money(town.campaign.id)


@pytest.mark.parametrize("returns", [True, False])
async def test_what_expired_meanwhile_was_good_when_it_was_shown(db: Database, returns: bool) -> None:
    terms = Terms(expired_returns=returns, validity=Validity(days=1))
    town = await a_town(counters=1, terms=terms)
    (counter,) = town.counters
    await Voucher.all().update(valid_until=NOW + HOUR)
    counter.takes(await town.a_pass(), NOW + 30 * MINUTE)
    await expire_vouchers(now=NOW + 2 * HOUR)
    state = (await Voucher.get()).state
    assert await counter.outcome(NOW + 3 * HOUR) == "CONFLICT_PAID"
    conflict = await OfflineConflict.get()
    assert (conflict.reason, conflict.winner_id) == ("VOUCHER_ENDED", None)
    assert (await Voucher.get()).state == state == ("RETURNED" if returns else "EXPIRED")
    await check_money(town.campaign.id)


async def test_what_nobody_swept_yet_is_used_though_its_time_is_over_by_now(db: Database) -> None:
    town = await a_town(counters=1)
    (counter,) = town.counters
    await Voucher.all().update(valid_until=NOW + HOUR)
    counter.takes(await town.a_pass(), NOW + 30 * MINUTE)
    assert await counter.outcome(NOW + 3 * HOUR) == "DONE"
    await check_money(town.campaign.id)


async def test_a_forfeited_voucher_is_a_conflict_too(db: Database) -> None:
    town = await a_town(counters=1)
    (counter,) = town.counters
    counter.takes(await town.a_pass(), NOW + MINUTE)
    await Voucher.all().update(state=VoucherState.FORFEITED, ended_at=NOW + 2 * MINUTE)
    assert await counter.outcome(NOW + HOUR) == "CONFLICT_PAID"
    assert (await Voucher.get()).state == "FORFEITED"
    await check_money(town.campaign.id)


async def test_a_reserved_voucher_waits_for_its_order_or_bill(db: Database) -> None:
    town = await a_town(counters=1, terms=MORE)
    (counter,) = town.counters
    second = await town.a_voucher()
    for voucher_id in (town.voucher_id, second):
        counter.takes(await town.a_pass(voucher_id=voucher_id), NOW + MINUTE)
    await Voucher.all().update(state="RESERVED")
    sent = counter.desk.batch()
    answers = await counter.uploads(NOW + HOUR)
    assert [answer.outcome for answer in answers] == ["WAITING", "WAITING"]
    assert await judging.judge_waiting(now=NOW + HOUR) == 0
    freed, used = await Voucher.all().order_by("id")
    await Voucher.filter(id=freed.id).update(state="CLAIMED")
    await Voucher.filter(id=used.id).update(state="USED", ended_at=NOW)
    await a_use(used, await a_venue(), now=NOW)
    assert await judging.judge_waiting(now=NOW + 2 * HOUR) == 2
    assert await judging.judge_waiting(now=NOW + 2 * HOUR) == 0
    again = await counter.uploads(NOW + 2 * HOUR, sent)
    assert [answer.outcome for answer in again] == ["DONE", "CONFLICT_PAID"]
    await check_money(town.campaign.id)


async def test_a_pass_that_the_kit_names_as_void_the_venue_bears(db: Database) -> None:
    town = await a_town(counters=1)
    (counter,) = town.counters
    digits = await town.a_pass()
    voucher = await Voucher.get()
    await Voucher.filter(id=voucher.id).update(state="USED", ended_at=NOW)
    await a_use(voucher, counter.venue, now=NOW)
    await counter.kit(NOW + MINUTE)
    assert counter.desk.kit["voidPasses"] == [(await VoucherPass.get()).number]
    with pytest.raises(Refused, match="PASS_REVOKED"):
        counter.takes(digits, NOW + 2 * MINUTE)
    counter.takes_blindly(digits, NOW + 2 * MINUTE)
    (answer,) = await counter.uploads(NOW + HOUR)
    assert (answer.outcome, "由场馆承担" in answer.next_step) == ("PASS_REVOKED", True)
    assert (await OfflineConflict.get()).state == "BORNE"
    assert (await VoucherCampaign.get(id=town.campaign.id)).reserve_used_fen == 0


async def test_signing_out_and_a_new_code_void_a_pass_and_an_ended_reservation_gives_it_back(db: Database) -> None:
    town = await a_town(counters=1)
    (counter,) = town.counters
    await town.a_pass()
    for change, back in (
        (Voucher.all().update(state="RESERVED"), Voucher.all().update(state="CLAIMED")),
        (Voucher.all().update(code_version=1), Voucher.all().update(code_version=0)),
        (Member.all().update(code_version=1), Member.all().update(code_version=0)),
    ):
        await change
        await counter.kit(NOW)
        assert len(counter.desk.kit["voidPasses"]) == 1
        await back
        await counter.kit(NOW)
        assert counter.desk.kit["voidPasses"] == []


async def test_a_desk_that_was_ended_is_paid_nothing_from_the_reserve(db: Database) -> None:
    town = await a_town(terms=MORE)
    one, two = town.counters
    digits, other = await town.a_pass(), await town.a_pass(voucher_id=await town.a_voucher())
    one.takes(digits, NOW + 5 * MINUTE)
    two.takes(digits, NOW + 6 * MINUTE)
    two.takes(other, NOW + 7 * MINUTE)
    late = await town.a_pass(voucher_id=await town.a_voucher())
    two.takes(late, NOW + 20 * MINUTE)
    assert await one.outcome(NOW + HOUR) == "DONE"
    ended = await desks.end_desk(clerk=two.manager, desk_id=two.desk.desk_id, now=NOW + 10 * MINUTE)
    assert await desks.end_desk(clerk=two.manager, desk_id=two.desk.desk_id, now=NOW + HOUR) == ended
    with pytest.raises(DomainError) as refused:
        await two.kit(NOW + 10 * MINUTE)
    assert refused.value.code is ErrorCode.OFFLINE_DESK_ENDED
    answers = await two.uploads(NOW + HOUR)
    assert [answer.outcome for answer in answers] == ["OFFLINE_DESK_ENDED", "DONE", "OFFLINE_DESK_ENDED"]
    assert [conflict.state for conflict in await OfflineConflict.all()] == ["BORNE", "BORNE"]
    assert (await VoucherCampaign.get(id=town.campaign.id)).reserve_used_fen == 0
    await check_money(town.campaign.id)


async def test_an_empty_reserve_leaves_it_to_a_person(db: Database) -> None:
    town = await a_town(counters=3, reserve_fen=20_00)
    digits = await town.a_pass()
    for number, counter in enumerate(town.counters):
        counter.takes(digits, NOW + (number + 1) * MINUTE)
    outcomes = [await counter.outcome(NOW + HOUR) for counter in town.counters]
    assert outcomes == ["DONE", "CONFLICT_PAID", "CONFLICT_HELD"]
    regulator = await a_clerk(roles=[Role.REGULATOR], region_key="", device_id="bureau")
    (held,) = await deciding.conflicts(clerk=regulator, only_held=True)
    assert len(await deciding.conflicts(clerk=regulator, only_held=False)) == 2

    async def decides(pays: bool = True, now: datetime = NOW + 2 * HOUR) -> str:
        return await deciding.decide_conflict(
            clerk=regulator, conflict_id=held.public_id, pays=pays, note="备用金已补充", now=now
        )

    with pytest.raises(DomainError) as empty:
        await decides()
    assert empty.value.code is ErrorCode.RESERVE_EMPTY
    assert (await OfflineConflict.get(public_id=held.public_id)).state == "HELD"
    await VoucherCampaign.filter(id=town.campaign.id).update(reserve_fen=40_00)
    assert [await decides(), await decides()] == ["PAID", "PAID"]
    with pytest.raises(DomainError) as decided:
        await decides(pays=False)
    assert decided.value.code is ErrorCode.CONFLICT_STATE
    assert await VoucherEvent.filter(kind="CONFLICT").count() == 2
    assert (await OfflineEntry.get(use__use_no=held.use_no)).outcome == "CONFLICT_PAID"
    await check_money(town.campaign.id)


@pytest.mark.parametrize("first", ["online", "another desk, earlier", "another desk, later"])
async def test_no_venue_is_paid_twice_for_one_voucher_unless_a_person_says_so(db: Database, first: str) -> None:
    """A pass at two desks of one venue: it may be a citizen who walked on, or somebody who wants the reserve's money."""
    town = await a_town(counters=1)
    (counter,) = town.counters
    digits, voucher = await town.a_pass(), await Voucher.get()
    if first == "online":
        await Voucher.filter(id=voucher.id).update(state="USED", ended_at=NOW + 5 * MINUTE)
        await a_use(voucher, counter.venue, now=NOW + 5 * MINUTE)
    else:
        other = await a_counter(counter.venue)
        await other.kit(NOW)
        other.takes(digits, NOW + (2 if first.endswith("earlier") else 20) * MINUTE)
        assert await other.outcome(NOW + HOUR) == "DONE"
    counter.takes(digits, NOW + 10 * MINUTE)
    (answer,) = await counter.uploads(NOW + HOUR)
    assert (answer.outcome, "本馆" in answer.message) == ("CONFLICT_HELD", True)
    assert [(event.kind, event.venue_id) for event in await VoucherEvent.all()] == [("USED", counter.venue.id)]
    assert (await VoucherCampaign.get(id=town.campaign.id)).reserve_used_fen == 0
    regulator = await a_clerk(roles=[Role.REGULATOR], region_key="", device_id="bureau")
    (held,) = await deciding.conflicts(clerk=regulator, only_held=True)
    assert held.winner_venue_name == held.venue_name
    decided = await deciding.decide_conflict(
        clerk=regulator,
        conflict_id=held.public_id,
        pays=True,
        note="网络中断，两位前台都给了优惠",
        now=NOW + 2 * HOUR,
    )
    assert decided == "PAID"
    assert (await VoucherCampaign.get(id=town.campaign.id)).reserve_used_fen == 20_00
    await check_money(town.campaign.id)


async def test_a_venue_whose_use_of_a_voucher_was_found_fake_is_paid_for_it_only_if_a_person_says_so(
    db: Database,
) -> None:
    town = await a_town(counters=1)
    (counter,) = town.counters
    counter.takes(await town.a_pass(), NOW + MINUTE)
    voucher = await Voucher.get()
    await Voucher.filter(id=voucher.id).update(state="FORFEITED", ended_at=NOW + HOUR)
    await a_use(voucher, counter.venue, now=NOW, state="UNDONE", undo_reason=FOUND_FAKE)
    assert await counter.outcome(NOW + HOUR) == "CONFLICT_HELD"
    assert (await VoucherCampaign.get(id=town.campaign.id)).reserve_used_fen == 0


async def test_a_venue_whose_use_was_displaced_and_paid_is_not_paid_again_by_its_other_desk(db: Database) -> None:
    town = await a_town()
    one, two = town.counters
    third = await a_counter(one.venue)
    await third.kit(NOW)
    digits = await town.a_pass()
    for counter, minutes in ((one, 10), (two, 5), (third, 2)):
        counter.takes(digits, NOW + minutes * MINUTE)
    outcomes = [await counter.outcome(NOW + HOUR) for counter in (one, two, third)]
    assert outcomes == ["DONE", "DONE", "CONFLICT_HELD"]  # the second displaced the first, whom the reserve paid
    assert (await VoucherCampaign.get(id=town.campaign.id)).reserve_used_fen == 20_00
    assert (await VoucherUse.get(state="DONE")).venue_id == two.venue.id
    await check_money(town.campaign.id)


async def test_an_earlier_acceptance_displaces_nothing_that_an_empty_reserve_could_not_make_good(
    db: Database,
) -> None:
    town = await a_town(reserve_fen=0)
    one, two = town.counters
    digits = await town.a_pass()
    one.takes(digits, NOW + 10 * MINUTE)
    two.takes(digits, NOW + 5 * MINUTE)
    assert [await one.outcome(NOW + HOUR), await two.outcome(NOW + HOUR)] == ["DONE", "CONFLICT_HELD"]
    assert [event.venue_id for event in await VoucherEvent.all()] == [one.venue.id]
    await check_money(town.campaign.id)


async def test_a_venue_s_cap_and_a_settled_campaign_are_not_made_good(db: Database) -> None:
    town = await a_town(counters=1, terms=Terms(uses_a_day=None, venue_cap_fen=30_00))
    (counter,) = town.counters
    for voucher_id in (town.voucher_id, await town.a_voucher()):
        counter.takes(await town.a_pass(voucher_id=voucher_id), NOW + MINUTE)
    assert [answer.outcome for answer in await counter.uploads(NOW + HOUR)] == ["DONE", "VENUE_CAP_REACHED"]
    third = await town.a_pass(voucher_id=await town.a_voucher())
    counter.takes(third, NOW + 2 * MINUTE)
    await VoucherCampaign.filter(id=town.campaign.id).update(state="SETTLED")
    assert await counter.outcome(NOW + HOUR) == "VOUCHER_ENDED"
    assert await VoucherEvent.all().count() == 1
