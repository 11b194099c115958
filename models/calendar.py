"""The business day: Asia/Shanghai, though every stored instant is UTC."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
CELL_MINUTES = 30
"""The time step of a cell. Slots are whole numbers of steps; no published slot is finer."""
MOST_DAYS_AWAY = 366
"""Nobody asks for a day farther from today: days of another century must not reach the arithmetic of time."""


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


def steps_between(starts_at: datetime, ends_at: datetime) -> range:
    """The cell steps that a slot covers; it is a whole number of them."""
    return range(step_of(starts_at), step_of(ends_at))


def clock_text(minute: int) -> str:
    """540 → 09:00"""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def day_text(day: date) -> str:
    """11月21日"""
    return f"{day.month}月{day.day}日"


def moment_text(instant: datetime) -> str:
    """11月21日 09:00, on the local clock."""
    return f"{day_text(business_day(instant))} {clock_text(minute_of_day(instant))}"


def span_text(starts_at: datetime, ends_at: datetime) -> str:
    """11月21日 09:00–10:00, within one local day; an end at midnight reads 24:00."""
    return f"{moment_text(starts_at)}–{clock_text(minute_of_day(ends_at) or 24 * 60)}"


def length_text(length: timedelta) -> str:
    """How long, to the minute below: 1天2小时, 2小时, 1小时20分钟, 0分钟."""
    minutes = max(0, length // timedelta(minutes=1))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "天"), (hours, "小时"), (minutes, "分钟")]
    said = "".join(f"{count}{word}" for count, word in parts if count)
    return said or "0分钟"
