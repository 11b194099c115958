"""A consent is taken back in one act, and what its text says that this does is done."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from models.consents.queries import has_agreed
from models.consents.rules import Purpose
from models.consents.tables import Consent
from models.errors import BadInput, DomainError, ErrorCode
from models.families.rules import MemberUnknown
from models.families.tables import Guardianship, Proxy
from models.messages.tables import Message
from models.privacy import wards, withdrawing
from models.privacy.deleting import cancel_deletion, request_deletion
from models.privacy.tables import Deletion
from models.real_names.at_desk import PersonHere, verify_person
from models.real_names.rules import PersonNotHere
from models.real_names.tables import RealName
from models.staff.rules import StaffSignedIn
from models.venues.tables import Venue
from tests.databases import Database
from tests.factories.accounts import FATHER, ID_KEYS, Account, an_account, name
from tests.factories.names import GRANDMOTHER, Authority, version
from tests.factories.people import a_clerk
from tests.factories.places import a_venue

CHILD = ("李小明", "510107201506010021")


async def agree(account: Account, purpose: Purpose, now: datetime) -> None:
    await withdrawing.agree(member_id=account.member_id, purpose=purpose, version=version(purpose), now=now)


async def withdraw(account: Account, purpose: Purpose, now: datetime) -> None:
    await withdrawing.withdraw(member_id=account.member_id, purpose=purpose, keys=ID_KEYS, now=now)


@pytest.mark.parametrize("purpose", list(Purpose))
async def test_every_consent_is_taken_back_in_one_act_and_twice_is_once(
    purpose: Purpose, db: Database, now: datetime
) -> None:
    mine = await an_account()
    await agree(mine, purpose, now)
    for _ in range(2):
        await withdraw(mine, purpose, now)
    assert not await has_agreed(member_id=mine.member_id, purpose=purpose, now=now)
    assert await Deletion.all().count() == (1 if purpose is Purpose.SERVICE else 0)


@pytest.mark.parametrize("purpose", list(Purpose))
async def test_a_no_to_what_nobody_said_yes_to_is_the_same_act(
    purpose: Purpose, db: Database, now: datetime
) -> None:
    mine = await an_account()
    for _ in range(2):
        await withdraw(mine, purpose, now)
    (said,) = await Consent.all()
    assert (said.purpose, said.end_reason, said.ended_at) == (purpose, "REFUSED", now)
    assert await Deletion.all().count() == (1 if purpose is Purpose.SERVICE else 0)


async def test_whoever_kept_their_account_after_all_may_leave_it_again(db: Database, now: datetime) -> None:
    mine = await an_account()
    await withdraw(mine, Purpose.SERVICE, now)
    await cancel_deletion(member_id=mine.member_id, now=now)
    await withdraw(mine, Purpose.SERVICE, now)
    assert await Deletion.filter(cancelled_at=None).count() == 1


async def test_the_real_name_is_unbound(db: Database, now: datetime) -> None:
    mine = await an_account()
    await name(mine, FATHER)
    await agree(mine, Purpose.REAL_NAME, now)
    await withdraw(mine, Purpose.REAL_NAME, now)
    assert not await RealName.filter(member_id=mine.member_id).exists()


async def test_a_guardians_real_name_stays_and_so_does_the_consent(db: Database, now: datetime) -> None:
    mine, child = await an_account(), await an_account()
    await name(mine, FATHER)
    await name(child, CHILD)
    await agree(mine, Purpose.REAL_NAME, now)
    await Guardianship.create(
        public_id="g1", guardian_id=mine.member_id, ward_id=child.member_id, relation="FATHER", started_at=now
    )
    with pytest.raises(DomainError) as refused:
        await withdraw(mine, Purpose.REAL_NAME, now)
    assert refused.value.code == ErrorCode.WARD_WOULD_BE_ALONE
    assert await has_agreed(member_id=mine.member_id, purpose=Purpose.REAL_NAME, now=now)
    assert await RealName.filter(member_id=mine.member_id).exists()


async def test_helpers_go_and_hear_of_it(db: Database, now: datetime) -> None:
    mine, helper = await an_account(), await an_account()
    await agree(mine, Purpose.HELPER, now)
    await Proxy.create(
        public_id="p1", principal_id=mine.member_id, helper_id=helper.member_id, powers="BOOK", started_at=now
    )
    await withdraw(mine, Purpose.HELPER, now)
    assert not await Proxy.filter(ended_at=None).exists()
    assert await Message.filter(member_id=helper.member_id, template="HELPER_ENDED").exists()


@dataclass(frozen=True)
class Desk:
    """A clerk who has just read the grandmother's card."""

    venue: Venue
    clerk: StaffSignedIn
    grandmother: PersonHere

    async def withdraw(self, purpose: Purpose, now: datetime) -> None:
        await withdrawing.withdraw_at_desk(
            clerk=self.clerk,
            person_id=self.grandmother.public_id,
            purpose=purpose,
            venue_id=self.venue.public_id,
            keys=ID_KEYS,
            now=now,
        )


