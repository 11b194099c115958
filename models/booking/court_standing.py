"""What a court that staff write is held against: its venue on its first day, the other courts, tariffs, bookings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from models import database
from models.booking import court_rules as rules
from models.booking.court_rules import Booked, CourtWanted, Standing
from models.booking.queries import timetable
from models.booking.rules import CourtFacts
from models.booking.timetables import Timetable
from models.calendar import instant_of, step_of
from models.errors import DomainError, ErrorCode, KeyReused
from models.venues.court_versions import COURT_NAME, MAX_PEOPLE, SLOT_MINUTES, STANDS, courts_on
from models.venues.rules import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What a court would be held against: its venue on its first day."""

    table: Timetable
    sport_known: bool
    court: Standing | None
    """None: a new one."""
    floors: Sequence[CourtFacts]
    borne: frozenset[str]
    """Names of the sport's other courts, whenever they had them."""
    priced: frozenset[str]
    """Names that tariffs of these days have."""
    last_position: int

    @property
    def venue_id(self) -> int:
        return self.table.venue_id


async def before_writing(venue_id: str, wanted: CourtWanted) -> Before:
    table = await timetable(venue_id=venue_id, sport=None, day=wanted.from_day)
    courts = {row["public_id"]: row for row in await database.rows(_COURTS, table.venue_id, wanted.from_day)}
    court = courts.get(wanted.court_id) if wanted.court_id else None
    if wanted.court_id and court is None:
        raise _court_unknown("courtId")
    on_that_day = {each.public_id: each for each in table.courts}
    if any(floor not in on_that_day for floor in wanted.floor_of):
        raise _court_unknown("floorOf")
    sport = court["sport_code"] if court else wanted.sport_code
    others = [row for row in courts.values() if row is not court and row["sport_code"] == sport]
    return Before(
        table=table,
        sport_known=bool(await database.row("SELECT 1 FROM sport WHERE code = $1", sport)),
        court=court and _standing(court),
        floors=[on_that_day[floor] for floor in dict.fromkeys(wanted.floor_of)],
        borne=frozenset(name for row in others for name in (row["own_name"], *database.gathered(row["names"]))),
        priced=frozenset(await _priced(table.venue_id, sport, wanted.from_day)),
        last_position=max((row["position"] for row in courts.values()), default=0),
    )


def _standing(row: Any) -> Standing:
    return Standing(
        CourtFacts(
            *(row["id"], row["public_id"], row["name"], row["sport_code"], row["slot_minutes"], row["max_people"]),
            tuple(sorted(database.gathered(row["parts"]))),
        ),
        bool(row["stands"]),
        int(row["last_number"] or 0),
        row["last_day"] and database.day(row["last_day"]),
    )


async def _priced(venue_id: int, sport: str, from_day: date) -> set[str]:
    """Names of courts in every tariff that holds on that day or later."""
    versions = await database.rows(
        """SELECT number, from_day, to_day, windows FROM tariff_version
            WHERE venue_id = $1 AND (to_day IS NULL OR to_day > $2)""",
        *(venue_id, from_day),
    )
    files = await database.rows("SELECT sport_code, court_name FROM tariff_window WHERE venue_id = $1", venue_id)
    return rules.named_by_tariffs(
        [
            rules.Tariff(
                row["number"],
                database.day(row["from_day"]),
                row["to_day"] and database.day(row["to_day"]),
                [Window(*window) for window in database.gathered(row["windows"])],
            )
            for row in versions
        ],
        [(row["sport_code"], row["court_name"]) for row in files],
        sport_code=sport,
        from_day=from_day,
    )


async def booked_on(before: Before, wanted: CourtWanted, now: datetime) -> list[Booked]:
    if before.court is None:
        return []
    first = max(step_of(instant_of(wanted.from_day, 0)), step_of(now) + 1)
    found = await database.rows(_BOOKED, before.venue_id, before.court.facts.id, first, now)
    return [
        Booked(
            row["order_no"],
            database.utc(row["starts_at"]),
            database.utc(row["ends_at"]),
            row["people"],
            row["status"] == "PAID",
        )
        for row in found
    ]


async def written_before(venue_id: str, key: str, asked: str) -> tuple[str, int] | None:
    found = await database.row(
        """SELECT court.public_id, version.number, version.request_hash
             FROM court_version version JOIN court ON court.id = version.court_id
             JOIN venue ON venue.id = version.venue_id
            WHERE venue.public_id = $1 AND version.request_key = $2""",
        venue_id,
        key,
    )
    if found is None:
        return None
    if found["request_hash"] != asked:
        raise KeyReused("一次修改")
    return str(found["public_id"]), int(found["number"])


def _court_unknown(field: str) -> DomainError:
    return DomainError(
        "这个场馆那天没有这片场地。", code=ErrorCode.COURT_UNKNOWN, next_step="请重新选择。", field=field
    )


_COURTS = f"""
SELECT court.id, court.public_id, court.sport_code, court.position, court.name AS own_name, {COURT_NAME} AS name,
       {SLOT_MINUTES} AS slot_minutes, {MAX_PEOPLE} AS max_people, {STANDS} AS stands,
       (SELECT json_agg(part_id) FROM court_cover WHERE court_id = court.id) AS parts,
       (SELECT json_agg(name) FROM court_version WHERE court_id = court.id) AS names,
       (SELECT MAX(number) FROM court_version WHERE court_id = court.id) AS last_number,
       (SELECT MAX(from_day) FROM court_version WHERE court_id = court.id) AS last_day
  FROM court {courts_on("$2")} WHERE court.venue_id = $1"""
_BOOKED = """
SELECT orders.order_no, line.starts_at, line.ends_at, line.people, orders.status
  FROM order_line line JOIN orders ON orders.id = line.order_id
 WHERE line.id IN (SELECT order_line_id FROM held_cell
                    WHERE venue_id = $1 AND step >= $3 AND order_line_id IS NOT NULL)
   AND line.court_id = $2 AND line.starts_at > $4
 ORDER BY line.starts_at, line.id"""
