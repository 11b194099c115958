"""A code of ten digits: works once, for whom it is meant, for three days; and what helpers are asked with it."""

import asyncio
import re
from datetime import datetime, timedelta

import pytest

from models import database
from models.consents import operations as consents
from models.consents.rules import Purpose
from models.errors import BadInput, DomainError, ErrorCode
from models.families import helpers, invitations, inviting_helpers
from models.families.invitations import Invited
from models.families.queries import my_people
from models.families.rules import (
    MOST_HELPERS,
    MOST_OPEN_INVITATIONS,
    EndedBy,
    HelperPower,
    InvitationKind,
    InvitationUnknown,
)
from models.families.tables import Companionship, Invitation, Proxy
from models.keys import IdKeys, LookupKeys, PhoneKeys
from models.members import phones
from models.messages.tables import Message
from models.real_names.at_desk import verify_person
from models.real_names.rules import PersonNotHere
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.families import (
    Somebody,
    a_ward,
    accept,
    acts,
    ask_companion,
    ask_helper,
    help_one,
    somebody,
)
from tests.factories.names import CHILD, GRANDMOTHER, MOTHER, Authority, version
from tests.factories.people import PHONE_KEYS, a_clerk
from tests.factories.places import a_venue

PHONE, OTHER_PHONE = "13812345678", "13887654321"
BOOK = (HelperPower.BOOK,)


async def decline(who: Somebody, code: str, *, now: datetime) -> None:
    await invitations.decline_invitation(member_id=who.id, code=code, keys=ID_KEYS, phone_keys=PHONE_KEYS, now=now)


@pytest.fixture
async def grandmother(db: Database) -> Somebody:
    return await somebody(GRANDMOTHER)


async def test_a_code_is_ten_digits_in_two_groups_and_stands_nowhere(grandmother: Somebody) -> None:
    code = await ask_helper(grandmother, BOOK)
    assert re.fullmatch(r"[0-9]{5} [0-9]{5}", code)
    row = (await Invitation.all().values())[0]
    assert not any(code.replace(" ", "") in str(value) for value in row.values())


@pytest.mark.parametrize("spell", ["{0}{1}", " {0}-{1} ", "{0} {1}"])
async def test_a_code_is_taken_in_every_spelling_once(grandmother: Somebody, spell: str) -> None:
    helper, late = await somebody(), await somebody()
    code = spell.format(*(await ask_helper(grandmother, BOOK)).split())
    assert await accept(helper, code) is InvitationKind.HELPER
    assert await accept(helper, code) is InvitationKind.HELPER, "the second time changes nothing"
    with pytest.raises(InvitationUnknown):
        await accept(late, code)
    assert [each.helper_id for each in await Proxy.all()] == [helper.id]


@pytest.mark.parametrize("code", ["", "12345", "0000000000", "abcdefghij", "٠١٢٣٤٥٦٧٨٩x", "1" * 40])
async def test_a_wrong_code_is_one_sentence(grandmother: Somebody, code: str) -> None:
    await ask_helper(grandmother, BOOK)
    with pytest.raises(InvitationUnknown):
        await accept(await somebody(), code)


async def test_a_code_lives_for_three_days(grandmother: Somebody, now: datetime) -> None:
    helper, code = await somebody(), await ask_helper(grandmother, BOOK)
    with pytest.raises(InvitationUnknown):
        await accept(helper, code, now=now + timedelta(days=3))
    await accept(helper, code, now=now + timedelta(days=2, hours=23))


