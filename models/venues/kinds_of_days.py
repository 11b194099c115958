"""What kind of day each of several days is, by the notices and school holidays that are loaded."""

from collections.abc import Sequence
from datetime import date

from models import database
from models.venues.days import Day, day_of


async def kinds_of(days: Sequence[date], province_code: str) -> list[Day]:
    """In their order, as a timetable would say of each (models.booking.queries)."""
    if not days:
        return []
    notices = {
        database.day(row["date"]): row["kind"]
        for row in await database.rows(
            "SELECT date, kind FROM holiday WHERE date >= $1 AND date <= $2",
            date(min(days).year, 1, 1),
            date(max(days).year, 12, 31),
        )
    }
    terms = [
        (database.day(row["from_day"]), database.day(row["to_day"]))
        for row in await database.rows(
            "SELECT from_day, to_day FROM school_holiday WHERE province_code = $1", province_code
        )
    ]
    years_known = {day.year for day in notices}
    return [
        day_of(
            day,
            notice=notices.get(day),
            year_known=day.year in years_known,
            in_school_holiday=any(begins <= day < ends for begins, ends in terms),
        )
        for day in days
    ]
