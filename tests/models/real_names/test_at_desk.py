"""At the desk: by the card in hand, counted, written down, and only of whom the clerk has before them."""

import asyncio
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from tortoise.transactions import in_transaction

from models import database
from models.audit.deeds import Deed
from models.audit.doing import Doing
from models.audit.tables import AuditLine
from models.consents.rules import Purpose
from models.errors import DomainError, ErrorCode
from models.families.inviting_helpers import invite_helper_at_desk
from models.families.rules import HelperPower
from models.families.tables import Invitation
from models.families.unbinding import free_number_at_desk, unbind
from models.keys import AuditKeys
from models.members.standing import lock_living
from models.members.tables import Identity, Member
from models.real_names import binding, concessions
from models.real_names.at_desk import PersonHere, find_person, verify_person
from models.real_names.queries import held_concessions, known_person
from models.real_names.rules import (
    LOOK_UPS_AN_HOUR,
    Assurance,
    AuthorityAway,
    ConcessionKind,
    NameDiffers,
    NamedPerson,
    PersonNotHere,
    TooManyChecks,
)
from models.real_names.tables import Concession, DeskLookUp, NameCheck, RealName
from models.staff.rules import Role, StaffSignedIn
from models.venues.tables import Venue
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.names import CHILD, FATHER, GRANDMOTHER, TODAY, Authority, a_person, verify, version
from tests.factories.people import PHONE_KEYS, a_clerk, a_member
from tests.factories.places import a_venue
from tests.queueing import one_after_another

MANAGER = (Role.VENUE_MANAGER,)
AUDIT_KEYS = AuditKeys({"1": b"a" * 32})
NEXT_SUMMER = date(2027, 8, 31)


@dataclass
class Desk:
    """A clerk at a venue, and what they do there."""

    venue: Venue
    clerk: StaffSignedIn
    authority: Authority
    now: datetime

    async def find(self, number: str, *, later: timedelta = timedelta()) -> PersonHere | None:
        return await find_person(
            clerk=self.clerk,
            id_number=number,
            venue_id=self.venue.public_id,
            keys=ID_KEYS,
            now=self.now + later,
        )

    async def verify(self, person: NamedPerson, *, key: str = "key-of-one-visit") -> PersonHere:
        return await verify_person(
            clerk=self.clerk,
            name=person.name,
            id_number=person.number,
            consent_version=version(Purpose.REAL_NAME),
            venue_id=self.venue.public_id,
            idempotency_key=key,
            keys=ID_KEYS,
            authority=self.authority,
            now=self.now,
        )

    async def grant(
        self,
        person_id: str,
        kind: ConcessionKind = ConcessionKind.STUDENT,
        *,
        ends_on: date = NEXT_SUMMER,
        later: timedelta = timedelta(),
    ) -> None:
        await concessions.grant_concession(
            clerk=self.clerk,
            person_id=person_id,
            kind=kind,
            ends_on=ends_on,
            venue_id=self.venue.public_id,
            keys=ID_KEYS,
            now=self.now + later,
        )


@pytest.fixture
async def desk(db: Database, authority: Authority, now: datetime) -> Desk:
    venue = await a_venue()
    return Desk(venue, await a_clerk(venue.public_id, roles=MANAGER), authority, now)


def at_the_door(act: str, clerk: StaffSignedIn, now: datetime) -> Doing:
    """What an entrance begins around a clerk's act."""
    deed = Deed(act=act, at=now, actor_kind="STAFF", actor_id=clerk.public_id)
    return Doing(deed, keys=AUDIT_KEYS)


async def name_bound(member_id: int, person: NamedPerson, now: datetime) -> None:
    """As after the authority, or a guardian, said so."""
    await binding.bind(None, member_id=member_id, person=person, level=Assurance.AGREED, keys=ID_KEYS, now=now)


async def claimed(member_id: int, day: date) -> set[ConcessionKind]:
    return {held.kind for held in await held_concessions(member_id=member_id, keys=ID_KEYS, today=day)}


async def lines() -> list[tuple[str, str, str, bool]]:
    """Act, outcome, whom it was about, and whether it was a reading."""
    return [
        (line.act, line.outcome, line.subject_id, line.is_reading) for line in await AuditLine.all().order_by("id")
    ]


# finding


async def test_a_person_is_found_by_their_card_masked_and_written_down(desk: Desk) -> None:
    member_id, tokens = await a_member()
    await verify(member_id, GRANDMOTHER, desk.authority)
    async with at_the_door("deskFindPerson", desk.clerk, desk.now):
        found = await desk.find(GRANDMOTHER.number.lower())
    assert found is not None
    assert (found.member_id, found.public_id) == (member_id, tokens.member_public_id)
    assert found.known.masked_name == "王**"
    assert await lines() == [("deskFindPerson", "OK", found.public_id, True)]
    assert (await AuditLine.get()).venue_id == desk.venue.public_id


