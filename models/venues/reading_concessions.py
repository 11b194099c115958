"""Concessions and school holidays as the files of `data/` say them."""

from collections.abc import Iterable, Mapping
from typing import Any

from models.regions.files import ImportRefused, day_in, one_of, whole
from models.venues.concessions import Covers
from models.venues.schedules import PROVENANCES

GROUPS = ("SENIOR", "STUDENT", "DISABLED", "SOLDIER", "FIREFIGHTER")
"""real_names.rules.ConcessionKind, which this room cannot import; a test holds the two together."""


def concessions_in(rows: Iterable[Mapping[str, str]]) -> dict[str, list[dict[str, Any]]]:
    """By reference; "" is every other venue's. A venue with rows of its own has exactly those."""
    rules: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        where = f"concessions.csv {row['reference']} {row['kind']}"
        one_of(row["kind"], GROUPS, where)
        one_of(row["covers"], tuple(Covers), where)
        one_of(row["provenance"], PROVENANCES, where)
        percent = whole(row["pays_percent"], where)
        if percent >= 100:
            raise ImportRefused(f"{where}: a concession takes something off")
        rules.setdefault(row["reference"], []).append(
            {
                "kind": row["kind"],
                "pays_percent": percent,
                "covers": row["covers"],
                "provenance": row["provenance"],
                "source": row["source"],
            }
        )
    return rules


def school_holidays_in(rows: Iterable[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Only what a province published: there are no made-up ones. Half-open, and never overlapping within a province."""
    periods: list[dict[str, Any]] = []
    for row in rows:
        where = f"school_holidays.csv {row['province']} {row['from']}"
        first, end = day_in(row["from"], where), day_in(row["to"], where)
        if first is None or end is None or first >= end or not row["source"]:
            raise ImportRefused(f"{where}: a first day, a later day on which school begins again, and who said so")
        for other in periods:
            if other["province_code"] == row["province"] and first < other["to_day"] and other["from_day"] < end:
                raise ImportRefused(f"{where}: it overlaps {other['name']}")
        periods.append(
            {
                "province_code": row["province"],
                "from_day": first,
                "to_day": end,
                "name": row["name"],
                "source": row["source"],
            }
        )
    return periods
