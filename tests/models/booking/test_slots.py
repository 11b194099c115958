"""The grid: which slots a day has, what they cost, and whether they can be booked."""

from datetime import UTC, date, datetime, timedelta

import pytest

from models.booking.queries import CourtDay, slots
from models.booking.rules import Slot, SlotStatus, aware
from models.errors import BadInput, DomainError, ErrorCode
from models.venues.tables import OpeningHours, TariffWindow, Venue
from tests.databases import Database
from tests.factories.booking import TOMORROW, a_hall, a_person, an_order, at, wanted
from tests.factories.places import a_court, a_tariff, a_venue


async def grid_of(
    venue: Venue, now: datetime, *, day: date = TOMORROW, sport: str | None = "BADMINTON"
) -> list[CourtDay]:
    return await slots(venue_id=venue.public_id, sport=sport, day=day, now=now)


async def only_row(venue: Venue, now: datetime, *, day: date = TOMORROW) -> list[Slot]:
    """The slots of the venue's only court."""
    (row,) = await grid_of(venue, now, day=day)
    return row.slots


def status_at(grid: list[CourtDay], starts_at: datetime, court_name: str = "羽毛球1号场") -> SlotStatus:
    (row,) = [row for row in grid if row.court_name == court_name]
    (slot,) = [slot for slot in row.slots if slot.starts_at == starts_at]
    return slot.status


async def test_a_day_has_one_slot_an_hour_from_opening_to_closing(db: Database, now: datetime) -> None:
    venue = await a_venue(open_minutes=(8 * 60, 22 * 60))
    await a_court(venue)
    row = await only_row(venue, now)
    assert [slot.starts_at for slot in row] == [at(hour) for hour in range(8, 22)]
    assert row[-1].ends_at == at(22)
    assert {slot.price_fen for slot in row} == {4000}


async def test_what_is_left_over_before_closing_is_no_slot(db: Database, now: datetime) -> None:
    venue = await a_venue(open_minutes=(8 * 60, 11 * 60))
    await a_court(venue, slot_minutes=120)
    assert [(slot.starts_at, slot.ends_at) for slot in await only_row(venue, now)] == [(at(8), at(10))]


async def test_a_slot_that_ends_at_midnight_is_in_the_grid(db: Database, now: datetime) -> None:
    venue = await a_venue(open_minutes=(22 * 60, 24 * 60))
    await a_court(venue)
    assert [slot.ends_at for slot in await only_row(venue, now)] == [at(23), at(0, days=2)]


async def test_courts_come_in_their_order_and_only_of_the_sport_asked_for(db: Database, now: datetime) -> None:
    hall = await a_hall()
    grid = await grid_of(hall.venue, now)
    assert [row.court_name for row in grid] == ["羽毛球1号场", "羽毛球2号场"]
    everything = await grid_of(hall.venue, now, sport=None)
    assert {row.court_name for row in everything} > {row.court_name for row in grid}


async def test_a_court_that_is_never_open_that_day_has_no_row(db: Database, now: datetime) -> None:
    venue = await a_venue()
    await a_court(venue)
    await a_court(venue, sport="TENNIS")
    await OpeningHours.create(  # on Sundays alone
        venue=venue, sport_code="TENNIS", weekday=6, opens_minute=480, closes_minute=720, provenance="PUBLISHED"
    )
    assert [row.court_name for row in await grid_of(venue, now, sport=None)] == ["羽毛球1号场"]


async def test_courts_of_one_sport_may_differ_in_the_length_of_their_slots(db: Database, now: datetime) -> None:
    venue = await a_venue(open_minutes=(8 * 60, 10 * 60))
    for minutes in (60, 120, 30):
        await a_court(venue, slot_minutes=minutes)
    grid = await grid_of(venue, now)
    assert [[slot.ends_at - slot.starts_at for slot in row.slots] for row in grid] == [
        [timedelta(minutes=minutes)] * count for minutes, count in ((60, 2), (120, 1), (30, 4))
    ]


async def test_every_instant_of_the_grid_is_utcs_own(db: Database, now: datetime) -> None:
    hall = await a_hall()
    slots_ = [slot for row in await grid_of(hall.venue, now, sport=None) for slot in row.slots]
    assert {instant.tzinfo for slot in slots_ for instant in (slot.starts_at, slot.ends_at)} == {UTC}


async def test_a_sport_that_is_not_played_here_has_no_slots_and_what_is_no_sport_is_refused(
    db: Database, now: datetime
) -> None:
    hall, elsewhere = await a_hall(), await a_venue()
    await a_court(elsewhere, sport="TENNIS")
    assert await grid_of(hall.venue, now, sport="TENNIS") == []
    for wrong in ("badminton", "", "T" * 100_000, "'; --"):  # never as if it were only not played here
        with pytest.raises(DomainError) as refused:
            await grid_of(hall.venue, now, sport=wrong)
        assert (refused.value.code, refused.value.field) == (ErrorCode.SPORT_UNKNOWN, "sport")


async def test_a_free_morning_shows_a_price_of_nothing(db: Database, now: datetime) -> None:
    venue = await a_venue(free_mornings=True)
    await a_court(venue)
    first, second, *_ = await only_row(venue, now)
    assert (first.price_fen, first.price_label) == (0, "免费时段")
    assert (second.price_fen, second.price_label) == (4000, "市场价")


