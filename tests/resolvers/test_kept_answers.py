"""What web processes keep for seconds, at the public door: who changes something is believed within a second."""

import asyncio
from pathlib import Path
from typing import Any

from bff.kept_store import PREFIX, forget_everywhere
from bff.wiring import sharing
from models.booking.tables import HeldCell
from models.venues.tables import TariffWindow, Venue
from tests.bff.conftest import Valkey, valkey
from tests.databases import Database
from tests.factories.booking import TOMORROW, Hall, a_hall, at
from tests.house import House, line, opened
from tests.outside import Outside
from tests.stopwatch import Stopwatch

CLIENTS = Path(__file__).parents[2] / "clients"
VENUES_NEAR = (CLIENTS / "demo" / "VenuesNear.graphql").read_text()
SLOTS = (CLIENTS / "demo" / "Slots.graphql").read_text()


class Visitor:
    """Asks a house for what a hall shows to everybody."""

    def __init__(self, house: House, hall: Hall) -> None:
        self.house = house
        self.hall = hall

    async def names(self) -> list[str]:
        """As the list has it, and as one has it who stands a step aside."""
        venue = self.hall.venue
        points = [{"lon": venue.lon + aside, "lat": venue.lat, "system": "WGS84"} for aside in (0, 1e-5)]
        asked = {"radiusM": 500, "first": 5}
        lists = [(await self.house.ask(VENUES_NEAR, {"point": point, **asked})).value for point in points]
        return [found["edges"][0]["node"]["name"] for found in lists]

    async def slot(self) -> Any:
        """The first badminton court's, at nine tomorrow."""
        asked = {"venueId": self.hall.venue.public_id, "sport": "BADMINTON", "date": TOMORROW.isoformat()}
        (row, *_) = (await self.house.ask(SLOTS, asked)).value
        return row["slots"][1]


async def keys_in(house: House) -> list[bytes]:
    redis = house.wired.queue.redis
    return [name async for name in redis.scan_iter(match=f"{PREFIX}*")]


async def test_what_an_operator_changed_is_told_within_a_second_or_two(house: House) -> None:
    hall = await a_hall(name="旧名")
    visitor = Visitor(house, hall)
    assert await visitor.names() == ["旧名"] * 2
    price = (await visitor.slot())["price"]
    await Venue.filter(id=hall.venue.id).update(name="新名")
    await TariffWindow.filter(venue=hall.venue).update(price_fen_per_hour=price + 100)
    assert await visitor.names() == ["旧名"] * 2
    assert (await visitor.slot())["price"] == price
    assert await forget_everywhere(
        house.wired.settings.redis_url
    )  # as `bff import` does, from a process of its own
    told = Stopwatch()
    async with asyncio.timeout(60):
        while await visitor.names() != ["新名"] * 2:
            await asyncio.sleep(0.05)
    assert told.stop() < 3
    assert (await visitor.slot())["price"] == price + 100


async def test_a_slot_is_taken_and_free_again_for_everybody_at_once(house: House) -> None:
    hall = await a_hall()
    visitor = Visitor(house, hall)
    assert (await visitor.slot())["status"] == "AVAILABLE"
    citizen = await house.citizen()
    order = await citizen.places(line(hall.badminton, at(9)))
    assert (await visitor.slot())["status"] == "TAKEN"
    assert await HeldCell.all().count() > 0
    await HeldCell.all().delete()
    assert (await visitor.slot())["status"] == "AVAILABLE"
    assert order["status"] == "PENDING_PAYMENT"


async def test_another_process_finds_what_this_one_has_kept(
    house: House, db: Database, outside: Outside, shared_valkey: Valkey, tmp_path: Path
) -> None:
    hall = await a_hall(name="旧名")
    assert await Visitor(house, hall).names() == ["旧名"] * 2
    await Venue.filter(id=hall.venue.id).update(name="新名")
    assert house.wired.keeper
    mine = {*house.wired.keeper._kept}
    another = type(house.wired.keeper)(shared_valkey.url)
    async with sharing(another):

        async def make() -> str:
            raise AssertionError("it is there")

        (near,) = (name for name in mine if name.startswith("near:"))
        found = await another.get(near, 30, make, dump=str.encode, load=bytes.decode)
    assert "旧名" in found


async def test_where_nothing_is_kept_everything_is_as_it_is(
    db: Database, outside: Outside, shared_valkey: Valkey, tmp_path: Path
) -> None:
    async with opened(db, outside, shared_valkey, tmp_path, ANSWERS_CACHE="off") as house:
        hall = await a_hall(name="旧名")
        visitor = Visitor(house, hall)
        assert await visitor.names() == ["旧名"] * 2
        price = (await visitor.slot())["price"]
        await Venue.filter(id=hall.venue.id).update(name="新名")
        await TariffWindow.filter(venue=hall.venue).update(price_fen_per_hour=price + 100)
        assert await visitor.names() == ["新名"] * 2
        assert (await visitor.slot())["price"] == price + 100
        assert await keys_in(house) == []


async def test_without_valkey_a_process_keeps_for_itself_and_answers(
    db: Database, outside: Outside, valkey: Valkey, tmp_path: Path
) -> None:
    async with opened(db, outside, valkey, tmp_path, RATE_SCALE="10000") as house:
        visitor = Visitor(house, await a_hall(name="旧名"))
        valkey.stop()
        for _ in range(3):
            assert await visitor.names() == ["旧名"] * 2
            assert (await visitor.slot())["status"] == "AVAILABLE"
        valkey.start()


__all__ = ["valkey"]