@pytest.fixture
async def desk(db: Database, authority: Authority, now: datetime) -> Desk:
    venue = await a_venue()
    clerk = await a_clerk(venue.public_id)
    grandmother = await verify_person(
        clerk=clerk,
        name=GRANDMOTHER.name,
        id_number=GRANDMOTHER.number,
        consent_version=version(Purpose.REAL_NAME),
        venue_id=venue.public_id,
        idempotency_key="one-visit",
        keys=ID_KEYS,
        authority=authority,
        now=now,
    )
    return Desk(venue, clerk, grandmother)


async def test_at_the_desk_she_ends_that_anybody_helps_her(desk: Desk, now: datetime) -> None:
    who, helper, other = desk.grandmother.member_id, await an_account(), await an_account()
    await withdrawing.agree(member_id=who, purpose=Purpose.HELPER, version=version(Purpose.HELPER), now=now)
    for number, principal in enumerate((who, other.member_id)):
        await Proxy.create(
            public_id=f"p{number}",
            principal_id=principal,
            helper_id=helper.member_id,
            powers="BOOK",
            started_at=now,
        )
    for _ in range(2):
        await desk.withdraw(Purpose.HELPER, now)
    ended = await Proxy.get(principal_id=who)
    assert (ended.ended_at, ended.ended_by) == (now, "STAFF")
    assert (await Proxy.get(principal_id=other.member_id)).ended_at is None
    assert not await has_agreed(member_id=who, purpose=Purpose.HELPER, now=now)
    assert await RealName.filter(member_id=who).exists()
    told = await Message.filter(template="HELPER_ENDED").order_by("member_id")
    assert {each.member_id for each in told} == {who, helper.member_id}
    assert [each.values["what"] for each in told] == ["工作人员代为结束"] * 2


async def test_at_the_desk_a_helper_goes_to_whom_she_never_said_yes(desk: Desk, now: datetime) -> None:
    """Who was a guardian until she was fourteen still reads her messages, though a no to helpers was said before."""
    helper = await an_account()
    await desk.withdraw(Purpose.HELPER, now)
    await Proxy.create(
        public_id="p1",
        principal_id=desk.grandmother.member_id,
        helper_id=helper.member_id,
        powers="MESSAGES",
        started_at=now,
    )
    await desk.withdraw(Purpose.HELPER, now)
    assert (await Proxy.get()).ended_by == "STAFF"
    assert await Consent.filter(purpose=Purpose.HELPER).count() == 1


async def test_at_the_desk_she_takes_back_her_name_and_notices_and_no_more(desk: Desk, now: datetime) -> None:
    who = desk.grandmother.member_id
    for purpose in (Purpose.SERVICE, Purpose.CHILD):
        with pytest.raises(BadInput):
            await desk.withdraw(purpose, now)
    assert not await Deletion.all().exists()
    await desk.withdraw(Purpose.NOTICES, now)
    assert await has_agreed(member_id=who, purpose=Purpose.REAL_NAME, now=now)
    await desk.withdraw(Purpose.REAL_NAME, now)
    assert not await has_agreed(member_id=who, purpose=Purpose.REAL_NAME, now=now)
    assert not await RealName.filter(member_id=who).exists()
    with pytest.raises(PersonNotHere):  # whose name went, nobody has before them any more
        await desk.withdraw(Purpose.HELPER, now)


