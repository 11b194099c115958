"""Who has no phone books at the desk and is let in by their card; a helper's booking is the principal's, with its limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from models.admissions.desk import scan
from models.checkout.at_desk import MoneyGiven, take_money
from models.checkout.people_at_desk import DeskPerson, place_order_at_desk, seen_at_desk
from models.checkout.placing import PlacedBy, place_order
from models.checkout.wanted import LineWanted
from models.consents.rules import Purpose
from models.errors import DomainError, ErrorCode
from models.orders.rules import Channel
from models.orders.tables import Order
from models.real_names.at_desk import PersonHere, find_person, verify_person
from models.real_names.rules import NamedPerson, PersonNotHere
from models.shifts.operations import open_shift
from models.staff.rules import Role, StaffSignedIn
from payments.port import PaymentChannel
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.booking import Hall, a_hall, an_order, at, census, wanted
from tests.factories.booking import Person as Payer
from tests.factories.families import a_ward, somebody
from tests.factories.names import (
    CHILD,
    FATHER,
    GRANDMOTHER,
    MOTHER,
    Authority,
    authority,
    authority_folder,
    version,
)
from tests.factories.people import CODE_KEYS, a_clerk
from tests.factories.places import a_court, a_venue

__all__ = ["authority", "authority_folder"]

NO_CHANNELS: Mapping[str, PaymentChannel] = {}


@dataclass
class Desk:
    hall: Hall
    clerk: StaffSignedIn
    person: PersonHere
    now: datetime

    async def books(
        self,
        *lines: LineWanted,
        key: str = "one-booking",
        later: timedelta = timedelta(),
        clerk: StaffSignedIn | None = None,
    ) -> Order:
        order_no = await place_order_at_desk(
            clerk=clerk or self.clerk,
            person_id=self.person.public_id,
            lines=lines,
            venue_id=self.hall.venue.public_id,
            idempotency_key=key,
            keys=ID_KEYS,
            channels=NO_CHANNELS,
            now=self.now + later,
        )
        return await Order.get(order_no=order_no)

    async def sees(self, *, now: datetime) -> DeskPerson:
        found = await find_person(
            clerk=self.clerk,
            id_number=GRANDMOTHER.number,
            venue_id=self.hall.venue.public_id,
            keys=ID_KEYS,
            now=now,
        )
        assert found is not None
        return await seen_at_desk(found, keys=ID_KEYS, code_keys=CODE_KEYS, now=now)


@pytest.fixture
async def desk(db: Database, authority: Authority, now: datetime) -> Desk:
    """A grandmother without a phone, whose card the clerk has just read."""
    hall = await a_hall()
    clerk = await a_clerk(hall.venue.public_id)
    person = await verify_person(
        clerk=clerk,
        name=GRANDMOTHER.name,
        id_number=GRANDMOTHER.number,
        consent_version=version(Purpose.REAL_NAME),
        venue_id=hall.venue.public_id,
        idempotency_key="one-visit",
        keys=ID_KEYS,
        authority=authority,
        now=now,
    )
    return Desk(hall, clerk, person, now)


async def test_a_grandmother_books_pays_in_cash_and_is_let_in_by_her_card(desk: Desk, now: datetime) -> None:
    order = await desk.books(wanted(desk.hall.badminton, at(11, days=0)))
    assert (order.member_id, order.placed_by_id) == (desk.person.member_id, None)
    assert order.placed_by_staff_id == desk.clerk.staff_id
    assert (await desk.sees(now=now)).unpaid_order_nos == [order.order_no]
    await open_shift(clerk=desk.clerk, venue_id=desk.hall.venue.public_id, float_fen=0, now=now)
    await take_money(
        clerk=desk.clerk,
        order_no=order.order_no,
        money=MoneyGiven(channel=Channel.CASH, given_fen=order.total_fen),
        key="one-payment",
        channels=NO_CHANNELS,
        now=now,
    )
    later = at(10, 45, days=0)
    seen = await desk.sees(now=later)
    assert seen.unpaid_order_nos == []
    (place,) = seen.admissions
    assert (place.row["order_no"], place.row["is_inside"]) == (order.order_no, 0)
    for id_checked, outcome in ((False, "ID_CHECK_NEEDED"), (True, "ENTERED")):
        verdict = await scan(
            clerk=desk.clerk,
            venue_id=desk.hall.venue.public_id,
            checkpoint="前台",
            code=place.printed_code,
            nonce=f"nonce-{outcome}",
            direction="ENTRY",
            id_checked=id_checked,
            keys=CODE_KEYS,
            now=later,
        )
        assert verdict.outcome == outcome


async def test_the_same_key_is_the_same_order_and_never_one_of_her_own(desk: Desk, now: datetime) -> None:
    line = wanted(desk.hall.badminton, at(11))
    first = await desk.books(line)
    assert (await desk.books(line)).id == first.id
    with pytest.raises(DomainError) as refused:
        await desk.books(wanted(desk.hall.badminton_2, at(11)))
    assert refused.value.code == ErrorCode.IDEMPOTENCY_KEY_REUSED
    own = await an_order(
        Payer(desk.person.member_id, ""), wanted(desk.hall.badminton_2, at(11)), key="one-booking", now=now
    )
    assert own.id != first.id


async def test_the_limits_at_the_desk_are_those_of_everybody(desk: Desk) -> None:
    await desk.books(wanted(desk.hall.badminton, at(11)), wanted(desk.hall.badminton_2, at(11)))
    before = await census()
    with pytest.raises(DomainError) as refused:
        await desk.books(wanted(desk.hall.left, at(12)), key="another-one")
    assert refused.value.code == ErrorCode.TOO_MANY_COURTS
    assert await census() == before


async def test_a_clerk_books_for_nobody_who_does_not_stand_there_nor_elsewhere(desk: Desk) -> None:
    line, before = wanted(desk.hall.badminton, at(11)), await census()
    with pytest.raises(PersonNotHere):
        await desk.books(line, later=timedelta(minutes=31))
    with pytest.raises(PersonNotHere):
        await desk.books(line, clerk=await a_clerk(desk.hall.venue.public_id))
    with pytest.raises(DomainError) as refused:
        await desk.books(line, clerk=await a_clerk(desk.hall.venue.public_id, roles=(Role.FINANCE,)))
    assert refused.value.code == ErrorCode.NOT_ALLOWED
    elsewhere = await a_court(await a_venue(name="别处"))
    with pytest.raises(DomainError, match="本场馆"):
        await desk.books(wanted(elsewhere, at(11)))
    assert await census() == before


async def test_a_clerk_sees_of_other_venues_and_other_days_nothing(desk: Desk, now: datetime) -> None:
    free = await a_hall(name="免费馆", market_fen_per_hour=0)
    await an_order(Payer(desk.person.member_id, ""), wanted(free.badminton, at(11, days=0)), now=now)
    await desk.books(wanted(desk.hall.badminton, at(11)))
    assert (await desk.sees(now=now)).admissions == []


async def test_a_child_books_at_the_desk_with_their_guardian_beside_them(
    desk: Desk, authority: Authority, now: datetime
) -> None:
    child = await a_ward(await somebody(MOTHER), CHILD, authority)

    async def reads(person: NamedPerson) -> PersonHere:
        found = await find_person(
            clerk=desk.clerk, id_number=person.number, venue_id=desk.hall.venue.public_id, keys=ID_KEYS, now=now
        )
        assert found is not None
        return found

    of_child = Desk(desk.hall, desk.clerk, await reads(CHILD), now)
    line = wanted(desk.hall.badminton, at(11))
    with pytest.raises(DomainError) as refused:
        await of_child.books(line)  # the grandmother whose card was read is nothing to the child
    assert refused.value.code == ErrorCode.GUARDIAN_NEEDED
    await reads(MOTHER)
    assert (await of_child.books(line)).member_id == child.id


# by a helper


async def test_what_a_helper_books_is_the_principals_with_their_limits(db: Database, now: datetime) -> None:
    hall = await a_hall()
    principal, helper = await somebody(GRANDMOTHER), await somebody(FATHER)

    async def helps(line: LineWanted, key: str) -> Order:
        order_no = await place_order(
            member_id=principal.id,
            lines=[line],
            idempotency_key=key,
            placed_by=PlacedBy(member_id=helper.id),
            keys=ID_KEYS,
            channels=NO_CHANNELS,
            now=now,
        )
        return await Order.get(order_no=order_no)

    first = await helps(wanted(hall.badminton, at(11)), "k1")
    assert (first.member_id, first.placed_by_id, first.placed_by_staff_id) == (principal.id, helper.id, None)
    await helps(wanted(hall.badminton_2, at(11)), "k2")
    with pytest.raises(DomainError) as refused:
        await helps(wanted(hall.left, at(12)), "k3")
    assert refused.value.code == ErrorCode.TOO_MANY_COURTS
    own = await an_order(Payer(helper.id, ""), wanted(hall.left, at(12)), now=now)
    assert (own.member_id, own.placed_by_id) == (helper.id, None)
