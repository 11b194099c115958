"""What the files of `data/` say about venues: read, mended, checked, and each court given its windows. No database.

The files and their rules are described in data/README.md. Whatever contradicts itself raises ImportRefused.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from federation.jump import JumpOnly, faults
from maps.coordinates import Point
from maps.placement import near_centroid
from models.calendar import CELL_MINUTES
from models.ids import stable_id
from models.regions.files import ImportRefused, day_in, one_of, read_csv, whole
from models.regions.importing import regions_in
from models.venues.reading_concessions import concessions_in, school_holidays_in
from models.venues.rules import Opening, Window, openings_on
from models.venues.schedules import (
    PROVENANCES,
    free_windows,
    lowest_price,
    opening_sets,
    refuse_overlapping,
    window_sets,
)

MENDABLE = ("name", "address")


@dataclass(frozen=True, slots=True)
class CourtInFiles:
    columns: dict[str, Any]
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VenueInFiles:
    columns: dict[str, Any]
    region_key: str
    courts: tuple[CourtInFiles, ...]
    openings: tuple[tuple[Opening, str], ...]  # with their provenance
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class PlacesInFiles:
    regions: list[dict[str, Any]]
    partners: list[dict[str, Any]]
    sports: list[dict[str, Any]]
    holidays: list[dict[str, Any]]
    venues: list[VenueInFiles]
    concessions: dict[str, list[dict[str, Any]]]  # by reference; "" is every other venue's
    school_holidays: list[dict[str, Any]]


def read_places(folder: Path, *, today: date) -> PlacesInFiles:
    """Everything for the first start. A venue of a division that has ended by `today` belongs to its successor."""
    regions = regions_in(folder)
    sports: list[dict[str, Any]] = [
        {"code": row["code"], "name": row["name"], "position": position}
        for position, row in enumerate(read_csv(folder, "sports.csv"), start=1)
    ]
    venues = _Venues(folder, {region["key"]: region for region in regions}, [sport["code"] for sport in sports])
    return PlacesInFiles(
        regions=regions,
        partners=_partners(folder),
        sports=sports,
        holidays=[_holiday(row) for row in read_csv(folder, "holidays.csv")],
        venues=[venues.read(row, today) for row in read_csv(folder, "venues.csv")],
        concessions=concessions_in(venues.checked(folder, "concessions.csv")),
        school_holidays=school_holidays_in(read_csv(folder, "school_holidays.csv")),
    )


def _partners(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for row in read_csv(folder, "partner_platforms.csv"):
        where = f"partner_platforms.csv {row['code']}"
        one_of(row["provenance"], PROVENANCES, where)
        for fault in faults(JumpOnly(appid=row["appid"], path=row["path"], web=row["web"])):
            raise ImportRefused(f"{where}: {fault}")
        found.append(dict(row))
    return found


def demonstration_prices(folder: Path) -> int:
    """How many prices of the files nobody published: what a production start must not charge by oversight."""
    rows = read_csv(folder, "tariffs.csv")
    return sum(row["price_provenance"] == "DEMONSTRATION" and row["price_fen_per_hour"] != "0" for row in rows)


def _holiday(row: dict[str, str]) -> dict[str, Any]:
    where = f"holidays.csv {row['date']}"
    one_of(row["kind"], ("HOLIDAY", "MAKEUP_WORKDAY"), where)
    return {"date": day_in(row["date"], where), "kind": row["kind"], "name": row["name"]}


class _Venues:
    """The files that many venues share, read once."""

    def __init__(self, folder: Path, regions: dict[str, dict[str, Any]], sports: Sequence[str]) -> None:
        self.regions = regions
        self.sports = sports
        self.references = {row["ref"] for row in read_csv(folder, "venues.csv")}
        self.mends = self._by_reference(folder, "mends.csv")
        self.courts = self._by_reference(folder, "courts.csv")
        self.courts_by_type = _grouped(read_csv(folder, "demonstration_courts.csv"), "venue_type")
        self.elsewhere = {row["reference"]: row for row in self.checked(folder, "partner_venues.csv")}
        self.partners = [row["code"] for row in read_csv(folder, "partner_platforms.csv")]
        self.openings = opening_sets(self.checked(folder, "opening_hours.csv"))
        self.windows = window_sets(self.checked(folder, "tariffs.csv"))
        self.free = free_windows(self.checked(folder, "free_days.csv"))
        self._prices: dict[tuple[Any, ...], tuple[int, str]] = {}

    def checked(self, folder: Path, name: str) -> list[dict[str, str]]:
        """The rows of a file whose references and sports all exist."""
        found = read_csv(folder, name)
        for row in found:
            where = f"{name} {row['reference']}"
            if row["reference"] and row["reference"] not in self.references:
                raise ImportRefused(f"{where}: there is no such venue")
            if row.get("sport"):
                one_of(row["sport"], self.sports, where)
        return found

    def _by_reference(self, folder: Path, name: str) -> dict[str, list[dict[str, str]]]:
        return _grouped(self.checked(folder, name), "reference")

    def read(self, row: dict[str, str], today: date) -> VenueInFiles:
        ref = row["ref"]
        if ref in self.elsewhere:
            return self._booked_elsewhere(row, self.elsewhere[ref], today)
        courts = self._courts(row)
        openings = self._openings(row)
        windows, price_from = self._windows(ref, courts, [opening for opening, _ in openings])
        played = {court.columns["sport_code"] for court in courts}
        return VenueInFiles(
            columns={
                **self._known(row, played),
                "price_from_fen": price_from[0],
                "price_from_provenance": price_from[1],
                "partner_id": None,
                "their_id": "",
            },
            region_key=self._region_key(row["region_code"], today),
            courts=courts,
            openings=openings,
            windows=windows,
        )

    def _booked_elsewhere(self, row: dict[str, str], there: dict[str, str], today: date) -> VenueInFiles:
        """In the same lists, without courts, hours or prices of ours: who books it knows them."""
        where = f"partner_venues.csv {there['reference']}"
        one_of(there["partner"], self.partners, where)
        one_of(there["provenance"], PROVENANCES, where)
        played = {sport for sport in there["sports"].split("|") if sport}
        for sport in played:
            one_of(sport, self.sports, where)
        if not there["their_id"]:
            raise ImportRefused(f"{where}: the partner's own id of it is missing")
        return VenueInFiles(
            columns={
                **self._known(row, played),
                "price_from_fen": None,
                "price_from_provenance": "",
                "partner_id": there["partner"],
                "their_id": there["their_id"],
            },
            region_key=self._region_key(row["region_code"], today),
            courts=(),
            openings=(),
            windows=(),
        )

    def _known(self, row: dict[str, str], played: Collection[str]) -> dict[str, Any]:
        mended = mend(row, self.mends.get(row["ref"], ()))
        return {
            "public_id": stable_id("ven", row["ref"]),
            "ref": row["ref"],
            "name": mended["name"],
            "published_name": row["name"],
            "address": mended["address"],
            "published_address": row["address"],
            "venue_type": row["venue_type"],
            "published_facts": row["published_facts"],
            "is_open": True,
            "sport_codes": [sport for sport in self.sports if sport in played],
            **self._place(row),
        }

    def _place(self, row: dict[str, str]) -> dict[str, Any]:
        """The place and the codes of the divisions above. Chongqing's districts hang directly on the province."""
        where = f"venues.csv {row['ref']}"
        region = self.regions.get(row["region_code"])
        if region is None or not region["code"]:
            raise ImportRefused(f"{where}: unknown region code {row['region_code']!r}")
        if region["centroid_lon"] is None:
            raise ImportRefused(f"{where}: region {row['region_code']} has no centroid to stand at")
        place = near_centroid(row["ref"], Point(region["centroid_lon"], region["centroid_lat"]))
        above = self.regions[region["parent_key"]]
        return {
            "lon": place.lon,
            "lat": place.lat,
            "coordinate_quality": "DISTRICT_CENTROID",
            "city_code": above["code"],
            "province_code": above["parent_key"] or above["code"],
        }

    def _region_key(self, code: str, today: date) -> str:
        region = self.regions[code]
        while region["valid_to"] and region["valid_to"] <= today and region["successor_key"]:
            region = self.regions[region["successor_key"]]
        return str(region["key"])

    def _courts(self, venue: dict[str, str]) -> tuple[CourtInFiles, ...]:
        rows = self.courts.get(venue["ref"]) or [
            row | {"provenance": "DEMONSTRATION"} for row in self.courts_by_type.get(venue["venue_type"], ())
        ]
        if not rows:
            raise ImportRefused(f"venues.csv {venue['ref']}: no courts for {venue['venue_type']!r}")
        courts = tuple(self._court(venue["ref"], row, position) for position, row in enumerate(rows, start=1))
        if len({court.columns["public_id"] for court in courts}) < len(courts):
            raise ImportRefused(f"courts of {venue['ref']}: two of one sport have the same name")
        return courts

    def _court(self, ref: str, row: dict[str, str], position: int) -> CourtInFiles:
        where = f"courts of {ref}, {row['name']}"
        parts = [part for part in row["parts"].split("+") if part]
        if not parts or len(set(parts)) < len(parts):
            raise ImportRefused(f"{where}: a court covers at least one part, each once")
        slot_minutes, max_people = whole(row["slot_minutes"], where), whole(row["max_people"], where)
        if slot_minutes == 0 or slot_minutes % CELL_MINUTES or max_people == 0:
            raise ImportRefused(f"{where}: a slot is a whole number of half hours, for at least one person")
        one_of(row["provenance"], PROVENANCES, where)
        one_of(row["sport"], self.sports, where)
        return CourtInFiles(
            columns={
                "public_id": stable_id("crt", f"{ref}:{row['sport']}:{row['name']}"),
                "sport_code": row["sport"],
                "name": row["name"],
                "position": position,
                "slot_minutes": slot_minutes,
                "max_people": max_people,
                "is_open": True,
                "provenance": row["provenance"],
            },
            parts=tuple(f"{row['area']} {part}" for part in parts),
        )

    def _openings(self, venue: dict[str, str]) -> tuple[tuple[Opening, str], ...]:
        """The most specific set for the venue, and beside it the sets of sports with hours of their own."""
        ref, kind = venue["ref"], venue["venue_type"]
        sets = self.openings
        usual = sets.get((ref, "", "")) or sets.get(("", kind, "")) or sets.get(("", "", ""), ())
        own = [opening for key, rows in sets.items() if key[0] == ref and key[2] for opening in rows]
        return (*usual, *own)

    def _windows(
        self, ref: str, courts: Iterable[CourtInFiles], openings: Sequence[Opening]
    ) -> tuple[tuple[Window, ...], tuple[int, str]]:
        """The windows that decide for these courts, and the lowest price of an hour with its provenance."""
        chosen: dict[Window, None] = {}
        prices: list[tuple[int, str]] = []
        names = {court.columns["name"] for court in courts}
        for of_ref, _, name in self.windows:
            if of_ref == ref and name and name not in names:
                raise ImportRefused(f"tariffs.csv {ref}: there is no court {name!r}")
        for court in courts:
            sport, name = court.columns["sport_code"], court.columns["name"]
            key, windows = self._deciding_set(ref, sport, name)
            prices.append(self._lowest_price(key, windows, sport, openings))
            narrowed = name if key[2] else ""
            chosen |= {window._replace(sport_code=sport, court_name=narrowed): None for window in windows}
        free = (*self.free.get("", ()), *self.free.get(ref, ()))
        refuse_overlapping((*chosen, *free), f"tariffs.csv and free_days.csv {ref}")
        return (*chosen, *free), min(prices, key=lambda price: (price[0], price[1] != "PUBLISHED"))

    def _deciding_set(self, ref: str, sport: str, name: str) -> tuple[tuple[str, str, str], tuple[Window, ...]]:
        for reference in (ref, ""):
            for key in ((reference, sport, name), (reference, sport, ""), (reference, "", "")):
                if key in self.windows:
                    return key, self.windows[key]
        raise ImportRefused(f"tariffs.csv: nothing says what {name} of {ref} costs")

    def _lowest_price(
        self, key: tuple[str, str, str], windows: tuple[Window, ...], sport: str, openings: Sequence[Opening]
    ) -> tuple[int, str]:
        """Checks on the way that every half hour of every kind of day in which the court is open has a price."""
        open_all_week = tuple(openings_on(openings, weekday, sport) for weekday in range(7))
        known = self._prices.get((key, open_all_week))
        if known is None:
            known = self._prices[(key, open_all_week)] = lowest_price(windows, open_all_week)
        return known


def mend(row: Mapping[str, str], mends: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The row with each mend applied, in file order, at the one place that reads as published."""
    mended = dict(row)
    for each in mends:
        where = f"mends.csv {each['reference']} {each['field']} {each['published']!r}"
        one_of(each["field"], MENDABLE, where)
        if not each["published"] or mended[each["field"]].count(each["published"]) != 1:
            raise ImportRefused(f"{where}: does not apply to {mended[each['field']]!r}")
        mended[each["field"]] = mended[each["field"]].replace(each["published"], each["mended"])
    return mended


def _grouped(rows: Iterable[dict[str, str]], column: str) -> dict[str, list[dict[str, str]]]:
    groups: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        groups[row[column]].append(row)
    return groups
