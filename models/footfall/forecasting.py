"""The forecast of a venue's day, from what its gates counted."""

from collections import defaultdict
from datetime import date, datetime

from models import database
from models.booking.rules import check_day
from models.calendar import business_day
from models.errors import BadInput, DomainError, ErrorCode
from models.footfall.forecast_rules import Forecast, HourCounted, days_looked_at, forecast
from models.venues.kinds_of_days import kinds_of

DAYS_FORECAST = 7


async def forecast_of(*, venue_id: str, day: date, now: datetime) -> Forecast:
    """How full a venue (its public id) will be on a day, today or within a week.

    Raises VENUE_UNKNOWN, BAD_INPUT for another day.
    """
    check_day(day, now)
    if not 0 <= (day - business_day(now)).days <= DAYS_FORECAST:
        raise BadInput("只预测今天起七天内的客流。", next_step="请选择近期的日期。", field="date")
    venue = await database.row("SELECT id, province_code FROM venue WHERE public_id = $1", venue_id)
    if venue is None:
        raise DomainError(
            "没有找到这个场馆。",
            code=ErrorCode.VENUE_UNKNOWN,
            next_step="请返回列表重新选择。",
            field="venueId",
        )
    looked_at = days_looked_at(day)
    counted: dict[date, dict[int, HourCounted]] = defaultdict(dict)
    for row in await database.rows(
        f"""SELECT business_day, hour, most_inside, last_inside FROM hourly_occupancy
             WHERE venue_id = $1 AND business_day IN ({database.parameters(len(looked_at), first=2)})""",
        venue["id"],
        *looked_at,
    ):
        counted[database.day(row["business_day"])][row["hour"]] = HourCounted(
            row["most_inside"], row["last_inside"]
        )
    today, *past = await kinds_of([day, *looked_at], venue["province_code"])
    return forecast(today, {each: counted.get(each.date, {}) for each in past})
