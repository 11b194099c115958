"""Brings the booking rules of `data/booking_rules.csv` into the database, beside the places of `models.venues`."""

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from models import database
from models.booking.contradictions import contradictions
from models.booking.limits import LIMIT_COLUMNS, Limits
from models.booking.tables import BookingRule
from models.booking.versions import RuleKey, place_of, put
from models.regions.bringing import ImportReport
from models.regions.files import ImportRefused, day_in, one_of, read_csv, whole
from models.venues.schedules import PROVENANCES, minute_in
from models.venues.tables import Sport, Venue

FILE = "booking_rules.csv"
ALWAYS = date(2000, 1, 1)
NONE = "-"
"""In a cell of a venue's row: there is no such limit here, though the default has one."""
_NULLABLE = (
    *("minutes_a_person_a_day", "courts_a_person_a_week", "minutes_a_person_a_week", "most_players"),
    *("check_in_minutes", "no_shows", "no_show_days", "pause_days"),
    *("series_weeks", "series_a_person", "group_days_ahead", "cancel_free_minutes", "cancel_kept_percent"),
)
_TRUTHS = ("companions_named", "real_name_needed")
_Key = tuple[str, str, date]


async def import_booking_rules(*, folder: Path, report: ImportReport, now: datetime) -> None:
    """Makes the files' rules stand, as new versions where they changed, and adds to the report what was touched. What
    staff wrote stays. Run it after the venues' import. Raises ImportRefused, and has then written nothing."""
    await _bring_in(booking_rules_in(folder), report, now)


def booking_rules_in(folder: Path) -> dict[_Key, dict[str, Any]]:
    """By reference, sport and first day. An empty cell is that of the default row; a sport's that of its venue."""
    rows = read_csv(folder, FILE)
    texts: dict[_Key, dict[str, str]] = {}
    for row in rows:
        key = (row["reference"], row["sport"], day_in(row["from_day"], _where(row)) or ALWAYS)
        if key in texts:
            raise ImportRefused(f"{_where(row)}: two rules that begin on the same day")
        texts[key] = row
    default = texts.get(("", "", ALWAYS))
    if default is None:
        raise ImportRefused(f"{FILE}: there is no default row")
    rules = {}
    for key, row in texts.items():
        below = (texts.get((key[0], "", ALWAYS)) if key[1] else None) or default
        rules[key] = _rule(row, below, default)
    return rules


def _rule(row: Mapping[str, str], below: Mapping[str, str], default: Mapping[str, str]) -> dict[str, Any]:
    where = _where(row)
    filled = {column: cell or below[column] or default[column] for column, cell in row.items()}
    one_of(row["provenance"], PROVENANCES, where)
    rule: dict[str, Any] = {
        "to_day": day_in(row["to_day"], where),
        "provenance": row["provenance"],
        "source": row["source"],
        "release_minute": minute_in(filled["release_time"], where),
        "published": " ".join(_published(row)),
    }
    for column in LIMIT_COLUMNS:
        if column == "release_minute":
            continue
        cell = filled[column]
        if column in _NULLABLE and cell in ("", NONE):
            rule[column] = None
        elif column in _TRUTHS:
            one_of(cell, ("yes", "no"), where)
            rule[column] = cell == "yes"
        else:
            rule[column] = whole(cell, where)
    return rule


def _published(row: Mapping[str, str]) -> list[str]:
    """Of a published row the figures that it gives itself: what it leaves to the default, nobody published."""
    if row["provenance"] != "PUBLISHED":
        return []
    return [name for name in LIMIT_COLUMNS if row["release_time" if name == "release_minute" else name]]


def _where(row: Mapping[str, str]) -> str:
    return " ".join(filter(None, (FILE, row["reference"], row["sport"], row["from_day"]))).strip()


@database.operation
async def _bring_in(rules: Mapping[_Key, dict[str, Any]], report: ImportReport, now: datetime) -> None:
    await database.alone_with("import of booking rules")
    venue_ids = {venue["ref"]: venue["id"] for venue in await Venue.all().values("ref", "id")}
    sports = {sport["code"] for sport in await Sport.all().values("code")}
    standing = {
        (rule.venue_id, rule.sport_code, rule.from_day): rule
        for rule in await BookingRule.filter(replaced_at=None)
    }
    for (reference, sport, from_day), columns in rules.items():
        where = " ".join(filter(None, (FILE, reference, sport)))
        if reference and reference not in venue_ids:
            raise ImportRefused(f"{where}: there is no such venue")
        if sport and sport not in sports:
            raise ImportRefused(f"{where}: there is no sport {sport!r}")
        key = RuleKey(venue_id=venue_ids[reference] if reference else None, sport_code=sport, from_day=from_day)
        limits = Limits(*(columns[name] for name in LIMIT_COLUMNS))
        said = next(contradictions(limits, await place_of(key), from_day=from_day, to_day=columns["to_day"]), None)
        if said is not None:
            raise ImportRefused(f"{where}: {said}")
        known = standing.pop((key.venue_id, sport, from_day), None)
        if known is not None and (
            known.made_by_id is not None or all(getattr(known, name) == value for name, value in columns.items())
        ):
            continue
        await put(key, columns, known, staff_id=None, now=now)
        report.count("booking_rule", **({"added": 1} if known is None else {"changed": 1}))
    gone = [rule.id for rule in standing.values() if rule.made_by_id is None]
    await BookingRule.filter(id__in=gone).update(replaced_at=now)
    report.count("booking_rule", removed=len(gone))
