"""On the way outside: whose turn it is, who is told in somebody's place, and nothing twice."""

import asyncio
from datetime import datetime, timedelta

import pytest

from models import database
from models.consents.tables import Consent
from models.families.tables import Guardianship, Proxy
from models.members.tables import Member
from models.messages.operations import choose
from models.messages.queries import inbox, stuck, waiting
from models.messages.rules import LEASE, MessageKind, MessageWay
from models.messages.sending import ClaimedSending, Outcome, record
from tests.conftest import NOW
from tests.databases import Database
from tests.models.messages.desk import (
    NOWHERE,
    claimed,
    consents_left,
    is_told,
    nobody_reaches,
    planned,
    sendings,
    somebody,
    standing,
)

SUBSCRIBE, OFFICIAL, SMS = MessageWay.SUBSCRIBE, MessageWay.OFFICIAL_ACCOUNT, MessageWay.SMS
PHONE = "+8613800000001"


async def said_no(member_id: int) -> Consent:
    """To being told anything outside the inbox."""
    return await Consent.create(
        public_id="con_1",
        member_id=member_id,
        purpose="NOTICES",
        version="1",
        text_hash="",
        given_at=NOW,
        ended_at=NOW,
        end_reason="REFUSED",
    )


async def came(sending: ClaimedSending, outcome: Outcome, now: datetime = NOW) -> None:
    await record(sending=sending, outcome=outcome, problem="WeChat 0", now=now)


async def test_of_the_ways_that_reach_somebody_the_first_is_tried_and_when_it_works_the_others_are_not(
    db: Database,
) -> None:
    member_id = await somebody(consents=1, follows=True, phone=PHONE)
    await is_told(member_id)
    assert await planned() == 1
    (only,) = await claimed()
    assert only.way is SUBSCRIBE
    await came(only, Outcome.SENT)
    assert await standing() == {"SUBSCRIBE": "SENT", "OFFICIAL_ACCOUNT": "SKIPPED", "SMS": "SKIPPED"}
    assert (await planned(), await claimed(NOW + timedelta(days=1))) == (0, [])
    assert await consents_left(member_id) == 0


async def test_a_way_that_cannot_work_gives_its_turn_to_the_next_at_once(db: Database) -> None:
    member_id = await somebody(consents=3, follows=True, phone=PHONE)
    await is_told(member_id)
    await planned()
    (first,) = await claimed()
    await came(first, Outcome.NO_CONSENT)  # 43101: WeChat knows better than we how many there are
    assert await consents_left(member_id) == 0
    (second,) = await claimed()
    assert second.way is OFFICIAL
    await came(second, Outcome.NEVER)
    (third,) = await claimed()
    assert (third.way, third.address) == (SMS, PHONE)
    assert PHONE not in repr(third)
    await came(third, Outcome.SENT)
    assert await standing() == {"SUBSCRIBE": "REFUSED", "OFFICIAL_ACCOUNT": "GAVE_UP", "SMS": "SENT"}


async def test_the_busy_are_asked_again_after_a_while_and_at_last_given_up_with_no_consent_used(
    db: Database,
) -> None:
    member_id = await somebody(consents=1)
    await is_told(member_id)
    await planned()
    now, waits = NOW, []
    while sending := await claimed(now):
        assert await consents_left(member_id) == 0
        await came(sending[0], Outcome.LATER, now)
        assert await consents_left(member_id) == 1
        found = await database.row("SELECT next_attempt_at FROM message_sending")
        assert found is not None
        if found["next_attempt_at"] is None:
            break
        waits.append(database.utc(found["next_attempt_at"]) - now)
        assert await claimed(now + waits[-1] - timedelta(seconds=1)) == []
        now += waits[-1]
    assert [wait.total_seconds() / 60 for wait in waits] == [1, 5, 30, 120]
    assert await standing() == {"SUBSCRIBE": "GAVE_UP"}
    assert await stuck(now=now) == 1
    assert await stuck(now=now + timedelta(days=2)) == 0


@pytest.mark.parametrize(("reach", "way"), [({"consents": 1}, SUBSCRIBE), ({"phone": PHONE}, SMS)])
async def test_where_the_sender_died_over_it_nothing_is_sent_again_and_no_other_way_is_tried(
    db: Database, reach: dict[str, object], way: MessageWay
) -> None:
    member_id = await somebody(**reach)  # type: ignore[arg-type]
    await is_told(member_id)
    await planned()
    (lost,) = await claimed()
    assert lost.way is way
    assert await claimed(NOW + LEASE - timedelta(seconds=1)) == []
    assert await claimed(NOW + LEASE) == []
    assert await standing() == {way: "UNKNOWN"}
    assert await stuck(now=NOW + LEASE) == 1
    # it was only slow: that it was sent is a fact
    await came(lost, Outcome.SENT, NOW + 2 * LEASE)
    assert await standing() == {way: "SENT"}