async def test_who_is_not_known_is_nobody_and_the_look_up_counts_all_the_same(desk: Desk) -> None:
    async with at_the_door("deskFindPerson", desk.clerk, desk.now):
        assert await desk.find(GRANDMOTHER.number) is None
    assert await DeskLookUp.all().values_list("person_id", flat=True) == [None]
    assert await lines() == [("deskFindPerson", "OK", "", True)]


async def test_a_clerk_of_another_venue_or_without_the_power_finds_nobody(desk: Desk) -> None:
    elsewhere = await a_venue(name="别处")
    for clerk in (
        await a_clerk(elsewhere.public_id, roles=MANAGER),
        await a_clerk(desk.venue.public_id, roles=(Role.FINANCE,)),
    ):
        with pytest.raises(DomainError) as refused:
            await find_person(
                clerk=clerk,
                id_number=GRANDMOTHER.number,
                venue_id=desk.venue.public_id,
                keys=ID_KEYS,
                now=desk.now,
            )
        assert refused.value.code == ErrorCode.NOT_ALLOWED
    assert await DeskLookUp.all().count() == 0


async def test_a_clerk_who_leafs_through_the_neighbourhood_is_stopped(desk: Desk) -> None:
    await DeskLookUp.bulk_create(
        DeskLookUp(staff_id=desk.clerk.staff_id, venue_id=desk.venue.id, looked_at=desk.now)
        for _ in range(LOOK_UPS_AN_HOUR)
    )
    with pytest.raises(DomainError) as refused:
        await desk.find(GRANDMOTHER.number, later=timedelta(minutes=20))
    assert refused.value.code == ErrorCode.TOO_MANY_ATTEMPTS
    assert refused.value.retry_after == 40 * 60 + 1
    assert await DeskLookUp.all().count() == LOOK_UPS_AN_HOUR
    assert await desk.find(GRANDMOTHER.number, later=timedelta(minutes=61)) is None


# verifying


async def test_who_has_no_phone_gets_an_account_without_a_sign_in(desk: Desk) -> None:
    async with at_the_door("deskVerifyPerson", desk.clerk, desk.now):
        found = await desk.verify(GRANDMOTHER)
    assert (found.known.level, found.known.masked_name) == (Assurance.SEEN, "王**")
    assert await lines() == [("deskVerifyPerson", "OK", found.public_id, False)]
    member = await Member.get(public_id=found.public_id)
    assert member.origin == "DESK"
    assert await Identity.filter(member_id=member.id).count() == 0
    again = await desk.verify(GRANDMOTHER)
    assert again.public_id == found.public_id
    assert (await Member.all().count(), await desk.authority.questions()) == (1, 1)
    check = await NameCheck.get()
    assert (check.member_id, check.staff_id) == (None, desk.clerk.staff_id)


async def test_who_is_bound_already_is_seen_without_another_question(desk: Desk) -> None:
    member_id, _ = await a_member()
    await verify(member_id, GRANDMOTHER, desk.authority)
    found = await desk.verify(GRANDMOTHER)
    assert (found.member_id, found.known.level) == (member_id, Assurance.SEEN)
    assert await desk.authority.questions() == 1
    with pytest.raises(NameDiffers):
        await desk.verify(NamedPerson("王秀英", GRANDMOTHER.number))


async def test_a_clerk_who_guesses_the_name_to_a_number_is_stopped_before_the_right_one(desk: Desk) -> None:
    member_id, _ = await a_member()
    await verify(member_id, GRANDMOTHER, desk.authority)
    for guess in ("甲乙", "甲乙", "甲丙", "甲丁", "甲戊", "甲己"):  # the same again is one guess
        with pytest.raises(NameDiffers):
            await desk.verify(NamedPerson(guess, GRANDMOTHER.number), key="visit-1")
    for person in (GRANDMOTHER, NamedPerson("甲庚", GRANDMOTHER.number)):
        with pytest.raises(TooManyChecks):
            await desk.verify(person, key="visit-2")
    desk.clerk = await a_clerk(desk.venue.public_id, username="colleague", roles=MANAGER)
    assert (await desk.verify(GRANDMOTHER)).known.level == Assurance.SEEN


async def test_whom_the_authority_does_not_know_yet_is_taken_on_the_clerks_word(desk: Desk) -> None:
    newcomer = a_person("新办证", "19990101")
    found = await desk.verify(newcomer)
    assert found.known.level == Assurance.DESK_ONLY
    await desk.authority.knows(newcomer)
    assert (await desk.verify(newcomer, key="another-visit")).known.level == Assurance.SEEN
    assert await RealName.all().count() == 1


