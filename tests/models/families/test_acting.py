"""Who may do what for whom: the table, and every way in which somebody is nothing to somebody."""

from datetime import datetime

import pytest

from models.audit.deeds import Deed
from models.audit.doing import Doing
from models.audit.tables import AuditLine
from models.consents import operations as consents
from models.consents.rules import Purpose
from models.errors import DomainError, ErrorCode
from models.families import companions, helpers
from models.families.acting import Acting, HelperPower, booking_for
from models.families.rules import POWER_WORDS
from models.families.tables import Companionship, Proxy
from models.keys import AuditKeys
from models.members.tables import Member
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.families import a_ward, accept, acts, ask_companion, help_one, somebody
from tests.factories.names import CHILD, GRANDMOTHER, MOTHER, TEENAGER, Authority

BIRTHDAY_14 = datetime.fromisoformat("2029-08-31T16:00:00Z")  # 1 September in Chengdu
ALLOWED, UNKNOWN, NOT_GIVEN, GUARDIAN = "", "MEMBER_UNKNOWN", "POWER_NOT_GIVEN", "GUARDIAN_NEEDED"
POWERS = list(HelperPower)  # BOOK, SEE_ORDERS, SHOW_CODES, MESSAGES, FEEDBACK


async def answers(who: object, whom: object, **when: datetime) -> list[str]:
    """For each power: allowed, or the code of the refusal."""
    said = []
    for power in POWERS:
        try:
            await acts(who, whom, power, **when)  # type: ignore[arg-type]
        except DomainError as refusal:
            said.append(str(refusal.code))
        else:
            said.append(ALLOWED)
    return said


async def test_the_table_of_who_may_do_what(db: Database, authority: Authority) -> None:
    mother, grandmother, stranger = await somebody(MOTHER), await somebody(GRANDMOTHER), await somebody()
    friend = await somebody()
    child = await a_ward(mother, CHILD, authority)
    teenager = await somebody(TEENAGER)
    await help_one(grandmother, mother, HelperPower.BOOK, HelperPower.SHOW_CODES)
    await accept(friend, await ask_companion(mother))
    assert await answers(mother, None) == [ALLOWED] * 5
    assert await answers(mother, mother) == [ALLOWED] * 5
    assert await answers(teenager, None) == [ALLOWED] * 5
    assert await answers(child, None) == [GUARDIAN, ALLOWED, ALLOWED, ALLOWED, ALLOWED]
    assert await answers(mother, child) == [ALLOWED] * 5
    assert await answers(mother, grandmother) == [ALLOWED, NOT_GIVEN, ALLOWED, NOT_GIVEN, NOT_GIVEN]
    for who, whom in [
        (grandmother, mother),  # a helper gives nothing back
        (child, mother),
        (grandmother, child),  # a helper's ward is not the helped one's
        (stranger, child),
        (stranger, grandmother),
        (friend, mother),  # who plays together does not act for one another
        (mother, friend),
        (mother, "mem_00000000000000000000"),
        (mother, ""),
    ]:
        assert await answers(who, whom) == [UNKNOWN] * 5


async def test_who_acts_for_somebody_is_named_beside_them(
    db: Database, authority: Authority, now: datetime
) -> None:
    mother = await somebody(MOTHER)
    child = await a_ward(mother, CHILD, authority)
    deed = Deed(act="order", at=now, actor_kind="MEMBER", actor_id=mother.public_id, is_quiet=True)
    async with Doing(deed, keys=AuditKeys({"1": b"a" * 32})):
        acting = await acts(mother, child, HelperPower.SEE_ORDERS)
    assert (acting.member_id, acting.member_public_id, acting.by_member_id) == (
        child.id,
        child.public_id,
        mother.id,
    )
    line = await AuditLine.get()
    assert (line.actor_id, line.subject_id, line.is_reading) == (mother.public_id, child.public_id, True)
    alone = await acts(mother, mother)
    assert (alone.member_id, alone.by_member_id) == (mother.id, None)


