"""Staff add a court, join several into one, change or retire one from a day on: first seen as a preview, then written.

A court's versions follow one another in time; whoever looks at a day sees the one of that day. What is booked keeps its
cells and its court; what is booked on a court that is retired goes the way of a closure (`turning`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson

from models import database
from models.booking import court_rules as rules
from models.booking.closure_rules import ClosureKind, notice_text
from models.booking.court_rules import Booked, CourtWanted, Standing
from models.booking.editing import KEY, demand_editing
from models.booking.queries import timetable
from models.booking.rules import CourtFacts
from models.booking.timetables import Timetable
from models.booking.turning import close_booked, turn_courts_of
from models.calendar import business_day, instant_of, step_of
from models.errors import BadInput, DomainError, ErrorCode
from models.ids import new_id, request_hash
from models.staff.rules import StaffSignedIn
from models.venues.checking import CourtNamed, gap
from models.venues.court_versions import COURT_NAME, MAX_PEOPLE, SLOT_MINUTES, STANDS, courts_on
from models.venues.rules import Window
from models.venues.tables import Court, CourtCover, CourtPart, CourtVersion
from models.venues.writing import preview_changed

MOST_LISTED = 50
_NOT_YET = 0
"""The id of a court that is not written yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CourtPreview:
    """What writing would do now; what it would be refused with, the preview is refused with."""

    from_day: date
    changes: Sequence[str]
    bookings: int
    """On this court, from then on."""
    bookings_otherwise: int
    listed: Sequence[Booked]
    """They, the earliest first, at most MOST_LISTED."""
    promise: str
    change_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Before:
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


async def preview_court(
    *, clerk: StaffSignedIn, venue_id: str, wanted: CourtWanted, now: datetime
) -> CourtPreview:
    """Raises NOT_ALLOWED, also for a venue that is none; VENUE_CLOSED, COURT_UNKNOWN, SPORT_UNKNOWN, BAD_INPUT,
    RULES_INVALID. Six statements."""
    await demand_editing(clerk, venue_id)
    before = await _checked(venue_id, wanted, now)
    booked = await _booked(before, wanted, now)
    differ = rules.otherwise(wanted, booked, before.table.openings, _facts(before, wanted).sport_code)
    return CourtPreview(
        from_day=wanted.from_day,
        changes=list(_changes(before, wanted, booked, now)),
        bookings=len(booked),
        bookings_otherwise=differ,
        listed=booked[:MOST_LISTED],
        promise=rules.promise(wanted, len(booked), differ),
        change_hash=_hash(before, wanted),
    )


@database.operation
async def write_court(
    *,
    clerk: StaffSignedIn,
    venue_id: str,
    wanted: CourtWanted,
    expected_change: str,
    idempotency_key: str,
    now: datetime,
) -> tuple[str, int]:
    """The court's public id and the number of its new version. The same again under its key changes nothing.

    Raises what the preview raises, PREVIEW_CHANGED and IDEMPOTENCY_KEY_REUSED.
    """
    await demand_editing(clerk, venue_id)
    if not KEY.fullmatch(idempotency_key):
        raise BadInput("幂等键应为8到64个英文字符或数字。", next_step="请刷新页面后再试。", field="idempotencyKey")
    await database.alone_with(f"courts of {venue_id}")
    asked = request_hash(*_asked(wanted), wanted.note)
    repeated = await _written_before(venue_id, idempotency_key, asked)
    if repeated:
        return repeated
    before = await _checked(venue_id, wanted, now)
    if expected_change != _hash(before, wanted):
        raise preview_changed()
    court = await _laid(before, wanted) if before.court is None else before.court.facts
    number = (before.court.last_number if before.court else 0) + 1
    await CourtVersion.create(
        court_id=court.id,
        venue_id=before.venue_id,
        number=number,
        from_day=wanted.from_day,
        name=wanted.name,
        slot_minutes=wanted.slot_minutes,
        max_people=wanted.max_people,
        retired=wanted.retired,
        note=wanted.note.strip(),
        request_key=idempotency_key,
        request_hash=asked,
        written_by_id=clerk.staff_id,
        written_at=now,
    )
    await turn_courts_of(before.venue_id, now=now)
    if wanted.retired:
        await close_booked(before.venue_id, now=now)
    return court.public_id, number


async def _checked(venue_id: str, wanted: CourtWanted, now: datetime) -> _Before:
    """What stands, after every rule was asked."""
    rules.check_itself(wanted, business_day(now))
    before = await _before(venue_id, wanted)
    if before.court is None:
        if not before.sport_known:
            raise DomainError(
                "没有这个运动项目。", code=ErrorCode.SPORT_UNKNOWN, next_step="请从列出的项目里选。", field="sport"
            )
        rules.check_new(wanted, before.floors, before.table.courts)
    else:
        rules.check_edited(wanted, before.court)
    rules.check_name(wanted, before.borne, before.priced, before.court.facts.name if before.court else "")
    if not wanted.retired:
        facts = _facts(before, wanted)
        limits = before.table.limits_of(facts.sport_code)
        rules.check_can_be_booked(facts, before.table.openings, limits, wanted.from_day)
    return before


