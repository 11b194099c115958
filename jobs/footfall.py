"""Hourly figures to the platform, and empty venues after closing."""

from datetime import UTC, datetime, timedelta

from models.footfall import counting

HOURS_LOOKED_BACK = 48
"""Scans may arrive 24 hours late; the rest is for a worker that was down over a day."""


async def report_hours(*, now: datetime) -> int:
    """Tell what the platform does not know yet of the last 48 whole hours. Gives how many figures were told."""
    last_hour_end = datetime.fromtimestamp(now.timestamp() // 3600 * 3600, UTC)
    told = 0
    for hours_ago in reversed(range(HOURS_LOOKED_BACK)):
        told += await counting.report_hour(hour_end=last_hour_end - timedelta(hours=hours_ago), now=now)
    return told


async def close_day(*, now: datetime) -> int:
    """Nobody is inside a venue that has closed. Gives how many venues that changed."""
    return await counting.close_day(now=now)
