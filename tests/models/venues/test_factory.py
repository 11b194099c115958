"""What the other rooms' tests may lean on."""

from models.venues.tables import Court, CourtCover, Venue
from tests.databases import Database
from tests.factories.places import a_court, a_venue


async def test_two_halves_and_a_full_court_share_their_parts(db: Database) -> None:
    venue = await a_venue(free_mornings=True)
    full = await a_court(venue, sport="BASKETBALL", name="篮球全场", parts=("A", "B"))
    half = await a_court(venue, sport="BASKETBALL", name="篮球半场A", parts=("A",))
    covered = {await_court.part_id for await_court in await CourtCover.filter(court=full)}
    assert {cover.part_id for cover in await CourtCover.filter(court=half)} < covered


async def test_venues_and_courts_are_counted_up(db: Database) -> None:
    first, second = await a_venue(), await a_venue()
    await a_court(first)
    await a_court(first)
    await a_court(second)
    assert [venue.ref for venue in await Venue.all().order_by("id")] == ["TT001", "TT002"]
    assert [court.name for court in await Court.filter(venue=first).order_by("position")] == [
        "羽毛球1号场",
        "羽毛球2号场",
    ]
