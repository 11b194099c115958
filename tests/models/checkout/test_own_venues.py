"""Our own venues keep the contract of a connected platform."""

from collections.abc import Awaitable, Callable

import pytest

from models.checkout.own_venues import OwnVenues
from models.members.tables import Member
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.accounts import ID_KEYS
from tests.factories.booking import TOMORROW, a_hall, a_person
from tests.federation.contract import CONTRACT, Town


@pytest.mark.parametrize("truth", CONTRACT, ids=lambda truth: truth.__name__)
async def test_our_own_venues_do_what_every_partner_must(
    db: Database, truth: Callable[[Town], Awaitable[None]]
) -> None:
    hall = await a_hall()
    people = [await Member.get(id=(await a_person()).member_id) for _ in range(2)]
    await truth(
        Town(
            platform=OwnVenues(channels={}, keys=ID_KEYS, clock=lambda: NOW),
            venue=hall.venue.public_id,
            sport="BADMINTON",
            day=TOMORROW,
            citizens=(people[0].public_id, people[1].public_id),
        )
    )