def _facts(before: _Before, wanted: CourtWanted) -> CourtFacts:
    """The court as it shall be."""
    new = CourtFacts(_NOT_YET, "", "", wanted.sport_code, 0, 0, tuple(sorted(rules.parts_of(before.floors))))
    was = before.court.facts if before.court else new
    return was._replace(name=wanted.name, slot_minutes=wanted.slot_minutes, max_people=wanted.max_people)


def _changes(before: _Before, wanted: CourtWanted, booked: Sequence[Booked], now: datetime) -> Iterator[str]:
    yield from rules.sentences(wanted, before.court, before.floors)
    facts = _facts(before, wanted)
    named = CourtNamed(facts.sport_code, facts.name)
    if not wanted.retired and gap(before.table.windows, [named], before.table.openings) is not None:
        yield f"{wanted.name}还有开放时间没有定价；写好价目之前，那些时段不能预订。"
    if wanted.retired and booked:
        yield notice_text(ClosureKind.OTHER, booked[0].starts_at, now)


def _asked(wanted: CourtWanted) -> Sequence[Any]:
    return (
        *(wanted.court_id or "", wanted.sport_code, sorted(wanted.floor_of), wanted.name),
        *(wanted.slot_minutes, wanted.max_people, wanted.retired, str(wanted.from_day)),
    )


def _hash(before: _Before, wanted: CourtWanted) -> str:
    """Another one as soon as what would be written, or anything that it would be held against, is another."""
    return request_hash(
        *_asked(wanted),
        sorted((*court[:6], list(court.part_ids)) for court in before.table.courts),
        sorted(before.table.openings),
        sorted(before.table.windows),
        before.table.limits_of(_facts(before, wanted).sport_code),
        [before.court and [before.court.last_number, before.court.stands], sorted(before.borne)],
    )


async def _before(venue_id: str, wanted: CourtWanted) -> _Before:
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
    return _Before(
        table=table,
        sport_known=bool(await database.row("SELECT 1 FROM sport WHERE code = $1", sport)),
        court=court and _standing(court),
        floors=[on_that_day[floor] for floor in dict.fromkeys(wanted.floor_of)],
        borne=frozenset(name for row in others for name in (row["own_name"], *_json(row["names"]))),
        priced=frozenset(await _priced(table.venue_id, sport, wanted.from_day)),
        last_position=max((row["position"] for row in courts.values()), default=0),
    )


def _standing(row: Any) -> Standing:
    return Standing(
        CourtFacts(
            *(row["id"], row["public_id"], row["name"], row["sport_code"], row["slot_minutes"], row["max_people"]),
            tuple(sorted(_json(row["parts"]))),
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
                [Window(*window) for window in _json(row["windows"])],
            )
            for row in versions
        ],
        [(row["sport_code"], row["court_name"]) for row in files],
        sport_code=sport,
        from_day=from_day,
    )


async def _booked(before: _Before, wanted: CourtWanted, now: datetime) -> list[Booked]:
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


async def _laid(before: _Before, wanted: CourtWanted) -> CourtFacts:
    """A new court, closed until its day comes, over the floors that it covers or a part of its own."""
    facts = _facts(before, wanted)
    public_id = new_id("crt")
    court = await Court.create(
        public_id=public_id,
        venue_id=before.venue_id,
        sport_code=wanted.sport_code,
        name=wanted.name,
        position=before.last_position + 1,
        slot_minutes=wanted.slot_minutes,
        max_people=wanted.max_people,
        is_open=False,
        provenance="PUBLISHED",
    )
    parts = facts.part_ids
    if not parts:
        parts = ((await CourtPart.create(venue_id=before.venue_id, name=public_id)).id,)
    await CourtCover.bulk_create(CourtCover(court_id=court.id, part_id=part) for part in parts)
    return facts._replace(id=court.id, public_id=public_id, part_ids=parts)


async def _written_before(venue_id: str, key: str, asked: str) -> tuple[str, int] | None:
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
        raise DomainError(
            "这个幂等键已经用于另一次修改。",
            code=ErrorCode.IDEMPOTENCY_KEY_REUSED,
            next_step="请换一个新的幂等键再提交。",
            field="idempotencyKey",
        )
    return str(found["public_id"]), int(found["number"])


def _court_unknown(field: str) -> DomainError:
    return DomainError(
        "这个场馆那天没有这片场地。", code=ErrorCode.COURT_UNKNOWN, next_step="请重新选择。", field=field
    )


def _json(told: Any) -> Any:
    return (orjson.loads(told) if isinstance(told, str | bytes) else told) or []


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