async def test_a_wrong_name_is_bound_by_no_clerk(desk: Desk) -> None:
    with pytest.raises(NameDiffers):
        async with at_the_door("deskVerifyPerson", desk.clerk, desk.now):
            await desk.verify(NamedPerson("王秀英", GRANDMOTHER.number))
    assert await lines() == [("deskVerifyPerson", "NAME_DIFFERS", "", False)]
    assert (await Member.all().count(), await RealName.all().count()) == (0, 0)


async def test_while_the_authority_is_away_nobody_is_made(desk: Desk) -> None:
    await desk.authority.switch_on(busy=True)
    with pytest.raises(AuthorityAway):
        async with at_the_door("deskVerifyPerson", desk.clerk, desk.now):
            await desk.verify(GRANDMOTHER)
    assert await lines() == [("deskVerifyPerson", "OUTSIDE_UNAVAILABLE", "", False)]
    assert await Member.all().count() == 0
    await desk.authority.switch_on()
    assert (await desk.verify(GRANDMOTHER)).known.level == Assurance.SEEN
    assert await NameCheck.all().count() == 1, "the same key is the same question"


async def test_a_child_is_not_taken_at_the_desk_without_a_guardian(desk: Desk) -> None:
    with pytest.raises(DomainError) as refused:
        await desk.verify(CHILD)
    assert refused.value.code == ErrorCode.GUARDIAN_NEEDED
    assert await desk.authority.questions() == 0


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_clerk_who_verifies_children_to_learn_which_are_here_is_stopped(
    is_known: bool, desk: Desk
) -> None:
    """Whether a child is known, the answers tell: so each is a look-up, and rests nothing on it."""
    if is_known:
        child, _ = await a_member()
        await name_bound(child, CHILD, desk.now)
    asked, expected = (
        NamedPerson("李大雨", CHILD.number),
        ErrorCode.NAME_DIFFERS if is_known else ErrorCode.GUARDIAN_NEEDED,
    )
    await DeskLookUp.bulk_create(
        DeskLookUp(staff_id=desk.clerk.staff_id, venue_id=desk.venue.id, looked_at=desk.now)
        for _ in range(LOOK_UPS_AN_HOUR - 1)
    )
    for code, counted in ((expected, LOOK_UPS_AN_HOUR), (ErrorCode.TOO_MANY_ATTEMPTS, LOOK_UPS_AN_HOUR)):
        with pytest.raises(DomainError) as refused:
            await desk.verify(asked)
        assert refused.value.code == code
        assert await DeskLookUp.filter(person_id=None).count() == counted
    assert await desk.authority.questions() == 0


@pytest.mark.postgres
async def test_somebody_who_is_verified_at_two_desks_at_once_gets_one_account(desk: Desk) -> None:
    colleague = Desk(desk.venue, await a_clerk(desk.venue.public_id, roles=MANAGER), desk.authority, desk.now)
    both = await asyncio.gather(desk.verify(GRANDMOTHER), colleague.verify(GRANDMOTHER, key="the-other-desk"))
    assert len({each.public_id for each in both}) == 1
    assert (await Member.all().count(), await RealName.all().count()) == (1, 1)


@pytest.mark.postgres
async def test_a_clerk_looks_up_no_more_at_once_than_one_after_the_other(desk: Desk) -> None:
    await DeskLookUp.bulk_create(
        DeskLookUp(staff_id=desk.clerk.staff_id, venue_id=desk.venue.id, looked_at=desk.now)
        for _ in range(LOOK_UPS_AN_HOUR - 2)
    )
    said = await asyncio.gather(*(desk.find(GRANDMOTHER.number) for _ in range(6)), return_exceptions=True)
    assert said.count(None) == 2
    assert await DeskLookUp.all().count() == LOOK_UPS_AN_HOUR


async def test_whoever_holds_the_card_frees_their_number_from_a_thiefs_account(desk: Desk) -> None:
    thief, victim = (await a_member())[0], (await a_member())[0]
    await verify(thief, FATHER, desk.authority)
    found = await desk.find(FATHER.number)
    assert found is not None
    await free_number_at_desk(
        clerk=desk.clerk, person_id=found.public_id, venue_id=desk.venue.public_id, keys=ID_KEYS, now=desk.now
    )
    await verify(victim, FATHER, desk.authority)
    assert await known_person(member_id=thief, keys=ID_KEYS, today=TODAY) is None
    known = await known_person(member_id=victim, keys=ID_KEYS, today=TODAY)
    assert known is not None
    assert known.person_id == found.known.person_id


# concessions


