"""Somebody without a phone has a court every week: seen, asked for, listed and ended by the clerk before whom they stand."""

from datetime import timedelta
from typing import Any

import pytest

from models.arrangements import at_desk
from models.arrangements.rules import SeriesWanted
from models.arrangements.tables import BookingSeries
from models.errors import DomainError, ErrorCode
from models.orders.tables import Order
from models.real_names.at_desk import PersonHere, find_person
from models.real_names.rules import NamedPerson
from models.staff.rules import Role, StaffSignedIn
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.booking import Hall, census
from tests.factories.families import Somebody, a_ward, somebody
from tests.factories.names import CHILD, GRANDMOTHER, MOTHER, Authority, authority, authority_folder
from tests.factories.people import a_clerk
from tests.factories.series import WEEKS, a_venue_with_series, asked, every_week, seen, states, told

__all__ = ["authority", "authority_folder"]


class Desk:
    """Of a venue with series."""

    hall: Hall
    clerk: StaffSignedIn

    async def reads(self, person: NamedPerson, *, now: Any = NOW) -> PersonHere:
        found = await find_person(
            clerk=self.clerk,
            id_number=person.number,
            venue_id=self.hall.venue.public_id,
            keys=ID_KEYS,
            now=now,
        )
        assert found is not None
        return found

    def whom(self, person_id: str, **more: Any) -> dict[str, Any]:
        usual = {"clerk": self.clerk, "venue_id": self.hall.venue.public_id, "keys": ID_KEYS, "now": NOW}
        return usual | {"person_id": person_id} | more

    async def asks(self, person_id: str, wish: SeriesWanted, key: str = "one-wish", **more: Any) -> str:
        _, series_id = await at_desk.ask_at_desk(wanted=wish, key=key, channels={}, **self.whom(person_id, **more))
        return series_id


@pytest.fixture
async def desk(db: Database) -> Desk:
    made = Desk()
    made.hall = await a_venue_with_series()
    made.clerk = await a_clerk(made.hall.venue.public_id)
    return made


async def refused(asking: Any) -> ErrorCode:
    before = await census()
    with pytest.raises(DomainError) as refusal:
        await asking
    assert refusal.value.next_step
    assert await census() == before
    return refusal.value.code


async def test_a_clerk_shows_asks_lists_and_ends_it_as_a_phone_would(desk: Desk) -> None:
    grandmother = await somebody(GRANDMOTHER)
    await desk.reads(GRANDMOTHER)
    wish = every_week(desk.hall.badminton)
    shown = await at_desk.preview_at_desk(wanted=wish, **desk.whom(grandmother.public_id))
    assert shown == await seen(grandmother.id, wish)
    assert [each.would for each in shown] == ["BOOKED", *["LATER"] * (WEEKS - 1)]
    assert await Order.all().count() == 0
    series_id = await desk.asks(grandmother.public_id, wish)
    assert await desk.asks(grandmother.public_id, wish) == series_id
    own = await asked(grandmother.id, every_week(desk.hall.badminton_2))
    listed = await at_desk.series_at_desk(**desk.whom(grandmother.public_id))
    assert [row["public_id"] for row in listed] == [own, series_id]

    booked = await census()
    for each in (series_id, own):  # whoever asked for it
        for _ in range(2):
            assert await at_desk.end_at_desk(series_id=each, **desk.whom(grandmother.public_id)) == grandmother.id
        assert await states(each) == ["BOOKED", *["ENDED"] * (WEEKS - 1)]
    assert await census() == booked, "what is booked stays"
    assert (await told(grandmother.id)).count("SERIES_ENDED") == 2, "once each"


async def test_nobody_is_served_who_is_not_there_and_no_series_of_another_venue(
    desk: Desk, authority: Authority
) -> None:
    mother, elsewhere = await somebody(MOTHER), await a_venue_with_series()
    child = await a_ward(mother, CHILD, authority)
    theirs = await asked(mother.id, every_week(elsewhere.badminton))
    here = await asked(mother.id, every_week(desk.hall.badminton))
    wish = every_week(desk.hall.badminton_2)

    def acts(whom: Somebody, series_id: str = here, **more: Any) -> list[Any]:
        known = desk.whom(whom.public_id, **more)
        return [
            at_desk.preview_at_desk(wanted=wish, **known),
            at_desk.ask_at_desk(wanted=wish, key="one-wish", channels={}, **known),
            at_desk.series_at_desk(**known),
            at_desk.end_at_desk(series_id=series_id, **known),
        ]

    assert [await refused(act) for act in acts(mother)] == ["MEMBER_UNKNOWN"] * 4
    await desk.reads(CHILD)
    assert [await refused(act) for act in acts(child)] == ["GUARDIAN_NEEDED"] * 4
    await desk.reads(MOTHER)
    late = NOW + timedelta(minutes=31)
    assert [await refused(act) for act in acts(mother, now=late)] == ["MEMBER_UNKNOWN"] * 4
    other_clerk = await a_clerk(desk.hall.venue.public_id, device_id="desk-2")
    assert [await refused(act) for act in acts(mother, clerk=other_clerk)] == ["MEMBER_UNKNOWN"] * 4
    bookkeeper = await a_clerk(desk.hall.venue.public_id, roles=(Role.FINANCE,), device_id="desk-3")
    assert [await refused(act) for act in acts(mother, clerk=bookkeeper)] == ["NOT_ALLOWED"] * 4

    ending = desk.whom(mother.public_id)
    assert await refused(at_desk.end_at_desk(series_id=theirs, **ending)) == "SERIES_UNKNOWN"
    of_the_child = await desk.asks(child.public_id, wish)
    assert await refused(at_desk.end_at_desk(series_id=of_the_child, **ending)) == "SERIES_UNKNOWN"
    away = every_week(elsewhere.badminton_2)
    assert await refused(at_desk.preview_at_desk(wanted=away, **ending)) == "BAD_INPUT"
    assert await refused(desk.asks(mother.public_id, away, "another-wish")) == "BAD_INPUT"
    assert {each.state for each in await BookingSeries.all()} == {"ACTIVE"}
    listed = await at_desk.series_at_desk(**ending)
    assert [row["public_id"] for row in listed] == [here]