async def test_a_guardian_has_nothing_from_the_fourteenth_birthday_on(db: Database, authority: Authority) -> None:
    mother = await somebody(MOTHER)
    child = await a_ward(mother, CHILD, authority)
    just_before = datetime.fromisoformat("2029-08-31T15:59:59Z")
    assert await answers(mother, child, now=just_before) == [ALLOWED] * 5
    assert await answers(mother, child, now=BIRTHDAY_14) == [UNKNOWN] * 5
    assert await answers(child, None, now=BIRTHDAY_14) == [ALLOWED] * 5


async def test_what_has_ended_gives_nothing(db: Database, authority: Authority, now: datetime) -> None:
    mother, grandmother = await somebody(MOTHER), await somebody(GRANDMOTHER)
    await help_one(grandmother, mother, *HelperPower)
    proxy = await Proxy.get()
    await helpers.end_proxy(member_id=mother.id, proxy_id=proxy.public_id, now=now)
    assert await answers(mother, grandmother) == [UNKNOWN] * 5


async def test_nobody_acts_for_an_account_that_is_gone(db: Database, authority: Authority, now: datetime) -> None:
    mother, grandmother = await somebody(MOTHER), await somebody(GRANDMOTHER)
    await help_one(grandmother, mother, HelperPower.BOOK)
    await Member.filter(id=grandmother.id).update(deleted_at=now)
    assert await answers(mother, grandmother) == [UNKNOWN] * 5


async def test_a_helper_of_a_child_does_not_book_in_the_guardians_place(
    db: Database, authority: Authority, now: datetime
) -> None:
    """No invitation makes one; joining accounts might."""
    mother, helper = await somebody(MOTHER), await somebody()
    child = await a_ward(mother, CHILD, authority)
    await Proxy.create(
        public_id="prx_of_a_child",
        principal_id=child.id,
        helper_id=helper.id,
        powers="BOOK,SEE_ORDERS",
        started_at=now,
    )
    assert await answers(helper, child) == [GUARDIAN, ALLOWED, NOT_GIVEN, NOT_GIVEN, NOT_GIVEN]


async def test_a_child_is_booked_for_only_as_long_as_the_guardians_consent_stands(
    db: Database, authority: Authority, now: datetime
) -> None:
    mother = await somebody(MOTHER)
    child = await a_ward(mother, CHILD, authority)

    async def books() -> Acting:
        return await booking_for(
            member_id=mother.id,
            member_public_id=mother.public_id,
            for_member=child.public_id,
            keys=ID_KEYS,
            now=now,
        )

    assert (await books()).member_id == child.id
    await consents.end(member_id=child.id, purpose=Purpose.CHILD, now=now)
    with pytest.raises(DomainError) as refused:
        await books()
    assert refused.value.code == ErrorCode.CONSENT_NEEDED
    assert await answers(mother, child) == [ALLOWED] * 5, "what was booked before is still seen and cancelled"


# companions, who only play together


async def test_companions_are_two_and_either_ends_it(db: Database, now: datetime) -> None:
    one, other, stranger = await somebody(), await somebody(MOTHER), await somebody()
    code = await ask_companion(one)
    await accept(other, code)
    with pytest.raises(DomainError, match="已经是"):
        await accept(one, await ask_companion(other))
    found = await Companionship.get()
    assert found.one_id < found.other_id
    with pytest.raises(DomainError) as refused:
        await companions.end_companionship(member_id=stranger.id, companionship_id=found.public_id, now=now)
    assert refused.value.code == ErrorCode.RELATION_UNKNOWN
    for _ in range(2):
        await companions.end_companionship(member_id=one.id, companionship_id=found.public_id, now=now)
    await accept(one, await ask_companion(other))
    assert await Companionship.filter(ended_at=None).count() == 1


def test_every_power_has_words_for_people() -> None:
    assert set(POWER_WORDS) == set(HelperPower)
