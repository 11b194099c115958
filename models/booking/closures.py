"""Closing a venue, a sport of it or a court for a time: who may, what it touches, and taking it back.

Announcing writes one row. Whoever asks for a slot reads it with the timetable; what was booked before, or slipped in
meanwhile, is found by what it holds (`touched`), again and again for as long as the closure lasts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from models import database
from models.audit.deeds import concerning
from models.booking.closure_rules import Closed, ClosureKind, check_closure, days_of, keeps_notice, notice_text
from models.booking.draw_cuts import DrawCut, Slots, draw_cuts, slots_of_court
from models.booking.rules import CourtFacts, aware
from models.booking.tables import Closure
from models.calendar import instant_of, steps_between
from models.errors import BadInput, DomainError, ErrorCode, KeyReused, wrong_key
from models.ids import new_id, request_hash
from models.staff import powers
from models.staff.rules import Power, StaffSignedIn
from models.venues.rules import Opening

JOB = "mind_closures"
MOST_SHOWN = 50
_LONGEST_KEY = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosureWanted:
    """`venue_id` and `court_id` are public; neither a sport nor a court: the whole venue."""

    venue_id: str
    sport: str | None = None
    court_id: str | None = None
    starts_at: datetime
    ends_at: datetime
    kind: ClosureKind
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosurePreview:
    """Whom a closure would touch at this moment. `refund_fen`: of the citizens' own money, what its lines were paid with."""

    orders: int
    lines: int
    people: int
    refund_fen: int
    unpaid_orders: int
    keeps_notice: bool
    notice: str
    draws: Sequence[DrawCut]


@dataclass(frozen=True, slots=True)
class Lies:
    """Where a closure lies, by rows' ids. Without sport, court and session: the whole venue."""

    venue_id: int
    sport_code: str
    court_id: int | None
    starts_at: datetime
    ends_at: datetime
    closure_id: int = 0
    session_id: int | None = None


async def preview(*, clerk: StaffSignedIn, wanted: ClosureWanted, now: datetime) -> ClosurePreview:
    """Raises NOT_ALLOWED, COURT_UNKNOWN, SPORT_UNKNOWN, BAD_INPUT."""
    lies = await _placed(clerk, wanted, now)
    lines = await touched(lies)
    paid = [line for line in lines if line["status"] == "PAID" and not line["entered"]]
    return ClosurePreview(
        orders=len({line["order_id"] for line in paid}),
        lines=len(paid),
        people=sum(line["people"] for line in paid),
        refund_fen=sum(line["price_fen"] - line["voucher_fen"] for line in paid),
        unpaid_orders=len({line["order_id"] for line in lines if line["status"] != "PAID"}),
        keeps_notice=keeps_notice(wanted.kind, lies.starts_at, now),
        notice=notice_text(wanted.kind, lies.starts_at, now),
        draws=await _cut(lies),
    )


async def announce(*, clerk: StaffSignedIn, wanted: ClosureWanted, key: str, now: datetime) -> str:
    """Closes, and wakes the job that asks those who booked; gives the closure's id. The same key with the same closure is
    the same one.

    Raises NOT_ALLOWED, COURT_UNKNOWN, SPORT_UNKNOWN, BAD_INPUT, IDEMPOTENCY_KEY_REUSED.
    """
    if not 1 <= len(key) <= _LONGEST_KEY or not key.isprintable() or not key.isascii():
        raise wrong_key()
    await powers.demand(clerk, Power.MANAGE_CLOSURES, venue_id=wanted.venue_id)
    asked = request_hash(
        *(wanted.venue_id, wanted.sport or "", wanted.court_id or "", wanted.kind.value, wanted.reason.strip()),
        *(aware(wanted.starts_at).timestamp(), aware(wanted.ends_at).timestamp()),
    )
    if known := await _announced_before(clerk, key, asked):
        return known
    lies = await _placed(clerk, wanted, now)
    first_day, last_day = days_of(lies.starts_at, lies.ends_at)
    closure = Closure(
        public_id=new_id("clo"),
        venue_id=lies.venue_id,
        sport_code=lies.sport_code,
        court_id=lies.court_id,
        starts_at=lies.starts_at,
        ends_at=lies.ends_at,
        first_day=first_day,
        last_day=last_day,
        kind=wanted.kind.value,
        reason=wanted.reason.strip(),
        announced_at=now,
        announced_by_id=clerk.staff_id,
        idempotency_key=key,
        request_hash=asked,
    )
    return await _write(clerk, closure)