async def test_who_declines_or_takes_back_ends_it(grandmother: Somebody, now: datetime) -> None:
    helper, stranger = await somebody(), await somebody()
    declined = await ask_helper(grandmother, BOOK)
    for _ in range(2):
        await decline(helper, declined, now=now)
    taken_back = await ask_helper(grandmother, BOOK)
    invitation = await Invitation.get(status="OPEN")
    with pytest.raises(DomainError) as refused:
        await invitations.withdraw_invitation(member_id=stranger.id, invitation_id=invitation.public_id)
    assert refused.value.code == ErrorCode.RELATION_UNKNOWN
    for _ in range(2):
        await invitations.withdraw_invitation(member_id=grandmother.id, invitation_id=invitation.public_id)
    for code in (declined, taken_back):
        with pytest.raises(InvitationUnknown):
            await accept(helper, code)
    assert sorted([each.status for each in await Invitation.all()]) == ["DECLINED", "WITHDRAWN"]


async def test_nobody_accepts_what_they_asked_themselves(grandmother: Somebody) -> None:
    code = await ask_helper(grandmother, BOOK)
    with pytest.raises(BadInput):
        await accept(grandmother, code)
    assert (await Invitation.get()).status == "OPEN"


async def test_a_code_for_one_phone_is_for_that_member_and_dies_of_five_others(
    grandmother: Somebody, now: datetime
) -> None:
    meant, thief = await somebody(phone=PHONE), await somebody(phone=OTHER_PHONE)
    code = await ask_helper(grandmother, BOOK, phone=f"+86 {PHONE}")
    for _ in range(4):
        with pytest.raises(InvitationUnknown):
            await accept(thief, code)
    await accept(meant, code)
    second = await ask_helper(grandmother, BOOK, phone=OTHER_PHONE)
    for _ in range(5):
        with pytest.raises(InvitationUnknown):
            await accept(await somebody(), second)
    with pytest.raises(InvitationUnknown):
        await accept(thief, second)


async def test_a_code_for_one_phone_outlives_a_rotation_of_keys(grandmother: Somebody, now: datetime) -> None:
    meant = await somebody(phone=PHONE)
    code = await ask_helper(grandmother, BOOK, phone=PHONE)
    rotating = PhoneKeys(PHONE_KEYS.sealing, LookupKeys({"2": b"L" * 32, **PHONE_KEYS.lookup.keys}))
    await phones.reseal_all(keys=rotating)
    kind = await invitations.accept_invitation(
        member_id=meant.id, code=code, keys=ID_KEYS, phone_keys=rotating, now=now
    )
    assert kind is InvitationKind.HELPER


async def test_only_so_many_invitations_are_open(db: Database) -> None:
    somebody_popular = await somebody()
    for _ in range(MOST_OPEN_INVITATIONS):
        await ask_companion(somebody_popular)
    with pytest.raises(BadInput, match="最多"):
        await ask_companion(somebody_popular)


@pytest.mark.postgres
async def test_of_two_who_accept_one_code_at_once_one_is_it(grandmother: Somebody) -> None:
    code = await ask_helper(grandmother, BOOK)
    both = [await somebody(), await somebody()]
    said = await asyncio.gather(*(accept(each, code) for each in both), return_exceptions=True)
    assert sorted(type(each).__name__ for each in said) == ["InvitationKind", "InvitationUnknown"]
    assert await Proxy.all().count() == 1


@pytest.mark.postgres
async def test_two_who_accept_each_others_code_at_once_are_companions_once(db: Database) -> None:
    one, other = await somebody(), await somebody()
    of_one, of_other = await ask_companion(one), await ask_companion(other)
    await asyncio.gather(accept(other, of_one), accept(one, of_other), return_exceptions=True)
    assert await Companionship.all().count() == 1


# helpers


async def test_a_helper_needs_the_consent_of_whom_they_help(grandmother: Somebody, now: datetime) -> None:
    with pytest.raises(DomainError) as refused:
        await inviting_helpers.invite_helper(
            member_id=grandmother.id, powers=BOOK, phone=None, keys=ID_KEYS, phone_keys=PHONE_KEYS, now=now
        )
    assert refused.value.code == ErrorCode.CONSENT_NEEDED
    code = await ask_helper(grandmother, BOOK)
    await consents.end(member_id=grandmother.id, purpose=Purpose.HELPER, now=now)
    with pytest.raises(DomainError) as late:
        await accept(await somebody(), code)
    assert late.value.code == ErrorCode.CONSENT_NEEDED
    assert await Proxy.all().count() == 0


