"""A venue's day, by hand, for the bare routes: from the timetable's one row to slots with prices.

Not the product's rules (models/venues/rules.py, models/booking/rules.py), which would weigh the same on both sides;
`test_bare.py` holds the two together on the real venues.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import orjson

from models.booking.queries import TIMETABLE
from models.calendar import SHANGHAI
from tests.bench.servers.bare.house import demand

LABELS = {"FREE": "免费时段", "LOW": "低收费", "MARKET": "市场价"}


@dataclass(frozen=True)
class Day:
    """A venue's day out of the timetable's one row, as lists of JSON."""

    venue_id: int
    date: date
    midnight: datetime
    courts: dict[int, list[Any]]  # id → id, public id, name, sport, slot minutes, most people, position
    parts: dict[int, list[int]]
    openings: list[list[Any]]
    windows: list[list[Any]]  # those of this day, broadest first
    limits: list[int]

    @property
    def first_step(self) -> int:
        return int(self.midnight.timestamp()) // 1800

    @property
    def released_at(self) -> datetime:
        return self.midnight - timedelta(days=self.limits[2]) + timedelta(minutes=self.limits[3])


def priced(day: Day, court: list[Any]) -> Iterator[tuple[int, int, int, str, str, bool]]:
    """A court's slots that can be sold: from, to, fen, kind, label, whether its price was published."""
    name, sport, length = court[2], court[3], court[4]
    painted: list[Any] = [None] * 48
    mine = [window for window in day.windows if window[7] in ("", sport) and window[8] in ("", name)]
    for window in sorted(mine, key=lambda window: (window[8] != "", window[7] != "")):
        painted[window[1] // 30 : window[2] // 30] = [window] * ((window[2] - window[1]) // 30)
    own = sport if any(opening[3] == sport for opening in day.openings) else ""
    weekday = day.date.weekday()
    for opens, closes in sorted((o[1], o[2]) for o in day.openings if o[3] == own and o[0] == weekday):
        for start in range(opens, closes - length + 1, length):
            halves = painted[start // 30 : (start + length) // 30]
            if None in halves:
                continue
            kinds = list(dict.fromkeys([window[3] for window in halves]))
            yield (
                start,
                start + length,
                (sum([window[4] for window in halves]) + 1) // 2,
                kinds[0] if len(kinds) == 1 else "MIXED",
                "＋".join([LABELS[kind] for kind in kinds]),
                all(window[5] == window[6] == "PUBLISHED" for window in halves),
            )


async def read_day(connection: Any, venue_id: str, day: date) -> Day:
    row = await connection.fetchrow(TIMETABLE, venue_id, "", day, date(day.year, 1, 1), date(day.year, 12, 31))
    demand(row and row["is_open"])
    covers = sorted(orjson.loads(row["courts"] or "[]"), key=lambda court: (court[6], court[0], court[7]))
    parts: dict[int, list[int]] = {}
    for cover in covers:
        parts.setdefault(cover[0], []).append(cover[7])
    off = row["notice"] == "HOLIDAY" or (row["notice"] is None and day.weekday() >= 5)
    if row["notice"] == "HOLIDAY" or day.weekday() >= 5:
        weekday = "WEEKEND_STATUTORY"
    else:
        weekday = "MON" if day.weekday() == 0 else "TUE_FRI"
    kinds = ("ALL", "HOLIDAY" if off else "WORKDAY", weekday)  # broadest first
    windows = [window for window in orjson.loads(row["windows"] or "[]") if window[0] in kinds]
    return Day(
        venue_id=row["id"],
        date=day,
        midnight=datetime.combine(day, time(), SHANGHAI).astimezone(UTC),
        courts={cover[0]: cover for cover in covers},
        parts=parts,
        openings=orjson.loads(row["openings"] or "[]"),
        windows=sorted(windows, key=lambda window: kinds.index(window[0])),
        limits=orjson.loads(row["limits"]),
    )


def clock_text(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
