"""The security administrator gives and ends roles: within their scope, never their own, never two that stand apart."""

import asyncio
from datetime import datetime
from itertools import combinations

import pytest

from models.database import rows
from models.errors import DomainError, ErrorCode
from models.regions.tables import Region
from models.staff.granting import end_role, grant_role
from models.staff.queries import find
from models.staff.rules import Place, Role, StaffSignedIn
from models.staff.tables import StaffRole
from models.venues.tables import Venue
from tests.databases import Database
from tests.factories.people import a_clerk
from tests.factories.places import a_region, a_venue

HERE, CITY, ELSEWHERE = "510107", "510100", "500103"


@pytest.fixture
async def venue(db: Database) -> Venue:
    await Region.create(key=CITY, code=CITY, name="成都市", level="CITY", parent_key="510000")
    return await a_venue()


@pytest.fixture
async def security(venue: Venue) -> StaffSignedIn:
    """Of the city."""
    return await a_clerk(region_key=CITY, roles=[Role.SECURITY_ADMIN], username="security")


@pytest.fixture
async def clerk(venue: Venue) -> StaffSignedIn:
    """Somebody whose account stands and who has no role yet."""
    clerk = await a_clerk(venue.public_id, username="li.qian")
    await StaffRole.filter(staff_id=clerk.staff_id).delete()
    return clerk


async def refused(
    security: StaffSignedIn, staff: StaffSignedIn | str, role: Role, place: Place, now: datetime
) -> DomainError:
    before = await StaffRole.all().count()
    with pytest.raises(DomainError) as error:
        await grant_role(
            clerk=security,
            staff_id=staff if isinstance(staff, str) else staff.public_id,
            role=role,
            place=place,
            now=now,
        )
    assert await StaffRole.all().count() == before
    return error.value


async def test_a_granted_role_works_at_once_and_an_ended_one_no_more(
    venue: Venue, security: StaffSignedIn, clerk: StaffSignedIn, now: datetime
) -> None:
    place = Place(venue_id=venue.public_id)
    granted = await grant_role(clerk=security, staff_id=clerk.public_id, role=Role.REDEEMER, place=place, now=now)
    again = await grant_role(clerk=security, staff_id=clerk.public_id, role=Role.REDEEMER, place=place, now=now)
    assert again.id == granted.id
    found = await find(token=clerk.token, now=now)
    assert found is not None
    assert [(held.role, held.place) for held in found.roles] == [(Role.REDEEMER, place)]
    for _ in range(2):
        await end_role(clerk=security, role_id=granted.public_id, now=now)
    found = await find(token=clerk.token, now=now)
    assert found is not None
    assert (found.roles, found.venues) == ((), ())
    assert (await StaffRole.get(id=granted.id)).granted_by_id == security.staff_id


@pytest.mark.parametrize(
    ("place", "is_inside"),
    [
        (Place(), False),
        (Place(region_key=CITY), True),
        (Place(region_key=HERE), True),
        (Place(region_key="510000"), False),
    ],
)
async def test_roles_are_granted_within_ones_own_scope_only(
    security: StaffSignedIn, clerk: StaffSignedIn, now: datetime, place: Place, is_inside: bool
) -> None:
    await Region.create(key="510000", code="510000", name="四川省", level="PROVINCE", parent_key="")
    if is_inside:
        await grant_role(clerk=security, staff_id=clerk.public_id, role=Role.REGULATOR, place=place, now=now)
    else:
        refusal = await refused(security, clerk, Role.REGULATOR, place, now)
        assert refusal.code is ErrorCode.NOT_ALLOWED


async def test_a_role_elsewhere_is_neither_given_nor_ended(
    security: StaffSignedIn, clerk: StaffSignedIn, now: datetime
) -> None:
    there = await a_venue(
        name="渝中馆",
        region=await a_region(ELSEWHERE, name="渝中区", parent_key="500000"),
        city_code="500000",
        province_code="500000",
    )
    refusal = await refused(security, clerk, Role.REDEEMER, Place(venue_id=there.public_id), now)
    assert refusal.code is ErrorCode.NOT_ALLOWED
    theirs = await a_clerk(there.public_id)
    held = await StaffRole.filter(staff_id=theirs.staff_id).first()
    assert held is not None
    for role_id in (held.public_id, "rol_unknown"):
        with pytest.raises(DomainError) as error:
            await end_role(clerk=security, role_id=role_id, now=now)
        assert error.value.code is ErrorCode.ROLE_REFUSED
    await held.refresh_from_db()
    assert held.ended_at is None


