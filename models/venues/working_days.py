"""Working days (工作日): Monday to Friday but for holidays, and weekend days that are worked in exchange.

Which those are, the State Council announces year by year; `data/holidays.csv` has the years that are known. A year
without rows counts as if it had neither, and whoever asks hears that this is not certain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from models import database

HOLIDAY, MAKEUP_WORKDAY = "HOLIDAY", "MAKEUP_WORKDAY"
_ONE = timedelta(days=1)
_LONGEST_REST = timedelta(days=30)  # no run of days off comes near it; the longest so far is nine
MOST_DAYS = 60


@dataclass(frozen=True)
class WorkingDay:
    """A working day that was counted out. Not certain: the holidays of a year on the way are not known."""

    day: date
    is_certain: bool


async def working_days_after(day: date, count: int) -> WorkingDay:
    """The `count`-th working day after a day, which itself does not count (民法典 201: 开始的当日不计入).

    `count` is 1 to 60.
    """
    if not 1 <= count <= MOST_DAYS:
        raise ValueError(f"{count} working days: 1 to {MOST_DAYS} can be counted")
    return counted_out(day, count, await known_days(day, day + _ONE * 3 * count + _LONGEST_REST))


async def is_working_day(day: date) -> bool:
    """Whether work is done on that day, as far as is known."""
    return is_worked(day, await known_days(day, day))


async def known_days(first: date, last: date) -> dict[date, str]:
    """What the table says of the whole years from `first`'s to `last`'s."""
    found = await database.rows(
        "SELECT date, kind FROM holiday WHERE date >= $1 AND date <= $2",
        date(first.year, 1, 1),
        date(last.year, 12, 31),
    )
    return {database.day(row["date"]): row["kind"] for row in found}


def counted_out(day: date, count: int, kinds: Mapping[date, str]) -> WorkingDay:
    """Pure: `kinds` are the known days that are not as their weekday says."""
    years = {known.year for known in kinds}
    is_certain, left = True, count
    while left:
        day += _ONE
        is_certain = is_certain and day.year in years
        left -= is_worked(day, kinds)
    return WorkingDay(day, is_certain)


def is_worked(day: date, kinds: Mapping[date, str]) -> bool:
    """Pure."""
    kind = kinds.get(day)
    return kind == MAKEUP_WORKDAY or (kind != HOLIDAY and day.isoweekday() <= 5)
