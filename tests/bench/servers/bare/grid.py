"""A venue's day, by hand, for the bare routes: from the timetable's one row to slots with prices.

Not the product's rules (models/venues/rules.py, models/booking/rules.py), which would weigh the same on both sides;
`test_bare.py` holds the two together on the real venues.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any

import orjson

from models.booking.queries import TIMETABLE
from models.calendar import SHANGHAI
from tests.bench.servers.bare.house import demand

RULE_RANK = defaultdict(int, {"EVER": 1, "NTH:": 2, "DATE": 3})  # of the calendar: before court and sport
DAYS = {"ALL": "每天", "WORKDAY": "工作日", "HOLIDAY": "周末和节假日"}
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
    year_known: bool
    rules: list[list[Any]]  # of booking: sport, whether the venue's own, from which day, then the limits

    @property
    def first_step(self) -> int:
        return int(self.midnight.timestamp()) // 1800

    def limits_of(self, sport: str) -> list[Any]:
        fitting = [rule for rule in self.rules if rule[0] in ("", sport)]
        return max(fitting, key=lambda rule: (rule[1], rule[0] != "", rule[2]))[3:]

    def released_at(self, limits: list[Any]) -> datetime:
        return self.midnight - timedelta(days=limits[2]) + timedelta(minutes=limits[3])


Priced = tuple[int, int, int, str, str, bool, list[Any]]
"""Of a slot: from, to, fen, kind, label, whether its price was published, and the windows of its half hours."""


def parts_of(halves: list[Any], year_known: bool) -> list[list[Any]]:
    """Why it costs that, as an order's line keeps it; in words for the kinds of day that the halls have."""
    parts, twice, told = [], 0, 0
    for window, same in groupby(halves):
        days, begins, ends, kind, fen, *said = window[:7]
        twice += fen * len(list(same))
        by = (
            "已公布"
            if said == ["PUBLISHED"] * 2
            else "时段已公布，价格为演示"
            if said[0] == "PUBLISHED"
            else "演示"
        )
        unsure = "" if year_known or days == "ALL" else "；当年放假安排尚未公布，按星期几计"
        price = f"，每小时{fen // 100}.{fen % 100:02d}元" if fen else ""
        text = f"{DAYS[days]}{clock_text(begins)}–{clock_text(ends)}{LABELS[kind]}{price}（{by}{unsure}）"
        parts.append(["WINDOW", text, (twice + 1) // 2 - told, said != ["PUBLISHED"] * 2])
        told = (twice + 1) // 2
    return parts


def priced(day: Day, court: list[Any]) -> Iterator[Priced]:
    """A court's slots that can be sold."""
    name, sport, length = court[2], court[3], court[4]
    painted: list[Any] = [None] * 48
    mine = [window for window in day.windows if window[7] in ("", sport) and window[8] in ("", name)]
    for window in sorted(mine, key=lambda window: (RULE_RANK[window[0][:4]], window[8] != "", window[7] != "")):
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
                halves,
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
    narrow = {"HOLIDAY": ["STATUTORY_HOLIDAY"], "MAKEUP_WORKDAY": ["MAKEUP_WORKDAY"]}.get(row["notice"], [])
    school = ["SCHOOL_HOLIDAY"] if row["in_school_holiday"] else []
    name = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")[day.weekday()]
    rules = [f"EVERY:{name}", f"NTH:{(day.day + 6) // 7}:{name}", f"DATE:{day:%m-%d}"]
    kinds = ["ALL", "HOLIDAY" if off else "WORKDAY", weekday, *school, *narrow, *rules]  # broadest first
    windows = [window for window in orjson.loads(row["windows"] or "[]") if window[0] in kinds]
    return Day(
        venue_id=row["id"],
        date=day,
        midnight=datetime.combine(day, time(), SHANGHAI).astimezone(UTC),
        courts={cover[0]: cover for cover in covers},
        parts=parts,
        openings=orjson.loads(row["openings"] or "[]"),
        windows=sorted(windows, key=lambda window: kinds.index(window[0])),
        year_known=row["year_known"],
        rules=orjson.loads(row["rules"]),
    )


def clock_text(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
