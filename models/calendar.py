"""The business day: Asia/Shanghai, though every stored instant is UTC."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
CELL_MINUTES = 30
"""The time step of a cell. Slots are whole numbers of steps; no published slot is finer."""


def business_day(instant: datetime) -> date:
    """The day on the wall calendar of Sichuan and Chongqing at that instant."""
    return instant.astimezone(SHANGHAI).date()


def minute_of_day(instant: datetime) -> int:
    """Minutes since local midnight."""
    local = instant.astimezone(SHANGHAI)
    return local.hour * 60 + local.minute


def instant_of(day: date, minute: int) -> datetime:
    """The UTC instant of a local minute of a day; minute 1440 is the next midnight."""
    return datetime.combine(day, time(), SHANGHAI).astimezone(UTC) + timedelta(minutes=minute)


def step_of(instant: datetime) -> int:
    """The number of the cell step that starts at this instant (half hours since 1970-01-01T00:00Z)."""
    return int(instant.timestamp()) // (CELL_MINUTES * 60)


def instant_of_step(step: int) -> datetime:
    return datetime.fromtimestamp(step * CELL_MINUTES * 60, UTC)


def clock_text(minute: int) -> str:
    """540 → 09:00"""
    return f"{minute // 60:02d}:{minute % 60:02d}"