async def test_the_official_account_knows_a_message_by_its_number_so_it_is_sent_again_but_not_for_long(
    db: Database,
) -> None:
    await is_told(await somebody(follows=True, phone=PHONE))
    await planned()
    (first,) = await claimed()
    (second,) = await claimed(NOW + LEASE)
    assert (second.id, second.attempts) == (first.id, 2)
    await came(first, Outcome.NO_CONSENT, NOW + LEASE)  # too late to be believed
    assert (await standing())["OFFICIAL_ACCOUNT"] == "SENDING"
    await came(second, Outcome.NOBODY_KNOWS, NOW + LEASE)
    assert (await standing())["OFFICIAL_ACCOUNT"] == "WAITING"
    assert await claimed(NOW + timedelta(minutes=9)) == []  # WeChat may have forgotten the number by now
    assert await standing() == {"OFFICIAL_ACCOUNT": "UNKNOWN", "SMS": "SKIPPED"}


async def test_however_many_wait_without_an_answer_none_is_sent_again_after_wechat_forgot_their_numbers(
    db: Database,
) -> None:
    at_once, many = 20, 45
    for number in range(many):
        await is_told(await somebody(follows=True), no=f"O{number}")
    await planned()
    first = await claimed()
    for sending in first:
        await came(sending, Outcome.NOBODY_KNOWS)
    again, late = NOW + timedelta(minutes=1), NOW + timedelta(minutes=12)
    repeated = await claimed(again, limit=5)
    assert len(repeated) == 5
    for sending in repeated:
        await came(sending, Outcome.NOBODY_KNOWS, again)
    assert [await claimed(late, limit=at_once) for _ in range(4)] == [[]] * 4
    assert [status for _, _, status in await sendings()] == ["UNKNOWN"] * many


@pytest.mark.parametrize("outcome", [Outcome.LATER, Outcome.NEVER, Outcome.NO_CONSENT])
async def test_what_may_have_arrived_before_is_not_told_by_another_way_whatever_is_said_later(
    db: Database, outcome: Outcome
) -> None:
    await is_told(await somebody(follows=True, phone=PHONE))
    await planned()
    (first,) = await claimed()
    await came(first, Outcome.NOBODY_KNOWS)
    minute = timedelta(minutes=1)
    (second,) = await claimed(NOW + minute)
    assert (first.is_in_doubt, second.is_in_doubt) == (False, True)
    await came(second, outcome, NOW + minute)
    for minutes in range(2, 60):
        for repeated in await claimed(NOW + minutes * minute):
            assert repeated.way is OFFICIAL
            assert minutes < 8  # so long WeChat knows its number
            await came(repeated, outcome, NOW + minutes * minute)
    assert await standing() == {"OFFICIAL_ACCOUNT": "UNKNOWN", "SMS": "SKIPPED"}


async def test_a_busy_official_account_is_asked_for_hours_since_it_surely_sent_nothing(db: Database) -> None:
    await is_told(await somebody(follows=True))
    await planned()
    now = NOW
    for wait in (1, 5, 30, 120):
        (sending,) = await claimed(now)
        await came(sending, Outcome.LATER, now)
        now += timedelta(minutes=wait)
    (sending,) = await claimed(now)
    await came(sending, Outcome.SENT, now)
    assert await standing() == {"OFFICIAL_ACCOUNT": "SENT"}


async def test_without_an_answer_about_a_subscribe_message_its_consent_counts_as_used(db: Database) -> None:
    member_id = await somebody(consents=1, phone=PHONE)
    await is_told(member_id)
    await planned()
    (sending,) = await claimed()
    await came(sending, Outcome.NOBODY_KNOWS)
    assert await standing() == {"SUBSCRIBE": "UNKNOWN", "SMS": "SKIPPED"}
    assert await consents_left(member_id) == 0


async def test_two_messages_and_one_consent_are_one_subscribe_message(db: Database) -> None:
    member_id = await somebody(consents=1)
    for no in ("O1", "O2"):
        await is_told(member_id, no=no)
    await planned()
    assert len(await claimed()) == 1
    assert sorted(status for _, _, status in await sendings()) == ["REFUSED", "SENDING"]


