"""Lines of an order that are places in a session (场次), beside those that are courts.

Plain functions inside the acts of this room. A person's places a day are counted under their member's row, and whether
a place is free says the session's row.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from models import database
from models.attendance.players import Player
from models.booking.bookable import BookableSlot
from models.booking.session_operations import PlacesWanted, hold_places
from models.booking.session_queries import (
    BookableSession,
    free_places,
    overdue_orders,
    places_held,
    refuse_replanned,
)
from models.booking.session_rules import SessionFull, too_many_places
from models.errors import DomainError, ErrorCode
from models.orders.rules import LineKind
from models.orders.tables import OrderLine

Bookable = BookableSlot | BookableSession
"""What a line of an order is for, with its price."""


def sport_of(bought: Bookable) -> str:
    return bought.session.sport_code if isinstance(bought, BookableSession) else bought.court.sport_code


def courts_in(bought: Sequence[Bookable]) -> list[BookableSlot]:
    return [each for each in bought if isinstance(each, BookableSlot)]


def sessions_in(bought: Sequence[Bookable]) -> list[BookableSession]:
    return [each for each in bought if isinstance(each, BookableSession)]


def columns_of(bought: Bookable) -> dict[str, Any]:
    """What an order's line says of what it is for."""
    if isinstance(bought, BookableSession):
        return {
            "kind": LineKind.SESSION,
            "court_id": None,
            "session_id": bought.session.id,
            "ticket": bought.ticket.ticket,
        }
    return {"kind": LineKind.COURT_SLOT, "court_id": bought.court.id}


async def check_places(who: Player, bought: Sequence[Bookable], *, but_line_id: int | None = None) -> None:
    """So many places a person, a sport and a day at a venue, with what they have (`but_line_id`: but for a line that is
    moved to one of these); and who they are, where the venue wants to know. Raises TOO_MANY_PLACES, REAL_NAME_NEEDED."""
    for each in sessions_in(bought):
        if each.limits.real_name_needed and who.person_id is None:
            raise DomainError(
                f"{each.title}须实名预订。",
                code=ErrorCode.REAL_NAME_NEEDED,
                next_step="请先在“我的”里完成实名认证，再来预订。",
                field="lines",
            )
    wanted: Counter[tuple[str, date]] = Counter()
    for each in sessions_in(bought):
        wanted[each.session.sport_code, each.day] += each.people
    for (sport, day), places in wanted.items():
        session = next(
            each.session for each in sessions_in(bought) if (each.session.sport_code, each.day) == (sport, day)
        )
        held = await places_held(
            member_id=who.member_id,
            person_id=who.person_id,
            venue_id=session.venue_id,
            sport_code=sport,
            day=day,
            but_line_id=but_line_id,
        )
        if held + places > session.places_a_person_a_day:
            raise too_many_places(session, held)


async def hold_sessions(lines: Sequence[OrderLine], bought: Sequence[Bookable], *, now: datetime) -> None:
    """Takes the places of those lines that are for sessions, all or none. Raises SESSION_FULL, and SESSION_UNKNOWN for one
    that staff planned otherwise a moment ago."""
    wanted = [
        PlacesWanted(line.id, each.session.id, each.people, each.ends_at)
        for line, each in zip(lines, bought, strict=True)
        if isinstance(each, BookableSession)
    ]
    full = await hold_places(wanted, now=now) if wanted else None
    if full is not None:
        session = next(each.session for each in sessions_in(bought) if each.session.id == full)
        await refuse_replanned(session)
        free = await free_places(full, now=now)
        raise SessionFull(session.title, free, sorted({each.session_id for each in wanted}))


async def hold_again(lines: Sequence[OrderLine], *, now: datetime) -> bool:
    """Takes the places of a closed order's lines once more. False: one of the sessions has not so many any more."""
    wanted = [
        PlacesWanted(line.id, line.session_id, line.people, line.ends_at)
        for line in lines
        if line.session_id is not None
    ]
    return not wanted or await hold_places(wanted, now=now) is None


async def in_the_way(refusal: SessionFull, *, now: datetime) -> Sequence[int]:
    """The orders whose overdue holds keep places of a full session."""
    return await overdue_orders(refusal.session_ids, now=now)


async def sports_of(lines: Sequence[OrderLine]) -> frozenset[str]:
    """Of courts and of sessions."""
    found = await database.rows(
        """SELECT sport_code FROM court WHERE id = ANY($1::bigint[])
            UNION SELECT sport_code FROM session WHERE id = ANY($2::bigint[])""",
        sorted({line.court_id for line in lines if line.court_id is not None}),
        sorted({line.session_id for line in lines if line.session_id is not None}),
    )
    return frozenset(row["sport_code"] for row in found)
