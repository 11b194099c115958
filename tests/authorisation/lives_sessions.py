"""A pool beside each hall of the walk: sessions, people inside, and weeks of counting."""

from datetime import timedelta

from models.booking.session_making import make_sessions
from models.booking.session_operations import count_inside
from models.booking.tables import Session
from models.footfall.forecast_rules import days_looked_at
from models.footfall.tables import HourlyOccupancy
from tests.factories.booking import TOMORROW, Hall, at
from tests.factories.sessions import a_plan

NOW = at(10, 45, days=0)


async def a_pool_at(hall: Hall) -> str:
    """The public id of tomorrow's session, which is free. Somebody swims there now."""
    next_year = TOMORROW + timedelta(days=300)
    await a_plan(hall.venue, 11 * 60, 13 * 60, prices={"ADULT": ("FREE", 0)}, valid_to=next_year)
    await make_sessions(now=NOW)
    await count_inside(venue_id=hall.venue.id, sport_code="SWIMMING", people=2, at=NOW)
    await HourlyOccupancy.bulk_create(
        HourlyOccupancy(venue_id=hall.venue.id, business_day=day, hour=11, most_inside=5, last_inside=5)
        for day in days_looked_at(TOMORROW)
    )
    session = await Session.get(venue_id=hall.venue.id, business_day=TOMORROW)
    assert session.starts_at == at(10, 45) + timedelta(minutes=15)
    return str(session.public_id)