async def test_a_court_or_sport_with_a_tariff_of_its_own_is_priced_apart(db: Database, now: datetime) -> None:
    venue = await a_venue(open_minutes=(9 * 60, 10 * 60))
    for name in ("一号", "二号", "三号"):
        await a_court(venue, name=name)
    await a_court(venue, sport="TENNIS", name="网球场")
    await a_tariff(venue, 0, 1440, 7000, sport_code="BADMINTON", court_name="二号")
    await a_tariff(venue, 0, 1440, 9000, sport_code="TENNIS")
    grid = await grid_of(venue, now, sport=None)
    assert {row.court_name: [slot.price_fen for slot in row.slots] for row in grid} == {
        "一号": [4000], "二号": [7000], "三号": [4000], "网球场": [9000]
    }  # fmt: skip


async def test_an_unpriced_slot_is_not_shown(db: Database, now: datetime) -> None:
    venue = await a_venue()
    await TariffWindow.all().delete()
    await a_tariff(venue, 9 * 60, 11 * 60, 4000)
    await a_court(venue)
    assert [slot.starts_at for slot in await only_row(venue, now)] == [at(9), at(10)]


async def test_a_slot_that_has_begun_is_past(db: Database, now: datetime) -> None:
    venue = await a_venue()
    await a_court(venue)
    grid = await grid_of(venue, now, day=TOMORROW - timedelta(days=1))
    assert status_at(grid, at(10, days=0)) == SlotStatus.PAST  # it is ten sharp
    assert status_at(grid, at(11, days=0)) == SlotStatus.AVAILABLE


async def test_a_day_opens_at_its_release_minute_and_not_before(db: Database, now: datetime) -> None:
    venue = await a_venue()
    await a_court(venue)
    eighth_day = TOMORROW + timedelta(days=7)
    opens = at(8)
    for instant, status in ((opens - timedelta(seconds=1), "NOT_RELEASED"), (opens, "AVAILABLE")):
        assert {slot.status for slot in await only_row(venue, instant, day=eighth_day)} == {status}


async def test_a_held_slot_is_taken_until_it_is_given_back(db: Database, now: datetime) -> None:
    hall = await a_hall()
    await an_order(await a_person(), wanted(hall.badminton, at(9)))
    grid = await grid_of(hall.venue, now)
    assert status_at(grid, at(9)) == SlotStatus.TAKEN
    assert [slot.status for row in grid for slot in row.slots].count(SlotStatus.TAKEN) == 1


async def test_a_held_half_takes_the_full_court_and_not_the_other_half(db: Database, now: datetime) -> None:
    hall = await a_hall()
    await an_order(await a_person(), wanted(hall.left, at(9)))
    grid = await grid_of(hall.venue, now, sport="BASKETBALL")
    assert status_at(grid, at(9), "篮球左半场") == SlotStatus.TAKEN
    assert status_at(grid, at(9), "篮球全场") == SlotStatus.TAKEN
    assert status_at(grid, at(9), "篮球右半场") == SlotStatus.AVAILABLE


async def test_a_held_full_court_takes_both_halves(db: Database, now: datetime) -> None:
    hall = await a_hall()
    await an_order(await a_person(), wanted(hall.full, at(9)))
    grid = await grid_of(hall.venue, now, sport="BASKETBALL")
    assert {row.court_name for row in grid} == {"篮球全场", "篮球左半场", "篮球右半场"}
    assert {status_at(grid, at(9), row.court_name) for row in grid} == {SlotStatus.TAKEN}


async def test_a_closed_court_is_not_in_the_grid(db: Database, now: datetime) -> None:
    venue = await a_venue()
    await a_court(venue, is_open=False)
    assert await grid_of(venue, now) == []


@pytest.mark.parametrize("venue_id", ["ven_NOBODY", "", "'; --", "x" * 100_000])
async def test_an_unknown_venue_is_refused(db: Database, now: datetime, venue_id: str) -> None:
    with pytest.raises(DomainError) as refusal:
        await slots(venue_id=venue_id, sport=None, day=TOMORROW, now=now)
    assert refusal.value.code == ErrorCode.VENUE_UNKNOWN
    assert refusal.value.next_step


async def test_a_closed_venue_is_refused_by_name(db: Database, now: datetime) -> None:
    venue = await a_venue(name="修缮中的馆", is_open=False)
    with pytest.raises(DomainError, match="修缮中的馆") as refusal:
        await grid_of(venue, now)
    assert refusal.value.code == ErrorCode.VENUE_CLOSED


@pytest.mark.parametrize("day", [date.min, date.max, date(1926, 11, 21), date(2126, 11, 21)])
async def test_a_day_of_another_century_is_refused(db: Database, now: datetime, day: date) -> None:
    venue = await a_venue()
    with pytest.raises(BadInput, match="日期"):
        await grid_of(venue, now, day=day)


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(BadInput, match="时区"):
        aware(datetime(2026, 11, 21, 9))  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-08:00"])
def test_an_instant_that_utc_cannot_tell_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="日期"):
        aware(datetime.fromisoformat(text))


def test_an_instant_is_read_in_its_own_zone() -> None:
    assert aware(datetime.fromisoformat("2026-11-21T09:00:00+08:00")) == datetime(2026, 11, 21, 1, tzinfo=UTC)
