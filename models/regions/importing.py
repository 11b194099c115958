"""Divisions, from `data/regions.csv` and `data/region_changes.csv`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from maps.coordinates import CoordinateSystem, Point
from models.regions.bringing import ImportReport, bring
from models.regions.files import ImportRefused, day_in, one_of, read_csv
from models.regions.tables import Region

LEVELS = ("PROVINCE", "CITY", "DISTRICT")


async def import_regions(wanted: Sequence[dict[str, Any]], report: ImportReport) -> None:
    """Brings divisions in. Runs inside the caller's transaction. One that vanished from the files stays."""
    await bring(Region, wanted, key=("key",), report=report)


def regions_in(folder: Path) -> list[dict[str, Any]]:
    """The wanted rows of `region`: those listed, what succeeded them, and predecessors known by name or old code.

    Raises ImportRefused.
    """
    regions: dict[str, dict[str, Any]] = {}
    for row in read_csv(folder, "regions.csv"):
        if regions.setdefault(row["code"], region := _listed(row)) is not region:
            raise ImportRefused(f"regions.csv {row['code']}: listed twice")
    for region in regions.values():
        if region["parent_key"] and region["parent_key"] not in regions:
            raise ImportRefused(f"regions.csv {region['key']}: unknown region code {region['parent_key']}")
    for change in read_csv(folder, "region_changes.csv"):
        _apply(change, regions)
    return list(regions.values())


def _listed(row: dict[str, str]) -> dict[str, Any]:
    where = f"regions.csv {row['code']}"
    one_of(row["level"], LEVELS, where)
    valid_from, valid_to = day_in(row["valid_from"], where), day_in(row["valid_to"], where)
    if valid_from and valid_to and valid_from >= valid_to:
        raise ImportRefused(f"{where}: it ends before it begins")
    lon, lat = _centroid(row)
    return {
        "key": row["code"],
        "code": row["code"],
        "name": row["name"],
        "level": row["level"],
        "parent_key": row["parent_code"],
        "centroid_lon": lon,
        "centroid_lat": lat,
        "valid_from": valid_from,
        "valid_to": valid_to,
        "successor_key": "",
        "note": row["note"],
    }


def _centroid(row: dict[str, str]) -> tuple[float | None, float | None]:
    """WGS-84 from what is presumed GCJ-02 (data/README.md), to a tenth of a metre on every machine."""
    if not row["centroid_lon"]:
        return None, None
    published = Point(float(row["centroid_lon"]), float(row["centroid_lat"]), CoordinateSystem.GCJ02)
    place = published.to(CoordinateSystem.WGS84)
    return round(place.lon, 6), round(place.lat, 6)


def _apply(change: dict[str, str], regions: dict[str, dict[str, Any]]) -> None:
    """One division took over from another; at least one of the two is listed."""
    where = f"region_changes.csv {change['old_name']} → {change['new_name']}"
    effective = day_in(change["effective_date"], where)
    old, new = regions.get(change["old_code"]), regions.get(change["new_code"])
    for code, region in ((change["new_code"], new), ("" if new else change["old_code"], old)):
        if code and region is None:
            raise ImportRefused(f"{where}: unknown region code {code}")
    if old and old["valid_to"] != effective:
        raise ImportRefused(f"{where}: regions.csv ends {change['old_code']} on {old['valid_to'] or 'no day'}")
    if new is None:
        if old is None:
            raise ImportRefused(f"{where}: neither division is listed")
        new = _unlisted(change["new_name"], change["new_code"], like=old, note=change["note"])
        new = regions.setdefault(new["key"], new | {"valid_from": effective})
    if old is None:
        old = _unlisted(change["old_name"], change["old_code"], like=new, note=change["note"])
        old = regions.setdefault(old["key"], old | {"valid_to": effective})
    old["successor_key"] = new["key"]


def _unlisted(name: str, code: str, *, like: dict[str, Any], note: str) -> dict[str, Any]:
    """A division that no list carries, of its other self's parent and level. Without a code its name is its key."""
    return like | {
        "key": code or f"{like['parent_key']}:{name}",
        "code": code,
        "name": name,
        "centroid_lon": None,
        "centroid_lat": None,
        "valid_from": None,
        "valid_to": None,
        "successor_key": "",
        "note": note,
    }
