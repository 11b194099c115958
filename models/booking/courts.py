"""Staff add a court, join several into one, change or retire one from a day on: first seen as a preview, then written.

A court's versions follow one another in time; whoever looks at a day sees the one of that day. What is booked keeps its
cells and its court; what is booked on a court that is retired goes the way of a closure (`turning`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from models import database
from models.booking import court_rules as rules
from models.booking.closure_rules import ClosureKind, notice_text
from models.booking.court_rules import Booked, CourtWanted
from models.booking.court_standing import Before, before_writing, booked_on, written_before
from models.booking.draw_cuts import DrawCut, Slots, draw_cuts, slots_of_court
from models.booking.editing import KEY, demand_editing
from models.booking.rules import CourtFacts
from models.booking.turning import WAKES, close_booked, turn_courts_of
from models.calendar import business_day
from models.errors import DomainError, ErrorCode, wrong_key
from models.ids import new_id, request_hash
from models.staff.rules import StaffSignedIn
from models.venues.checking import CourtNamed, gap
from models.venues.rules import Opening
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
    draws: Sequence[DrawCut]
    change_hash: str


async def preview_court(
    *, clerk: StaffSignedIn, venue_id: str, wanted: CourtWanted, now: datetime
) -> CourtPreview:
    """Raises NOT_ALLOWED, also for a venue that is none; VENUE_CLOSED, COURT_UNKNOWN, SPORT_UNKNOWN, BAD_INPUT,
    RULES_INVALID. Seven statements."""
    await demand_editing(clerk, venue_id)
    before = await _checked(venue_id, wanted, now)
    booked = await booked_on(before, wanted, now)
    differ = rules.otherwise(wanted, booked, before.table.openings, _facts(before, wanted).sport_code)
    return CourtPreview(
        from_day=wanted.from_day,
        changes=list(_changes(before, wanted, booked, now)),
        bookings=len(booked),
        bookings_otherwise=differ,
        listed=booked[:MOST_LISTED],
        promise=rules.promise(wanted, len(booked), differ),
        draws=await _cut(before, wanted),
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
        raise wrong_key(fewest=8)
    await database.alone_with(f"courts of {venue_id}")
    asked = request_hash(*_asked(wanted), wanted.note)
    repeated = await written_before(venue_id, idempotency_key, asked)
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
    database.ring(WAKES)
    return court.public_id, number


async def _checked(venue_id: str, wanted: CourtWanted, now: datetime) -> Before:
    """What stands, after every rule was asked."""
    rules.check_itself(wanted, business_day(now))
    before = await before_writing(venue_id, wanted)
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


def _facts(before: Before, wanted: CourtWanted) -> CourtFacts:
    """The court as it shall be."""
    new = CourtFacts(_NOT_YET, "", "", wanted.sport_code, 0, 0, tuple(sorted(rules.parts_of(before.floors))))
    was = before.court.facts if before.court else new
    return was._replace(name=wanted.name, slot_minutes=wanted.slot_minutes, max_people=wanted.max_people)


def _changes(before: Before, wanted: CourtWanted, booked: Sequence[Booked], now: datetime) -> Iterator[str]:
    yield from rules.sentences(wanted, before.court, before.floors)
    facts = _facts(before, wanted)
    named = CourtNamed(facts.sport_code, facts.name)
    if not wanted.retired and gap(before.table.windows, [named], before.table.openings) is not None:
        yield f"{wanted.name}还有开放时间没有定价；写好价目之前，那些时段不能预订。"
    if wanted.retired and booked:
        yield notice_text(ClosureKind.OTHER, booked[0].starts_at, now)


async def _cut(before: Before, wanted: CourtWanted) -> list[DrawCut]:
    """No version of the court is later than the one that is written."""
    if before.court is None:
        return []
    court_id, facts = before.court.facts.id, _facts(before, wanted)

    def remaining(day: date, court: CourtFacts, openings: Sequence[Opening]) -> Slots:
        if court.id != court_id:
            return slots_of_court(day, court, openings)
        return () if wanted.retired else slots_of_court(day, facts, openings)

    return await draw_cuts(before.venue_id, wanted.from_day, date.max, remaining)


def _asked(wanted: CourtWanted) -> Sequence[Any]:
    return (
        *(wanted.court_id or "", wanted.sport_code, sorted(wanted.floor_of), wanted.name),
        *(wanted.slot_minutes, wanted.max_people, wanted.retired, str(wanted.from_day)),
    )


def _hash(before: Before, wanted: CourtWanted) -> str:
    """Another one as soon as what would be written, or anything that it would be held against, is another."""
    return request_hash(
        *_asked(wanted),
        sorted((*court[:6], list(court.part_ids)) for court in before.table.courts),
        sorted(before.table.openings),
        sorted(before.table.windows),
        before.table.limits_of(_facts(before, wanted).sport_code),
        [before.court and [before.court.last_number, before.court.stands], sorted(before.borne)],
    )


async def _laid(before: Before, wanted: CourtWanted) -> CourtFacts:
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
