"""The people of an order that is being placed: locked, judged, and written down with its lines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from models import database
from models.attendance import players
from models.attendance.expecting import is_guardian
from models.attendance.players import LineOfPlayers, Player
from models.booking.bookable import BookableSlot
from models.booking.limits import Booked
from models.calendar import business_day
from models.errors import BadInput
from models.keys import IdKeys
from models.members.standing import living
from models.orders.tables import OrderLine


@dataclass(frozen=True, slots=True)
class WhoPlays:
    """Whoever the order is for, and by whose companionships (public ids) the others are named."""

    booker: Player
    guardian: Player | None
    """Who books for their child; a helper's own pauses are no matter to who they help."""
    companions: Mapping[str, Player]


async def lock(
    *, member_id: int, placed_by_id: int | None, companion_ids: Sequence[str], venue_id: int, now: datetime
) -> WhoPlays:
    """Locks the rows of everybody whose limits will be counted, in one order for all: of two orders that name the same
    person one waits for the other. Raises RELATION_UNKNOWN, NOT_SIGNED_IN for an account that is no more."""
    others = await players.companions_of(member_id, companion_ids)
    await living(member_id, *sorted(set(others.values()) - {member_id}))
    return await known_players(member_id, placed_by_id, others, venue_id=venue_id, now=now)


async def known_players(
    member_id: int, placed_by_id: int | None, others: Mapping[str, int], *, venue_id: int, now: datetime
) -> WhoPlays:
    """The same without the locks, for who only asks what would be. `others`: by companionship."""
    guardian_id = placed_by_id if placed_by_id and await is_guardian(placed_by_id, member_id) else None
    known = await players.players(venue_id, [member_id, *others.values(), *filter(None, [guardian_id])], now)
    return WhoPlays(
        booker=known[member_id],
        guardian=known[guardian_id] if guardian_id else None,
        companions={companion_id: known[other] for companion_id, other in others.items()},
    )


async def check(
    who: WhoPlays,
    slots: Sequence[object],
    named: Sequence[Sequence[str]],
    *,
    venue_id: int,
    keys: IdKeys,
    now: datetime,
    but_line_id: int | None = None,
    by_approval: bool = False,
) -> None:
    """Whether these people may have these slots: pauses, real names, who has to be named, how much each may have.

    `named`: of each slot, the companions on it. `but_line_id`: a line that is moved to one of them. `by_approval`: the
    venue allowed it as it is, so nobody is counted or has to be named. Raises what `models.attendance.players` does.
    """
    lines = lines_of(slots, named)
    if not by_approval:
        players.check_named(lines)
    await players.check_players(
        lines,
        venue_id=venue_id,
        booker=who.booker,
        guardian=who.guardian,
        companions=who.companions,
        keys=keys,
        today=business_day(now),
        but_line_id=but_line_id,
        by_approval=by_approval,
    )


def lines_of(slots: Sequence[object], named: Sequence[Sequence[str]]) -> list[LineOfPlayers]:
    """Of each court, what is about people. Raises BAD_INPUT for companions on a session."""
    if any(ids and not isinstance(slot, BookableSlot) for slot, ids in zip(slots, named, strict=True)):
        raise BadInput("场次按人购票，不用写球友。", next_step="请去掉球友后再提交。", field="lines")
    return [
        LineOfPlayers(
            title=slot.title,
            booked=Booked(slot.court.id, slot.court.sport_code, slot.day, _minutes(slot), slot.title),
            limits=slot.limits,
            people=slot.people,
            companion_ids=tuple(ids),
        )
        for slot, ids in zip(slots, named, strict=True)
        if isinstance(slot, BookableSlot)
    ]


async def write(who: WhoPlays, lines: Sequence[OrderLine], named: Sequence[Sequence[str]], now: datetime) -> None:
    await players.write_companions(
        [(line.id, [who.companions[each] for each in ids]) for line, ids in zip(lines, named, strict=True)], now
    )


async def overdue_holds(member_id: int, companion_ids: Sequence[str], now: datetime) -> list[int]:
    """Unpaid orders of these people, whichever account they had, that nobody has ended yet though their time is over."""
    others = await players.companions_of(member_id, companion_ids)
    found = await database.rows(
        """SELECT orders.id FROM orders
            WHERE status = 'PENDING_PAYMENT' AND hold_expires_at <= $2
              AND (member_id = ANY($1::bigint[])
                   OR person_id IN (SELECT id FROM real_name WHERE real_name.member_id = ANY($1::bigint[])))""",
        [member_id, *others.values()],
        now,
    )
    return [order["id"] for order in found]


def _minutes(slot: BookableSlot) -> int:
    return (slot.ends_at - slot.starts_at) // timedelta(minutes=1)