@pytest.mark.parametrize("by_principal", [True, False])
async def test_either_ends_the_help_and_both_are_told(
    grandmother: Somebody, now: datetime, by_principal: bool
) -> None:
    helper, stranger = await somebody(), await somebody()
    await help_one(grandmother, helper, *BOOK)
    proxy = await Proxy.get()
    with pytest.raises(DomainError) as refused:
        await helpers.end_proxy(member_id=stranger.id, proxy_id=proxy.public_id, now=now)
    assert refused.value.code == ErrorCode.RELATION_UNKNOWN
    for _ in range(2):
        ender = grandmother if by_principal else helper
        await helpers.end_proxy(member_id=ender.id, proxy_id=proxy.public_id, now=now)
    assert (await Proxy.get()).ended_by == ("PRINCIPAL" if by_principal else "HELPER")
    told = await database.rows("SELECT member_id FROM message WHERE template = 'HELPER_ENDED' ORDER BY member_id")
    assert [row["member_id"] for row in told] == sorted((grandmother.id, helper.id))


async def test_all_helpers_go_when_the_consent_does(grandmother: Somebody, now: datetime) -> None:
    helper = await somebody()
    await help_one(grandmother, helper, *BOOK)
    open_code = await ask_helper(grandmother, BOOK)
    ended = await database.operation(helpers.end_all_of)(
        principal_id=grandmother.id, by=EndedBy.PRINCIPAL, now=now
    )
    assert ended == 1
    with pytest.raises(InvitationUnknown):
        await accept(helper, open_code)
    with pytest.raises(DomainError):
        await acts(helper, grandmother)


async def test_a_member_has_five_helpers_at_most_and_each_once(grandmother: Somebody) -> None:
    everybody = [await somebody() for _ in range(MOST_HELPERS)]
    for helper in everybody:
        await help_one(grandmother, helper, *BOOK)
    with pytest.raises(DomainError) as twice:
        await help_one(grandmother, everybody[0], HelperPower.FEEDBACK)
    assert twice.value.code == ErrorCode.RELATION_EXISTS
    with pytest.raises(BadInput, match="最多5个"):
        await help_one(grandmother, await somebody(), *BOOK)


async def test_a_child_neither_helps_nor_has_a_helper(db: Database, authority: Authority, now: datetime) -> None:
    mother, grandmother = await somebody(MOTHER), await somebody(GRANDMOTHER)
    child = await a_ward(mother, CHILD, authority)
    for attempt in (accept(child, await ask_helper(grandmother, BOOK)), ask_helper(child, BOOK)):
        with pytest.raises(DomainError) as refused:
            await attempt
        assert refused.value.code == ErrorCode.GUARDIAN_NEEDED
    with pytest.raises(BadInput, match="权限"):
        await ask_helper(grandmother, ())