async def test_who_chose_a_way_away_is_not_told_by_it_and_who_took_consent_back_is_told_in_the_inbox_only(
    db: Database,
) -> None:
    chooser, objector = await somebody(follows=True, phone=PHONE), await somebody(follows=True)
    await choose(member_id=chooser, kind=MessageKind.MONEY, way=OFFICIAL, is_wanted=False, now=NOW)
    await Consent.create(
        public_id="con_1",
        member_id=objector,
        purpose="NOTICES",
        version="1",
        text_hash="",
        given_at=NOW,
        ended_at=NOW,
        end_reason="WITHDRAWN",
    )
    for member_id in (chooser, objector):
        await is_told(member_id)
    await planned()
    assert [(member, way) for member, way, _ in await sendings()] == [(chooser, "SMS")]
    assert len(await inbox(member_id=objector, first=5)) == 1


async def test_what_an_account_was_told_reaches_whom_it_has_become_after_however_many_mergings(
    db: Database,
) -> None:
    first, second, third = await somebody(), await somebody(phone=PHONE), await somebody(follows=True)
    await is_told(first)
    await Member.filter(id=first).update(joined_to_id=second)
    await Member.filter(id=second).update(joined_to_id=third)
    await planned()
    assert [(member, way) for member, way, _ in await sendings()] == [(third, "OFFICIAL_ACCOUNT")]
    (only,) = await claimed()
    assert only.recipient_id == third


async def test_who_says_no_between_planning_and_sending_is_told_nothing_more_outside(db: Database) -> None:
    objector, chooser = (
        await somebody(follows=True, phone=PHONE),
        await somebody(follows=True, phone="+8613800000002"),
    )
    for member_id in (objector, chooser):
        await is_told(member_id)
    await planned()
    await said_no(objector)
    await choose(member_id=chooser, kind=MessageKind.MONEY, way=OFFICIAL, is_wanted=False, now=NOW)
    assert await claimed() == []  # both first ways are given up, and it is the next one's turn
    (still,) = await claimed()
    assert (still.recipient_id, still.way) == (chooser, SMS)
    assert {status for member, _, status in await sendings() if member == objector} == {"REFUSED"}
    for member_id in (objector, chooser):
        assert len(await inbox(member_id=member_id, first=5)) == 1


async def test_ways_that_this_house_has_not_and_templates_that_wechat_has_not_given_are_left_out(
    db: Database,
) -> None:
    await is_told(await somebody(consents=1, follows=True, phone=PHONE))
    await planned({OFFICIAL: frozenset({"BOOKING"}), SMS: frozenset({"REFUND"})})
    assert await standing() == {"SMS": "WAITING"}
    await is_told(await somebody(phone="+8613800000002"))
    await planned(NOWHERE)
    assert await standing() == {"SMS": "WAITING"}


async def test_what_nobody_could_tell_for_a_day_is_not_told_outside_any_more(db: Database) -> None:
    await is_told(await somebody(follows=True))
    assert await waiting(now=NOW) == 1
    assert await planned(now=NOW + timedelta(days=1)) == 1
    assert await sendings() == []
    assert await waiting(now=NOW) == 0


async def test_who_has_no_phone_and_no_wechat_is_told_through_their_guardians(db: Database) -> None:
    child, mother, father, stranger = await nobody_reaches(), *[await somebody(follows=True) for _ in range(3)]
    for number, guardian in enumerate((mother, father, stranger)):
        await Guardianship.create(
            public_id=f"gua_{number}",
            guardian_id=guardian,
            ward_id=child,
            relation="MOTHER",
            started_at=NOW,
            ended_at=NOW if guardian == stranger else None,
        )
    await is_told(child)
    await planned()
    assert {member for member, _, _ in await sendings()} == {mother, father}
    assert len(await claimed()) == 2
    assert len(await inbox(member_id=child, first=5)) == 1
    assert await inbox(member_id=mother, first=5) == []  # she reads it in the child's


async def test_an_elder_without_a_phone_is_told_through_the_helpers_who_have_that_power(db: Database) -> None:
    elder, grandson, neighbour = await nobody_reaches(), await somebody(follows=True), await somebody(follows=True)
    for number, (helper, powers) in enumerate(((grandson, "BOOK,MESSAGES"), (neighbour, "BOOK,SEE_ORDERS"))):
        await Proxy.create(
            public_id=f"pro_{number}", principal_id=elder, helper_id=helper, powers=powers, started_at=NOW
        )
    await is_told(elder)
    await planned()
    assert [(member, way) for member, way, _ in await sendings()] == [(grandson, "OFFICIAL_ACCOUNT")]


