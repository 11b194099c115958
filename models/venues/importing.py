"""Brings the divisions, venues, courts, hours and prices of `data/` into the database, in one transaction."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from models import database
from models.regions.bringing import ImportReport, bring
from models.regions.importing import import_regions
from models.regions.tables import Region
from models.venues.reading import PlacesInFiles, VenueInFiles, read_places
from models.venues.tables import (
    ConcessionRule,
    Court,
    CourtCover,
    CourtPart,
    CourtVersion,
    Holiday,
    OpeningHours,
    PartnerPlatform,
    SchoolHoliday,
    Sport,
    TariffWindow,
    Venue,
)


async def import_places(*, folder: Path, today: date) -> ImportReport:
    """Makes the database say what the files say. The second time it changes nothing.

    A venue or court that vanished from the files is closed, never deleted: orders point to it. Raises
    ImportRefused, and has then written nothing.
    """
    return await _bring_in(read_places(folder, today=today))


@database.operation
async def _bring_in(places: PlacesInFiles) -> ImportReport:
    report = ImportReport()
    if database.on_postgres():
        await database.rows("SET LOCAL lock_timeout = '60s'")  # another import takes longer than people wait
    await database.alone_with("import of places")
    await import_regions(places.regions, report)
    await bring(PartnerPlatform, places.partners, key=("code",), report=report)
    await bring(Sport, places.sports, key=("code",), report=report)
    await bring(Holiday, places.holidays, key=("date",), report=report, vanished="removed")
    venue_ids = await _bring_venues(places.venues, report)
    venues = [(venue_ids[venue.columns["ref"]], venue) for venue in places.venues]
    await _bring_courts(venues, report)
    await _bring_hours_and_prices(venues, report)
    await _bring_concessions(places, venue_ids, report)
    await bring(
        SchoolHoliday,
        places.school_holidays,
        key=("province_code", "from_day"),
        report=report,
        vanished="removed",
    )
    return report


async def _bring_venues(venues: Sequence[VenueInFiles], report: ImportReport) -> dict[str, int]:
    region_ids = {row["key"]: row["id"] for row in await Region.all().values("key", "id")}
    edited = {row["venue__ref"] for row in await CourtVersion.all().values("venue__ref")}
    wanted = [venue.columns | {"region_id": region_ids[venue.region_key]} for venue in venues]
    for columns in wanted:
        if columns["ref"] in edited:  # what is played there hangs on courts that are no more the files'
            del columns["sport_codes"]
    await bring(Venue, wanted, key=("ref",), report=report, vanished="closed")
    return {row["ref"]: row["id"] for row in await Venue.all().values("ref", "id")}


Venues = Sequence[tuple[int, VenueInFiles]]


async def _bring_courts(venues: Venues, report: ImportReport) -> None:
    """Courts, their parts and which covers which. A closed venue's courts are left as they were, and so are those that
    staff wrote."""
    ids = {venue_id for venue_id, _ in venues}
    written = {row["court__public_id"] for row in await CourtVersion.all().values("court__public_id")}
    courts = [(venue_id, court) for venue_id, venue in venues for court in venue.courts]
    await bring(
        Court,
        [
            court.columns | {"venue_id": venue_id}
            for venue_id, court in courts
            if court.columns["public_id"] not in written
        ],
        key=("public_id",),
        report=report,
        within=lambda row: row["venue_id"] in ids and row["public_id"] not in written,
        vanished="closed",
    )
    parts = dict.fromkeys((venue_id, name) for venue_id, court in courts for name in court.parts)
    await bring(
        CourtPart,
        [{"venue_id": venue_id, "name": name} for venue_id, name in parts],
        key=("venue_id", "name"),
        report=report,
    )
    court_ids = {row["public_id"]: row["id"] for row in await Court.all().values("public_id", "id")}
    part_ids = {
        (row["venue_id"], row["name"]): row["id"] for row in await CourtPart.all().values("venue_id", "name", "id")
    }
    wanted_courts = {court_ids[court.columns["public_id"]] for _, court in courts}
    await bring(
        CourtCover,
        [
            {"court_id": court_ids[court.columns["public_id"]], "part_id": part_ids[(venue_id, name)]}
            for venue_id, court in courts
            for name in court.parts
        ],
        key=("court_id", "part_id"),
        report=report,
        within=lambda row: row["court_id"] in wanted_courts,
        vanished="removed",
    )


async def _bring_hours_and_prices(venues: Venues, report: ImportReport) -> None:
    """Nothing points to these rows, so what vanished from an open venue goes. Of hours only the files' own are touched:
    what staff wrote has other versions."""
    ids = {venue_id for venue_id, _ in venues}
    await bring(
        OpeningHours,
        [
            {
                "venue_id": venue_id,
                "version": 0,
                "sport_code": opening.sport_code,
                "weekday": opening.weekday,
                "opens_minute": opening.opens_minute,
                "closes_minute": opening.closes_minute,
                "provenance": provenance,
            }
            for venue_id, venue in venues
            for opening, provenance in venue.openings
        ],
        key=("venue_id", "sport_code", "weekday", "opens_minute"),
        report=report,
        within=lambda row: row["venue_id"] in ids and row["version"] == 0,
        vanished="removed",
    )
    await bring(
        TariffWindow,
        [
            {
                "venue_id": venue_id,
                "sport_code": window.sport_code,
                "court_name": window.court_name,
                "day_kind": window.days,
                "from_minute": window.from_minute,
                "to_minute": window.to_minute,
                "kind": window.kind,
                "price_fen_per_hour": window.price_fen_per_hour,
                "window_provenance": window.window_provenance,
                "price_provenance": window.price_provenance,
                "source": window.source,
            }
            for venue_id, venue in venues
            for window in venue.windows
        ],
        key=("venue_id", "sport_code", "court_name", "day_kind", "from_minute"),
        report=report,
        within=lambda row: row["venue_id"] in ids,
        vanished="removed",
    )


async def _bring_concessions(places: PlacesInFiles, venue_ids: dict[str, int], report: ImportReport) -> None:
    """Every venue's, then those of venues that have their own."""
    everybodys = places.concessions.get("", [])
    await bring(
        ConcessionRule,
        [{"venue_id": None, **rule} for rule in everybodys],
        key=("kind",),
        report=report,
        within=lambda row: row["venue_id"] is None,
        vanished="removed",
    )
    await bring(
        ConcessionRule,
        [
            {"venue_id": venue_ids[reference], **rule}
            for reference, rules in places.concessions.items()
            if reference
            for rule in rules
        ],
        key=("venue_id", "kind"),
        report=report,
        within=lambda row: row["venue_id"] is not None,
        vanished="removed",
    )