async def test_nobody_grants_to_themselves_or_ends_their_own(security: StaffSignedIn, now: datetime) -> None:
    refusal = await refused(security, security, Role.REGULATOR, Place(region_key=HERE), now)
    assert refusal.code is ErrorCode.ROLE_REFUSED
    own = await StaffRole.get(staff_id=security.staff_id)
    with pytest.raises(DomainError) as error:
        await end_role(clerk=security, role_id=own.public_id, now=now)
    assert error.value.code is ErrorCode.ROLE_REFUSED


async def test_only_the_security_administrator_grants(venue: Venue, clerk: StaffSignedIn, now: datetime) -> None:
    for role in Role:
        if role is not Role.SECURITY_ADMIN:
            other = await a_clerk(region_key="", roles=[role])
            refusal = await refused(other, clerk, Role.REDEEMER, Place(venue_id=venue.public_id), now)
            assert refusal.code is ErrorCode.NOT_ALLOWED


async def test_unknown_and_closed_accounts_and_unknown_places_get_nothing(
    venue: Venue, clerk: StaffSignedIn, now: datetime
) -> None:
    security = await a_clerk(region_key="", roles=[Role.SECURITY_ADMIN])
    assert (await refused(security, "stf_unknown", Role.FINANCE, Place(), now)).code is ErrorCode.STAFF_UNKNOWN
    await rows("UPDATE staff_member SET is_active = FALSE WHERE public_id = $1", clerk.public_id)
    assert (await refused(security, clerk, Role.FINANCE, Place(), now)).code is ErrorCode.STAFF_UNKNOWN


async def test_who_becomes_an_administrator_signs_in_again(
    security: StaffSignedIn, clerk: StaffSignedIn, now: datetime
) -> None:
    """Now with a second factor, which nobody asked of them before."""
    place = Place(region_key=CITY)
    await grant_role(clerk=security, staff_id=clerk.public_id, role=Role.SYSTEM_ADMIN, place=place, now=now)
    assert await find(token=clerk.token, now=now) is None


PAIRS = [
    (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN),
    (Role.SECURITY_ADMIN, Role.REDEEMER),
    (Role.SYSTEM_ADMIN, Role.FINANCE),
]


@pytest.mark.parametrize(("first", "second"), [*PAIRS, *((b, a) for a, b in PAIRS)])
async def test_what_must_stand_apart_is_not_granted_together(
    security: StaffSignedIn, clerk: StaffSignedIn, now: datetime, first: Role, second: Role
) -> None:
    place = Place(region_key=CITY)
    await grant_role(clerk=security, staff_id=clerk.public_id, role=first, place=place, now=now)
    refusal = await refused(security, clerk, second, place, now)
    assert refusal.code is ErrorCode.ROLE_REFUSED
    held = await StaffRole.get(staff_id=clerk.staff_id)
    await end_role(clerk=security, role_id=held.public_id, now=now)
    await grant_role(clerk=security, staff_id=clerk.public_id, role=second, place=place, now=now)


@pytest.mark.postgres
@pytest.mark.parametrize("pair", list(combinations((Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.REDEEMER), 2)))
async def test_two_grants_at_once_that_break_the_separation_are_one(
    security: StaffSignedIn, clerk: StaffSignedIn, now: datetime, pair: tuple[Role, Role]
) -> None:
    outcomes = await asyncio.gather(
        *(
            grant_role(clerk=security, staff_id=clerk.public_id, role=role, place=Place(region_key=CITY), now=now)
            for role in pair
        ),
        return_exceptions=True,
    )
    refusals = [each for each in outcomes if isinstance(each, DomainError)]
    assert [refusal.code for refusal in refusals] == [ErrorCode.ROLE_REFUSED]
    assert await StaffRole.filter(staff_id=clerk.staff_id, ended_at=None).count() == 1


async def test_the_database_itself_refuses_two_administrations(security: StaffSignedIn, now: datetime) -> None:
    own = await StaffRole.get(staff_id=security.staff_id)
    with pytest.raises(Exception, match=r"staff_role_one_administration|staff_role.staff_id"):
        await StaffRole.create(
            public_id="rol_forced", staff_id=own.staff_id, role=Role.AUDITOR, region_key="", granted_at=now
        )