async def test_what_an_elder_wants_told_nobody_outside_is_told_no_helper_either(db: Database) -> None:
    """At a desk, say (`deskWithdrawConsent`): of who has no phone themselves it is all that the no can mean."""
    elder, grandson = await nobody_reaches(), await somebody(phone=PHONE)
    await Proxy.create(
        public_id="pro_1", principal_id=elder, helper_id=grandson, powers="MESSAGES", started_at=NOW
    )
    await is_told(elder)
    await planned()
    assert await standing() == {"SMS": "WAITING"}
    no = await said_no(elder)
    assert await claimed() == [], "planned before, and not sent any more"
    assert await standing() == {"SMS": "REFUSED"}
    await is_told(elder, no="O2")
    await planned()
    assert len(await sendings()) == 1, "nor planned"
    assert len(await inbox(member_id=elder, first=5)) == 2
    await is_told(grandson)
    await planned()
    assert [each.recipient_id for each in await claimed()] == [grandson], "what is his own is told him"
    await no.delete()
    await is_told(elder, no="O3")
    await planned()
    assert [each.recipient_id for each in await claimed()] == [grandson]


async def test_whoever_helps_no_more_is_not_told_what_was_planned_while_they_did(db: Database) -> None:
    elder, grandson = await nobody_reaches(), await somebody(phone=PHONE)
    proxy = await Proxy.create(
        public_id="pro_1", principal_id=elder, helper_id=grandson, powers="BOOK,MESSAGES", started_at=NOW
    )
    await is_told(elder)
    await planned()
    assert len(await sendings()) == 1
    await Proxy.filter(id=proxy.id).update(ended_at=NOW)
    assert await claimed() == []
    assert await standing() == {"SMS": "REFUSED"}


async def test_what_was_planned_for_a_joined_account_is_told_nobody_else_after_they_part(db: Database) -> None:
    old, new = await somebody(), await somebody(phone=PHONE)
    await is_told(old)
    await Member.filter(id=old).update(joined_to_id=new)
    await planned()
    await Member.filter(id=old).update(joined_to_id=None)
    assert await claimed() == []
    assert await standing() == {"SMS": "REFUSED"}


async def test_who_can_be_reached_is_told_themselves_and_who_is_gone_not_at_all(db: Database) -> None:
    elder, grandson, gone = [await somebody(follows=True) for _ in range(3)]
    await Proxy.create(
        public_id="pro_1", principal_id=elder, helper_id=grandson, powers="MESSAGES", started_at=NOW
    )
    await Member.filter(id=gone).update(deleted_at=NOW)
    await is_told(elder)
    await is_told(gone)
    await planned()
    assert [member for member, _, _ in await sendings()] == [elder]


async def test_what_was_told_an_account_that_has_joined_another_goes_to_that_one(db: Database) -> None:
    old, new = await somebody(), await somebody(follows=True)
    await is_told(old)
    await Member.filter(id=old).update(joined_to_id=new)
    await planned()
    assert [(member, way) for member, way, _ in await sendings()] == [(new, "OFFICIAL_ACCOUNT")]


async def test_who_lost_their_phone_meanwhile_is_not_sent_an_sms(db: Database) -> None:
    member_id = await somebody(phone=PHONE)
    await is_told(member_id)
    await planned()
    await database.rows("DELETE FROM member_phone WHERE member_id = $1", member_id)
    assert await claimed() == []
    assert await standing() == {"SMS": "REFUSED"}


async def test_a_message_of_a_template_that_is_gone_keeps_no_other_waiting_and_is_still_in_the_inbox(
    db: Database,
) -> None:
    member_id = await somebody(follows=True)
    for no in ("O1", "O2", "O3"):
        await is_told(member_id, no=no)
    await database.rows("UPDATE message SET template = 'GONE' WHERE about_no = 'O1'")
    assert await planned() == 3
    await database.rows("UPDATE message SET template = 'GONE' WHERE about_no = 'O2'")
    (only,) = await claimed()
    assert only.values["order_no"] == "O3"
    assert len(await inbox(member_id=member_id, first=5)) == 3


@pytest.mark.postgres
async def test_however_many_workers_there_are_each_message_is_planned_and_claimed_once(db: Database) -> None:
    members = [await somebody(consents=1, follows=True) for _ in range(5)]
    for member_id in members:
        for no in range(8):
            await is_told(member_id, no=f"O{no}")

    async def worker() -> list[ClaimedSending]:
        mine: list[ClaimedSending] = []
        for _ in range(30):
            await planned()
            some = await claimed(limit=3)
            mine += some
            await asyncio.gather(*(came(each, Outcome.SENT) for each in some))
        return mine

    taken = [each for some in await asyncio.gather(*(worker() for _ in range(6))) for each in some]
    assert len({each.id for each in taken}) == len(taken)
    sent = [(each.message_id, each.recipient_id) for each in taken]
    assert len(set(sent)) == len(sent) == 40
    assert sum(each.way is SUBSCRIBE for each in taken) == 5  # a consent each, never used twice
    assert [await consents_left(member_id) for member_id in members] == [0] * 5