async def closures(*, venue_id: str, now: datetime) -> Sequence[Any]:
    """What is closed at a venue, now or later, the earliest first. One statement; none for a venue that we do not know."""
    found = await database.rows(f"{_SHOWN} WHERE venue.public_id = $1 AND {_STANDS} {_IN_ORDER}", venue_id, now)
    return [database.with_instants(row, *_INSTANTS) for row in found]


async def closure_of(public_id: str) -> Any:
    """One of them, whatever became of it; it was just found."""
    found = await database.row(f"{_SHOWN} WHERE closure.public_id = $1", public_id)
    return database.with_instants(found, *_INSTANTS)


async def standing(*, after: datetime) -> list[Closure]:
    """Every closure that was not withdrawn and ends after this."""
    return await Closure.filter(withdrawn_at=None, ends_at__gt=after).order_by("id")


async def touched(lies: Lies) -> Sequence[Any]:
    """Lines that hold cells or places under a closure and whose members were not asked yet."""
    steps = steps_between(lies.starts_at, lies.ends_at + timedelta(minutes=29, seconds=59))
    return await database.rows(
        _TOUCHED,
        *(lies.venue_id, steps.start, steps.stop, lies.court_id or 0, lies.starts_at, lies.ends_at),
        *(lies.sport_code, lies.closure_id, lies.session_id or 0),
    )


async def closed_lines(order_id: int) -> frozenset[int]:
    """The ids of an order's lines over which a closure lies that was not withdrawn."""
    found = await database.rows(_OVER, order_id)
    return frozenset(row["id"] for row in found)


async def _placed(clerk: StaffSignedIn, wanted: ClosureWanted, now: datetime) -> Lies:
    await powers.demand(clerk, Power.MANAGE_CLOSURES, venue_id=wanted.venue_id)
    concerning("VENUE", wanted.venue_id, venue_id=wanted.venue_id)
    starts_at, ends_at = aware(wanted.starts_at), aware(wanted.ends_at)
    check_closure(starts_at=starts_at, ends_at=ends_at, reason=wanted.reason.strip(), now=now)
    if wanted.sport and wanted.court_id:
        raise BadInput("项目和场地只选一个。", next_step="停用一片场地时不必选项目。", field="courtId")
    venue = await database.row("SELECT id FROM venue WHERE public_id = $1", wanted.venue_id)
    assert venue is not None
    court_id = None
    if wanted.court_id:
        court = await database.row(
            "SELECT id FROM court WHERE public_id = $1 AND venue_id = $2", wanted.court_id, venue["id"]
        )
        if court is None:
            raise DomainError(
                "这个场馆没有这片场地。", code=ErrorCode.COURT_UNKNOWN, next_step="请重新选择。", field="courtId"
            )
        court_id = court["id"]
    if wanted.sport and not await database.row(
        """SELECT 1 FROM court WHERE venue_id = $1 AND sport_code = $2
            UNION SELECT 1 FROM session WHERE venue_id = $1 AND sport_code = $2 LIMIT 1""",
        *(venue["id"], wanted.sport),
    ):
        raise DomainError(
            "这个场馆没有这个项目。", code=ErrorCode.SPORT_UNKNOWN, next_step="请重新选择。", field="sport"
        )
    return Lies(venue["id"], wanted.sport or "", court_id, starts_at, ends_at)


async def _cut(lies: Lies) -> list[DrawCut]:
    parts = (
        await database.rows("SELECT part_id FROM court_cover WHERE court_id = $1", lies.court_id)
        if lies.court_id
        else ()
    )
    closed = Closed(
        lies.sport_code, frozenset(row["part_id"] for row in parts), lies.starts_at, lies.ends_at, "", ""
    )

    def remaining(day: date, court: CourtFacts, openings: Sequence[Opening]) -> Slots:
        for start, end in slots_of_court(day, court, openings):
            if not (closed.over_court(court) and closed.during(instant_of(day, start), instant_of(day, end))):
                yield start, end

    first_day, last_day = days_of(lies.starts_at, lies.ends_at)
    return await draw_cuts(lies.venue_id, first_day, last_day + timedelta(days=1), remaining)