async def test_a_grandmother_without_a_phone_names_her_grandson_at_the_desk(
    db: Database, authority: Authority, now: datetime
) -> None:
    venue = await a_venue()
    clerk, grandson = await a_clerk(venue.public_id), await somebody(phone=PHONE)
    person = await verify_person(
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

    async def invite(at: datetime) -> str:
        invited = await inviting_helpers.invite_helper_at_desk(
            clerk=clerk,
            person_id=person.public_id,
            powers=(HelperPower.BOOK, HelperPower.SHOW_CODES),
            helper_phone=PHONE,
            consent_version=version(Purpose.HELPER),
            venue_id=venue.public_id,
            keys=ID_KEYS,
            phone_keys=PHONE_KEYS,
            now=at,
        )
        return invited.code

    code = await invite(now)
    with pytest.raises(InvitationUnknown):
        await accept(await somebody(phone=OTHER_PHONE), code)
    await accept(grandson, code)
    grandmother = Somebody(person.member_id, person.public_id)
    assert (await acts(grandson, grandmother)).by_member_id == grandson.id
    proxy = await Proxy.get()
    assert (proxy.powers, proxy.staff_id) == ("BOOK,SHOW_CODES", clerk.staff_id)
    agreed = await database.rows("SELECT purpose, at_desk FROM consent ORDER BY purpose")
    assert [(row["purpose"], bool(row["at_desk"])) for row in agreed] == [("HELPER", True), ("REAL_NAME", True)]
    with pytest.raises(PersonNotHere):
        await invite(now + timedelta(minutes=31))


async def test_a_clerk_who_presses_twice_gives_one_code_and_for_another_phone_another(
    db: Database, authority: Authority, now: datetime
) -> None:
    venue = await a_venue()
    clerk, grandson = await a_clerk(venue.public_id), await somebody(phone=PHONE)
    person = await verify_person(
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

    async def invite(key: str, phone: str = PHONE, keys: IdKeys = ID_KEYS) -> Invited:
        return await inviting_helpers.invite_helper_at_desk(
            clerk=clerk,
            person_id=person.public_id,
            powers=(HelperPower.BOOK,),
            helper_phone=phone,
            consent_version=version(Purpose.HELPER),
            venue_id=venue.public_id,
            idempotency_key=key,
            keys=keys,
            phone_keys=PHONE_KEYS,
            now=now,
        )

    first, *others = await asyncio.gather(*(invite("one-form-at-a-desk") for _ in range(4)))
    assert others == [first] * 3
    assert await Invitation.all().count() == 1
    assert await Message.filter(template="HELPER_INVITED").count() == 1
    rotated = IdKeys(ID_KEYS.sealing, LookupKeys({"2": b"N" * 32, **ID_KEYS.lookup.keys}))
    assert await invite("one-form-at-a-desk", keys=rotated) == first, "also while the keys turn"
    codes = {
        first.code,
        (await invite("one-form-at-a-desk", OTHER_PHONE)).code,
        (await invite("another-form")).code,
        (await invite("")).code,
        (await invite("")).code,
    }
    assert len(codes) == await Invitation.all().count() == 5
    await accept(grandson, first.code)
    assert await invite("one-form-at-a-desk") == first, "a late repeat is told the same, and begins nothing"
    assert await Invitation.filter(status="OPEN").count() == 4


# everybody


async def test_my_people_are_seen_from_both_sides(db: Database, authority: Authority, now: datetime) -> None:
    mother, grandmother, friend = await somebody(MOTHER), await somebody(GRANDMOTHER), await somebody()
    child = await a_ward(mother, CHILD, authority)
    await help_one(grandmother, mother, HelperPower.SHOW_CODES, HelperPower.BOOK)
    await accept(mother, await ask_companion(friend))
    await ask_companion(mother)
    seen = await my_people(member_id=mother.id, keys=ID_KEYS, now=now)
    assert [(kin.member_id, kin.name, kin.relation) for kin in seen.wards] == [(child.public_id, "李**", "MOTHER")]
    assert [(kin.member_id, kin.name, kin.powers) for kin in seen.principals] == [
        (grandmother.public_id, "王**", (HelperPower.BOOK, HelperPower.SHOW_CODES))
    ]
    assert [kin.name for kin in seen.companions] == [None]
    assert [(each.kind, each.subject_name) for each in seen.invitations] == [(InvitationKind.COMPANION, "陈*")]
    assert seen.helpers == []
    assert [kin.name for kin in (await my_people(member_id=grandmother.id, keys=ID_KEYS, now=now)).helpers] == [
        "陈*"
    ]
    grown = datetime.fromisoformat("2029-09-01T02:00:00Z")
    assert (await my_people(member_id=mother.id, keys=ID_KEYS, now=grown)).wards == []
