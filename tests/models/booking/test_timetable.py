"""A venue's day as booking reads it: one statement for courts, hours, windows, limits and the kind of day."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from models import database
from models.booking.queries import timetable, timetables
from models.booking.tables import BookingRule
from models.errors import DomainError, ErrorCode
from models.venues.rules import DayKind, price_of
from models.venues.tables import Venue
from tests.databases import Database
from tests.factories.attendance import a_rule
from tests.factories.places import a_court, a_venue, all_places

FRIDAY = date(2026, 11, 20)


async def test_courts_come_in_order_with_their_parts_and_closed_ones_not(db: Database) -> None:
    venue, elsewhere = await a_venue(), await a_venue()
    full = await a_court(venue, sport="BASKETBALL", name="篮球全场", parts=("A", "B"), max_people=30)
    half = await a_court(venue, sport="BASKETBALL", name="篮球半场A", parts=("A",))
    badminton = await a_court(venue)
    await a_court(venue, name="维修中", is_open=False)
    await a_court(elsewhere)
    courts = (await timetable(venue_id=venue.public_id, sport=None, day=FRIDAY)).courts
    assert [court.id for court in courts] == [full.id, half.id, badminton.id]
    assert (courts[0].name, courts[0].max_people, courts[0].slot_minutes) == ("篮球全场", 30, 60)
    assert len(courts[0].part_ids) == 2
    assert set(courts[1].part_ids) < set(courts[0].part_ids)
    only = await timetable(venue_id=venue.public_id, sport="BADMINTON", day=FRIDAY)
    assert [court.id for court in only.courts] == [badminton.id]
    assert (await timetable(venue_id=venue.public_id, sport="TENNIS", day=FRIDAY)).courts == ()


async def test_stored_windows_price_the_real_gaoxin(db: Database) -> None:
    await all_places()
    venue = await Venue.get(ref="SC007")
    friday = await timetable(venue_id=venue.public_id, sport="BADMINTON", day=FRIDAY)
    prices = friday.prices_of(friday.courts[0])
    kinds = [price_of(prices, hour * 60, hour * 60 + 60).kind for hour in range(9, 22)]
    assert kinds == ["FREE"] * 6 + ["LOW"] * 3 + ["MARKET"] * 4
    national_day = await timetable(venue_id=venue.public_id, sport="BADMINTON", day=date(2026, 10, 1))
    prices = national_day.prices_of(national_day.courts[0])
    assert price_of(prices, 10 * 60, 12 * 60).label == "免费时段＋低收费"
    monday = await timetable(venue_id=venue.public_id, sport="BADMINTON", day=date(2026, 11, 23))
    assert monday.openings_of(monday.courts[0]) == ()


async def test_a_venues_own_rule_goes_before_the_default(db: Database) -> None:
    venue = await a_venue()
    default = (await timetable(venue_id=venue.public_id, sport=None, day=FRIDAY)).limits_of("BADMINTON")
    await BookingRule.create(
        venue_id=venue.id,
        courts_a_person_a_day=1,
        minutes_a_court_a_day=60,
        days_ahead=3,
        release_minute=900,
        hold_minutes=10,
        entry_opens_minutes_before=15,
        provenance="PUBLISHED",
    )
    own = (await timetable(venue_id=venue.public_id, sport=None, day=FRIDAY)).limits_of("BADMINTON")
    assert (default.courts_a_person_a_day, default.days_ahead, default.release_minute) == (2, 7, 480)
    assert (own.courts_a_person_a_day, own.days_ahead, own.release_minute, own.hold_minutes) == (1, 3, 900, 10)


@pytest.mark.parametrize(
    ("day", "kind", "known"),
    [
        (date(2026, 10, 5), DayKind.STATUTORY_HOLIDAY, True),
        (date(2026, 10, 10), DayKind.MAKEUP_WORKDAY, True),
        (date(2026, 11, 20), DayKind.WORKDAY, True),
        (date(2026, 11, 21), DayKind.WEEKEND, True),
        (date(2025, 1, 1), DayKind.STATUTORY_HOLIDAY, True),
        (date(2026, 12, 31), DayKind.WORKDAY, True),
        (date(2027, 1, 1), DayKind.WORKDAY, False),
        (date(2024, 12, 31), DayKind.WORKDAY, False),
        (date(2028, 2, 29), DayKind.WORKDAY, False),
        (date(2027, 10, 2), DayKind.WEEKEND, False),
    ],
)
async def test_days_of_unknown_years_go_by_the_weekday_and_say_so(
    db: Database, day: date, kind: DayKind, known: bool
) -> None:
    await all_places()
    venue = await Venue.get(ref="SC007")
    found = (await timetable(venue_id=venue.public_id, sport=None, day=day)).day
    assert (found.kind, found.known) == (kind, known)


async def test_many_days_are_read_in_one_statement_and_say_what_each_says_by_itself(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await all_places()
    venue = await Venue.get(ref="SC007")
    court = await a_court(venue, sport="BASKETBALL", name="篮球半场B", parts=("B1",))
    await a_court(venue, sport="BASKETBALL", name="篮球全场B", parts=("B1", "B2"))
    await a_rule(venue, days_ahead=3, from_day=FRIDAY)
    await a_rule(venue, days_ahead=5, from_day=FRIDAY - timedelta(days=60), to_day=FRIDAY)
    days = [date(2026, 10, 1), *(FRIDAY + timedelta(days=7 * n) for n in range(9)), date(2099, 2, 28)]
    one_by_one = {day: await timetable(venue_id=venue.public_id, sport=None, day=day) for day in days}
    asked, rows = [], database.rows

    async def counted(sql: str, *values: Any) -> Any:
        asked.append(sql)
        return await rows(sql, *values)

    monkeypatch.setattr(database, "rows", counted)
    together = await timetables(venue_id=venue.public_id, court_id=court.public_id, days=days)
    assert len(asked) == 1
    whole = {court.id: court for court in one_by_one[FRIDAY].courts}
    near = [each for each in whole.values() if {*each.part_ids} & {*whole[court.id].part_ids}]
    assert 1 < len(near) < len(whole)
    assert together == {day: replace(table, courts=tuple(near)) for day, table in one_by_one.items()}
    assert len({table.day.kind for table in together.values()}) > 1
    assert len({table.limits_of("BADMINTON").days_ahead for table in together.values()}) == 2
    await Venue.filter(id=venue.id).update(is_open=False)
    with pytest.raises(DomainError) as closed:
        await timetables(venue_id=venue.public_id, court_id=court.public_id, days=days)
    assert closed.value.code is ErrorCode.VENUE_CLOSED
