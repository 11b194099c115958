"""A venue where courts can be had every week, and people who ask for one."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from models.arrangements import dates, series
from models.arrangements.previewing import DatePreview, preview
from models.arrangements.rules import SeriesWanted
from models.arrangements.tables import BookingSeries, SeriesDate
from models.messages.tables import Message
from tests.conftest import NOW
from tests.factories.accounts import ID_KEYS
from tests.factories.attendance import a_rule
from tests.factories.booking import TOMORROW, Hall, a_hall

WEEKS = 4
OPENS = 8
"""A day opens a week before, at eight."""


async def a_venue_with_series(**columns: Any) -> Hall:
    hall = await a_hall()
    usual = {"days_ahead": 7, "release_minute": OPENS * 60, "series_weeks": 12, "series_a_person": 2}
    await a_rule(hall.venue, **{**usual, **columns})
    return hall


def every_week(court: Any, hour: int = 9, *, weeks: int = WEEKS, **more: Any) -> SeriesWanted:
    """From tomorrow on, WEEKS times."""
    usual = {"first_day": TOMORROW, "last_day": TOMORROW + timedelta(days=7 * (weeks - 1))}
    return SeriesWanted(
        **{
            "court_id": court.public_id,
            "weekday": TOMORROW.isoweekday(),
            "from_minute": hour * 60,
            **usual,
            **more,
        }
    )


async def asked(member_id: int, wish: SeriesWanted, *, key: str | None = None, now: datetime = NOW) -> str:
    return await series.ask(
        member_id=member_id,
        wanted=wish,
        key=key or secrets.token_hex(8),
        keys=ID_KEYS,
        channels={},
        now=now,
    )


async def run(now: datetime) -> int:
    """The job that books what is due."""
    return await dates.book_due(keys=ID_KEYS, channels={}, now=now)


async def seen(member_id: int, wish: SeriesWanted, now: datetime = NOW) -> list[DatePreview]:
    return await preview(member_id=member_id, wanted=wish, keys=ID_KEYS, now=now)


async def dates_of(series_id: str) -> list[SeriesDate]:
    own = await BookingSeries.get(public_id=series_id)
    return await SeriesDate.filter(series_id=own.id).order_by("business_day")


async def states(series_id: str) -> list[str]:
    return [each.state for each in await dates_of(series_id)]


async def told(member_id: int) -> list[str]:
    return [each.template for each in await Message.filter(member_id=member_id).order_by("id")]
