"""Two at once, on PostgreSQL: one code, one registration; one invitation, one member; and always an owner."""

import asyncio
from datetime import datetime
from typing import Any

import pytest

from models.organisations.belonging import accept_invitation, close, invite, leave
from models.organisations.queries import organisations_of
from models.organisations.rules import MOST_ORGANISATIONS, OrganisationRole
from models.organisations.tables import Organisation, OrganisationMember
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.feedback import divisions
from tests.factories.organisations import a_credit_code, a_named_member, an_organisation, joins
from tests.factories.people import a_member
from tests.models.feedback.test_races import codes_of

pytestmark = pytest.mark.postgres


@pytest.fixture(autouse=True)
async def _world(db: Database) -> None:
    await divisions()


async def test_two_registrations_of_one_code_are_one(now: datetime) -> None:
    code, people = a_credit_code(), [await a_named_member(f"1985010{day}") for day in range(1, 5)]
    outcomes = await asyncio.gather(
        *(an_organisation(member_id, credit_code=code, approved=False) for member_id in people),
        return_exceptions=True,
    )
    assert codes_of(outcomes) == ["ORGANISATION_REGISTERED"] * 3
    assert (await Organisation.all().count(), await OrganisationMember.all().count()) == (1, 1)


async def test_the_same_registration_sent_twice_at_once_is_one(now: datetime) -> None:
    code, owner = a_credit_code(), await a_named_member()
    ids = await asyncio.gather(*(an_organisation(owner, credit_code=code, approved=False) for _ in range(3)))
    assert len(set(ids)) == 1
    assert await OrganisationMember.all().count() == 1


async def test_two_last_owners_who_leave_at_once_leave_one(now: datetime) -> None:
    owner, heir = await a_named_member(), await a_named_member("19900101")
    organisation_id = await an_organisation(owner)
    await joins(owner, organisation_id, heir, OrganisationRole.OWNER)
    outcomes = await asyncio.gather(
        *(leave(member_id=each, organisation_id=organisation_id, now=now) for each in (owner, heir)),
        return_exceptions=True,
    )
    assert codes_of(outcomes) == ["ORGANISATION_STATE"]
    assert await OrganisationMember.filter(left_at=None, role="OWNER").count() == 1


async def test_closing_it_twice_at_once_is_closing_it(now: datetime) -> None:
    owner = await a_named_member()
    organisation_id = await an_organisation(owner)
    outcomes = await asyncio.gather(
        *(close(member_id=owner, organisation_id=organisation_id, now=now) for _ in range(3)),
        return_exceptions=True,
    )
    assert codes_of(outcomes) == []
    assert (await Organisation.get()).status == "CLOSED"


async def test_one_invitation_taken_by_four_at_once_makes_one_member(now: datetime) -> None:
    owner = await a_named_member()
    organisation_id = await an_organisation(owner)
    asked: dict[str, Any] = {
        "member_id": owner,
        "organisation_id": organisation_id,
        "role": OrganisationRole.MEMBER,
    }
    invited, *again = await asyncio.gather(
        *(invite(**asked, idempotency_key="k", keys=ID_KEYS, now=now) for _ in range(3))
    )
    assert again == [invited, invited]
    people = [(await a_member())[0] for _ in range(4)]
    outcomes = await asyncio.gather(
        *(accept_invitation(member_id=each, code=invited.code, keys=ID_KEYS, now=now) for each in people),
        return_exceptions=True,
    )
    assert codes_of(outcomes) == ["INVITATION_UNKNOWN"] * 3
    assert sum([len(await organisations_of(member_id=each, now=now)) for each in people]) == 1


async def test_of_two_invitations_taken_at_once_by_who_may_join_one_more_one_works(now: datetime) -> None:
    member_id, other = await a_named_member(), await a_named_member("19790101")
    for _ in range(MOST_ORGANISATIONS - 1):
        await an_organisation(member_id)
    asked: dict[str, Any] = {"member_id": other, "role": OrganisationRole.MEMBER}
    codes = [
        (await invite(**asked, organisation_id=club, keys=ID_KEYS, now=now)).code
        for club in [await an_organisation(other) for _ in range(3)]
    ]
    outcomes = await asyncio.gather(
        *(accept_invitation(member_id=member_id, code=code, keys=ID_KEYS, now=now) for code in codes),
        an_organisation(member_id, approved=False),
        return_exceptions=True,
    )
    assert codes_of(outcomes) == ["TOO_MANY_ATTEMPTS"] * 3
    assert await OrganisationMember.filter(member_id=member_id, left_at=None).count() == MOST_ORGANISATIONS