@database.operation
async def _write(clerk: StaffSignedIn, closure: Closure) -> str:
    await database.alone_with(f"closures announced by {clerk.staff_id}")
    if known := await _announced_before(clerk, closure.idempotency_key, closure.request_hash):
        return known
    await closure.save()
    database.ring(JOB)
    return str(closure.public_id)


async def _announced_before(clerk: StaffSignedIn, key: str, asked: str) -> str | None:
    found = await Closure.get_or_none(announced_by_id=clerk.staff_id, idempotency_key=key)
    if found is None:
        return None
    if found.request_hash != asked:
        raise KeyReused("一次停用")
    return str(found.public_id)


def closure_unknown() -> DomainError:
    return DomainError(
        "没有找到这次停用。", code=ErrorCode.CLOSURE_UNKNOWN, next_step="请刷新后重试。", field="id"
    )


_SHOWN = """
SELECT closure.public_id, venue.public_id AS venue_id, closure.sport_code, court.public_id AS court_id,
       court.name AS court_name, closure.starts_at, closure.ends_at, closure.kind, closure.reason,
       closure.announced_at, closure.withdrawn_at
  FROM closure JOIN venue ON venue.id = closure.venue_id LEFT JOIN court ON court.id = closure.court_id"""
_INSTANTS = ("starts_at", "ends_at", "announced_at", "withdrawn_at")
_STANDS = "closure.withdrawn_at IS NULL AND closure.ends_at > $2"
_IN_ORDER = f"ORDER BY closure.starts_at, closure.id LIMIT {MOST_SHOWN}"
_TOUCHED = """
SELECT line.id, line.order_id, line.people, line.price_fen, line.voucher_fen, orders.status,
       EXISTS (SELECT 1 FROM admission WHERE admission.order_line_id = line.id
                  AND admission.first_entered_at IS NOT NULL) AS entered
  FROM (SELECT order_line_id AS id FROM held_cell
         WHERE venue_id = $1 AND step >= $2 AND step < $3 AND order_line_id IS NOT NULL AND $9::bigint = 0
           AND ($4::bigint = 0 OR part_id IN (SELECT part_id FROM court_cover WHERE court_id = $4::bigint))
         UNION
        SELECT held_place.order_line_id FROM session JOIN held_place ON held_place.session_id = session.id
         WHERE session.venue_id = $1 AND $4::bigint = 0 AND $9::bigint IN (0, session.id)
           AND session.starts_at < $6 AND session.ends_at > $5) holding
  JOIN order_line line ON line.id = holding.id JOIN orders ON orders.id = line.order_id
  LEFT JOIN court ON court.id = line.court_id LEFT JOIN session ON session.id = line.session_id
 WHERE line.starts_at < $6 AND line.ends_at > $5 AND orders.status <> 'CLOSED' AND line.cancelled_at IS NULL
   AND ($7::text = '' OR COALESCE(court.sport_code, session.sport_code) = $7::text)
   AND NOT EXISTS (SELECT 1 FROM closure_offer offer WHERE offer.order_line_id = line.id
                      AND (offer.state = 'OFFERED' OR offer.closure_id = $8::bigint))
 ORDER BY line.id"""
_OVER = """
SELECT line.id FROM order_line line JOIN orders ON orders.id = line.order_id
  JOIN closure ON closure.venue_id = orders.venue_id AND closure.withdrawn_at IS NULL
   AND closure.starts_at < line.ends_at AND closure.ends_at > line.starts_at
  LEFT JOIN court ON court.id = line.court_id LEFT JOIN session ON session.id = line.session_id
 WHERE line.order_id = $1
   AND (closure.sport_code = '' OR closure.sport_code = COALESCE(court.sport_code, session.sport_code))
   AND (closure.session_id IS NULL OR closure.session_id = line.session_id)
   AND (closure.court_id IS NULL
        OR EXISTS (SELECT 1 FROM court_cover mine JOIN court_cover shut ON shut.part_id = mine.part_id
                    WHERE mine.court_id = line.court_id AND shut.court_id = closure.court_id))"""