async def test_a_concession_holds_until_its_day_and_the_age_says_its_own(desk: Desk) -> None:
    person = await desk.verify(GRANDMOTHER)
    await desk.grant(person.public_id, ConcessionKind.DISABLED)
    assert await claimed(person.member_id, TODAY) == {"SENIOR", "DISABLED"}
    assert await claimed(person.member_id, NEXT_SUMMER - timedelta(days=1)) == {
        "SENIOR",
        "DISABLED",
    }
    assert await claimed(person.member_id, NEXT_SUMMER) == {"SENIOR"}
    stranger, _ = await a_member()
    assert await claimed(stranger, TODAY) == set()


async def test_granting_again_changes_nothing_and_another_day_takes_its_place(desk: Desk) -> None:
    person = await desk.verify(FATHER)
    for ends_on in (NEXT_SUMMER, NEXT_SUMMER, date(2028, 8, 31)):
        await desk.grant(person.public_id, ends_on=ends_on)
    held = await held_concessions(member_id=person.member_id, keys=ID_KEYS, today=TODAY)
    assert [(each.kind, each.ends_on) for each in held] == [(ConcessionKind.STUDENT, date(2028, 8, 31))]
    assert await Concession.all().count() == 2


async def test_a_concession_is_revoked_where_it_was_granted(desk: Desk) -> None:
    person = await desk.verify(FATHER)
    await desk.grant(person.public_id)
    granted = await Concession.get()
    stranger = await a_clerk((await a_venue(name="别处")).public_id, roles=MANAGER)
    with pytest.raises(DomainError) as refused:
        await concessions.revoke_concession(clerk=stranger, concession_id=granted.public_id, now=desk.now)
    assert refused.value.code == ErrorCode.CONCESSION_UNKNOWN
    for _ in range(2):
        await concessions.revoke_concession(clerk=desk.clerk, concession_id=granted.public_id, now=desk.now)
    assert await claimed(person.member_id, TODAY) == set()


async def test_a_clerk_without_that_power_grants_nothing(desk: Desk) -> None:
    person = await desk.verify(FATHER)
    redeemer = await a_clerk(desk.venue.public_id)
    with pytest.raises(DomainError) as refused:
        await Desk(desk.venue, redeemer, desk.authority, desk.now).grant(person.public_id)
    assert refused.value.code == ErrorCode.NOT_ALLOWED


@pytest.mark.postgres
@pytest.mark.parametrize("act", ["concession", "helper", "freeing"])
async def test_nothing_is_done_for_whose_name_goes_while_the_clerk_acts(act: str, desk: Desk) -> None:
    """They take it back on their phone, and somebody else's is bound: it is another person by now, and not here."""
    member_id, tokens = await a_member()
    await verify(member_id, FATHER, desk.authority)
    await desk.find(FATHER.number)
    person: dict[str, Any] = {
        "clerk": desk.clerk,
        "person_id": tokens.member_public_id,
        "venue_id": desk.venue.public_id,
        "keys": ID_KEYS,
        "now": desk.now,
    }
    acts = {
        "concession": lambda: desk.grant(tokens.member_public_id),
        "helper": lambda: invite_helper_at_desk(
            **person,
            powers=[HelperPower.BOOK],
            helper_phone="13975318642",
            consent_version=version(Purpose.HELPER),
            phone_keys=PHONE_KEYS,
        ),
        "freeing": lambda: free_number_at_desk(**person),
    }

    async def becomes_somebody_else() -> None:
        async with in_transaction():
            await lock_living(member_id)
            await unbind(member_id=member_id, keys=ID_KEYS, now=desk.now)
            await name_bound(member_id, GRANDMOTHER, desk.now)

    _, refused = await one_after_another([member_id], becomes_somebody_else(), acts[act]())
    assert isinstance(refused, PersonNotHere)
    assert (await RealName.get(member_id=member_id)).unbound_at is None
    assert (await known_person(member_id=member_id, keys=ID_KEYS, today=TODAY)).masked_name == "王**"  # type: ignore[union-attr]
    assert await Concession.all().count() == 0
    assert await Invitation.all().count() == 0
    assert await database.rows("SELECT 1 FROM consent WHERE purpose = 'HELPER'") == []


async def test_nothing_is_done_for_who_does_not_stand_here_now(desk: Desk) -> None:
    member_id, tokens = await a_member()
    await verify(member_id, FATHER, desk.authority)
    with pytest.raises(PersonNotHere):
        await desk.grant(tokens.member_public_id)
    colleague = await a_clerk(desk.venue.public_id, roles=MANAGER)
    await Desk(desk.venue, colleague, desk.authority, desk.now).find(FATHER.number)
    with pytest.raises(PersonNotHere):
        await desk.grant(tokens.member_public_id)
    await desk.find(FATHER.number)
    with pytest.raises(PersonNotHere):
        await desk.grant(tokens.member_public_id, later=timedelta(minutes=31))
    await desk.grant(tokens.member_public_id, later=timedelta(minutes=29))
    assert await Concession.all().count() == 1
