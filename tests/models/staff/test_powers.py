"""What somebody may do follows the tree: at a venue, in a region and all below it, everywhere."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from models import database
from models.errors import DomainError, ErrorCode
from models.regions.tables import Region
from models.staff.powers import demand, has_everywhere, may, venues_where
from models.staff.refusals import RoleRefused
from models.staff.rules import (
    ADMINISTRATORS,
    DESK_ROLES,
    POWER_WORDS,
    POWERS,
    ROLE_WORDS,
    Place,
    Power,
    Role,
    StaffSignedIn,
    check_place,
    check_together,
)
from models.venues.tables import Venue
from tests.databases import Database
from tests.factories.people import a_clerk
from tests.factories.places import a_region, a_venue

ROOT = Path(__file__).parents[3]
VENUES = ("武侯馆", "锦江馆", "绵阳馆", "渝中馆")
REGIONS = ("510000", "510100", "510107", "510104", "510700", "510703", "500000", "500103")


@pytest.fixture
async def venues(db: Database) -> dict[str, Venue]:
    """Two in districts of one city, one in another city of the province, one in a municipality without cities."""
    for key, level, parent in (
        ("510000", "PROVINCE", ""),
        ("510100", "CITY", "510000"),
        ("510700", "CITY", "510000"),
        ("500000", "PROVINCE", ""),
    ):
        await Region.create(key=key, code=key, name=key, level=level, parent_key=parent)
    places = (
        ("武侯馆", "510107", "510100", "510000"),
        ("锦江馆", "510104", "510100", "510000"),
        ("绵阳馆", "510703", "510700", "510000"),
        ("渝中馆", "500103", "500000", "500000"),
    )
    return {
        name: await a_venue(
            name=name,
            region=await a_region(district, name=name, parent_key=city),
            city_code=city,
            province_code=province,
        )
        for name, district, city, province in places
    }


async def where(clerk: StaffSignedIn, power: Power, venues: dict[str, Venue]) -> tuple[set[str], set[str]]:
    """Venues and regions where `may` says yes; what lists show is the same."""
    here = {name for name in VENUES if await may(clerk, power, venue_id=venues[name].public_id)}
    listed = await database.rows(
        f"SELECT name FROM venue WHERE {venues_where(power)}",
        clerk.staff_id,
    )
    assert {row["name"] for row in listed} == here
    return here, {key for key in REGIONS if await may(clerk, power, region_key=key)}


@pytest.mark.parametrize(
    ("region_key", "here", "regions"),
    [
        ("", {*VENUES}, {*REGIONS}),
        ("510000", {"武侯馆", "锦江馆", "绵阳馆"}, {"510000", "510100", "510107", "510104", "510700", "510703"}),
        ("510100", {"武侯馆", "锦江馆"}, {"510100", "510107", "510104"}),
        ("510107", {"武侯馆"}, {"510107"}),
        ("500000", {"渝中馆"}, {"500000", "500103"}),
    ],
)
async def test_a_role_in_a_region_holds_at_all_below_it_and_nowhere_else(
    venues: dict[str, Venue], region_key: str, here: set[str], regions: set[str]
) -> None:
    clerk = await a_clerk(region_key=region_key, roles=[Role.VENUE_MANAGER])
    assert await where(clerk, Power.ANSWER_FEEDBACK, venues) == (here, regions)
    assert {name for _, name in clerk.venues} == here, "where they may redeem"
    assert await where(clerk, Power.RECONCILE, venues) == (set(), set())
    assert has_everywhere(clerk, Power.ANSWER_FEEDBACK) is (region_key == "")


async def test_a_role_at_a_venue_holds_at_this_venue_only(venues: dict[str, Venue]) -> None:
    clerk = await a_clerk(venues["锦江馆"].public_id)
    for power in (Power.REDEEM, Power.SETTLE_REFUNDS, Power.RECONCILE):
        assert await where(clerk, power, venues) == ({"锦江馆"}, set())
        await demand(clerk, power)
    assert clerk.venues == ((venues["锦江馆"].public_id, "锦江馆"),)
    assert clerk.roles == tuple(held for role in DESK_ROLES for held in clerk.roles if held.role is role), (
        "in the order in which they were given"
    )
    assert not await may(clerk, Power.REDEEM, venue_id="ven_unknown")
    assert not await may(clerk, Power.REDEEM, region_key="999999")


async def test_an_ended_role_is_worth_nothing_at_once(venues: dict[str, Venue]) -> None:
    clerk = await a_clerk(venues["锦江馆"].public_id)
    await database.rows("UPDATE staff_role SET ended_at = granted_at")
    assert await where(clerk, Power.REDEEM, venues) == (set(), set())


async def test_what_is_not_allowed_is_said_with_its_word_and_the_way_out(venues: dict[str, Venue]) -> None:
    clerk = await a_clerk(venues["锦江馆"].public_id)
    for asked in ({"venue_id": venues["武侯馆"].public_id}, {"region_key": "510104"}):
        with pytest.raises(DomainError) as refused:
            await demand(clerk, Power.SETTLE_REFUNDS, **asked)
        assert refused.value.code is ErrorCode.NOT_ALLOWED
        assert refused.value.sentence() == "您没有办理退款的权限。如工作需要，请联系安全管理员授权。"
    with pytest.raises(DomainError):
        await demand(clerk, Power.READ_AUDIT)


def test_every_power_is_somebodys_and_has_a_word() -> None:
    assert {power for powers in POWERS.values() for power in powers} == {*Power} == {*POWER_WORDS}
    assert {*POWERS} == {*Role} == {*ROLE_WORDS}


def test_only_the_administration_of_a_region_hides_what_is_said_of_a_venue() -> None:
    assert [role for role in Role if Power.HIDE_RATING in POWERS[role]] == [Role.REGULATOR]
    with pytest.raises(DomainError):
        check_place(Role.REGULATOR, Place(venue_id="ven_1"))


def test_only_the_administration_passes_a_complaint_on_and_only_the_venue_answers_a_rating() -> None:
    assert [role for role in Role if Power.ROUTE_FEEDBACK in POWERS[role]] == [Role.REGULATOR]
    assert [role for role in Role if Power.ANSWER_RATING in POWERS[role]] == [Role.VENUE_MANAGER]


def test_every_power_is_asked_for_somewhere_else_than_where_it_is_given() -> None:
    asked = {
        name
        for room in ("models", "resolvers", "bff")
        for file in (ROOT / room).rglob("*.py")
        if file != ROOT / "models" / "staff" / "rules.py"
        for name in re.findall(r"\bPower\.([A-Z_]+)", file.read_text())
    }
    assert asked == {power.name for power in Power}


def test_administrators_share_no_power_with_each_other_or_with_business() -> None:
    apart = [*(POWERS[role] for role in sorted(ADMINISTRATORS))]
    apart.append(frozenset(power for role in Role if role not in ADMINISTRATORS for power in POWERS[role]))
    assert sum(len(powers) for powers in apart) == len(frozenset().union(*apart))
    assert all(first != second for first, second in pairwise(apart))


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("held", list(Role))
def test_an_administration_stands_alone(role: Role, held: Role) -> None:
    if role in ADMINISTRATORS or held in ADMINISTRATORS:
        with pytest.raises(RoleRefused):
            check_together(role, [held])
    else:
        check_together(role, [held])


@pytest.mark.parametrize(
    ("role", "place"),
    [
        (Role.AUDITOR, Place(region_key="510100")),
        (Role.DATA_OFFICER, Place(region_key="510100")),
        (Role.REGULATOR, Place(venue_id="ven_1")),
        (Role.SECURITY_ADMIN, Place(venue_id="ven_1")),
        (Role.REDEEMER, Place("ven_1", "510100")),
    ],
)
def test_a_role_holds_only_where_it_can(role: Role, place: Place) -> None:
    with pytest.raises(DomainError) as refused:
        check_place(role, place)
    assert refused.value.code is ErrorCode.BAD_INPUT
    check_place(role, Place())