async def test_at_the_desk_nothing_is_taken_back_for_who_is_not_there(desk: Desk, now: datetime) -> None:
    elsewhere = replace(desk, clerk=await a_clerk(desk.venue.public_id))
    with pytest.raises(PersonNotHere):
        await elsewhere.withdraw(Purpose.REAL_NAME, now)
    with pytest.raises(PersonNotHere):
        await desk.withdraw(Purpose.REAL_NAME, now + timedelta(minutes=31))
    stranger = replace(desk, clerk=await a_clerk((await a_venue(name="别处")).public_id))
    with pytest.raises(DomainError) as refused:
        await stranger.withdraw(Purpose.REAL_NAME, now)
    assert refused.value.code == ErrorCode.NOT_ALLOWED
    assert await RealName.filter(member_id=desk.grandmother.member_id).exists()


@pytest.mark.postgres
async def test_a_clerk_who_presses_twice_unbinds_once_and_nobodys_name_after_that(
    desk: Desk, now: datetime
) -> None:
    presses = (desk.withdraw(Purpose.REAL_NAME, now) for _ in range(3))
    said = await asyncio.gather(*presses, return_exceptions=True)
    assert sorted(type(each).__name__ for each in said) == ["NoneType", "PersonNotHere", "PersonNotHere"]
    assert await Message.filter(template="REAL_NAME_UNBOUND").count() == 1


async def test_who_agrees_to_the_service_again_stays(db: Database, now: datetime) -> None:
    mine = await an_account()
    await agree(mine, Purpose.SERVICE, now)
    await withdraw(mine, Purpose.SERVICE, now)
    for _ in range(2):
        await agree(mine, Purpose.SERVICE, now)
    assert (await Deletion.get()).cancelled_at == now
    assert await has_agreed(member_id=mine.member_id, purpose=Purpose.SERVICE, now=now)
    assert await Message.filter(member_id=mine.member_id, template="DELETION_CANCELLED").count() == 1


async def test_who_asked_to_be_gone_goes_though_they_agree_to_something(db: Database, now: datetime) -> None:
    mine = await an_account()
    await agree(mine, Purpose.SERVICE, now)
    await withdraw(mine, Purpose.NOTICES, now)
    await request_deletion(member_id=mine.member_id, keys=ID_KEYS, now=now)
    await agree(mine, Purpose.SERVICE, now)
    await agree(mine, Purpose.NOTICES, now)
    assert (await Deletion.get()).cancelled_at is None


async def test_only_a_guardian_of_a_child_speaks_for_somebody_else(db: Database, now: datetime) -> None:
    mine, child, helped = await an_account(), await an_account(), await an_account()
    await name(child, CHILD)
    await Guardianship.create(
        public_id="g1", guardian_id=mine.member_id, ward_id=child.member_id, relation="FATHER", started_at=now
    )
    await Proxy.create(
        public_id="p1",
        principal_id=helped.member_id,
        helper_id=mine.member_id,
        powers="BOOK,MESSAGES,FEEDBACK",
        started_at=now,
    )

    async def whose(for_member: str | None, then: datetime = now) -> int:
        acting = await wards.own_or_wards(
            member_id=mine.member_id,
            member_public_id=mine.public_id,
            for_member=for_member,
            keys=ID_KEYS,
            now=then,
        )
        return acting.member_id

    assert await whose(None) == await whose(mine.public_id) == mine.member_id
    assert await whose(child.public_id) == child.member_id
    for stranger, then in (
        (helped.public_id, now),
        ("mem_NOBODY", now),
        (child.public_id, now.replace(year=2029, month=6)),  # fourteen by then
    ):
        with pytest.raises(MemberUnknown):
            await whose(stranger, then)
