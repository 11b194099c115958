"""What would come of a series, date by date, before it is asked for. Nothing is held by asking.

A handful of statements for all dates together: what is read is the venue's days, who plays, and who holds what; what a
date says is worked out from that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from models import database
from models.arrangements.dates import opens_at
from models.arrangements.rules import SeriesWanted, starts_of
from models.arrangements.series import Plan, plan_of
from models.attendance import players
from models.attendance.players import Known
from models.booking.bookable import BookableSlot, bookable_in, check_not_drawn
from models.booking.queries import timetables
from models.booking.timetables import Timetable
from models.calendar import business_day, steps_between
from models.checkout import who_plays
from models.checkout.pricing import ForWhom, own_prices
from models.checkout.who_plays import WhoPlays
from models.errors import DomainError, ErrorCode
from models.keys import IdKeys
from models.venues.explaining import PricePart


class Would(StrEnum):
    """What would come of a date."""

    BOOKED = "BOOKED"  # at once
    LATER = "LATER"  # when its day opens, if nobody is faster
    SKIPPED = "SKIPPED"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatePreview:
    day: date
    starts_at: datetime
    would: Would
    opens_at: datetime | None = None
    """Of LATER."""
    price_fen: int | None = None
    """At today's tariff; None where it has no price."""
    price_parts: Sequence[PricePart] = ()
    code: ErrorCode | None = None
    """Of SKIPPED, with its sentence."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Draft:
    """A date as its day's timetable has it: its slots, and when the day opens if it is not open; or why it has none."""

    day: date
    starts_at: datetime
    slots: tuple[BookableSlot, ...] = ()
    opens_at: datetime | None = None
    refusal: DomainError | None = None


async def preview(
    *, member_id: int, wanted: SeriesWanted, placed_by_id: int | None = None, keys: IdKeys, now: datetime
) -> list[DatePreview]:
    """Each date with its price, and why it would be skipped. Raises what asking would say of the whole series.

    So many statements, however many dates there are."""
    return await preview_of(
        await plan_of(wanted, member_id=member_id, now=now),
        ForWhom(member_id=member_id, keys=keys),
        placed_by_id=placed_by_id,
        now=now,
    )


async def preview_of(
    plan: Plan, whom: ForWhom, *, placed_by_id: int | None = None, now: datetime
) -> list[DatePreview]:
    """The same of a series that has been found good as a whole."""
    who = await who_plays.known_players(
        whom.member_id, placed_by_id, plan.companions, venue_id=plan.venue_id, now=now
    )
    tables = await timetables(venue_id=plan.venue_public_id, court_id=plan.wanted.court_id, days=plan.days)
    drafts = await _priced([_draft(day, tables[day], plan, now) for day in plan.days], whom)
    held = await _held_steps([slot for draft in drafts for slot in draft.slots])
    known = await players.known_of(
        plan.venue_id, who.booker, who.companions, plan.days[0], keys=whom.keys, today=business_day(now)
    )
    return [_preview(draft, plan, _as_of(who, draft.opens_at or now), held, known) for draft in drafts]


def _draft(day: date, table: Timetable, plan: Plan, now: datetime) -> _Draft:
    """As it can be booked now; or, when its day is not open, as it will be when it opens."""
    draft = _Draft(day, starts_of(day, plan.wanted.from_minute, 1, plan.slot_minutes)[0])
    try:
        return replace(draft, slots=_slots(day, table, plan, now))
    except DomainError as refusal:
        if refusal.code != ErrorCode.SLOT_NOT_RELEASED or refusal.retry_after is None:
            return replace(draft, refusal=refusal)
        opens = opens_at(refusal, now)
    try:
        return replace(draft, slots=_slots(day, table, plan, opens), opens_at=opens)
    except DomainError as refusal:
        return replace(draft, refusal=refusal)


def _slots(day: date, table: Timetable, plan: Plan, now: datetime) -> tuple[BookableSlot, ...]:
    wanted, found = plan.wanted, []
    for starts_at in starts_of(day, wanted.from_minute, wanted.slots, plan.slot_minutes):
        slot = bookable_in(table, wanted.court_id, starts_at, wanted.people, now=now)
        check_not_drawn(table, slot, now)
        found.append(slot)
    return tuple(found)


async def _priced(drafts: Sequence[_Draft], whom: ForWhom) -> list[_Draft]:
    slots = [slot for draft in drafts for slot in draft.slots]
    priced = iter(await own_prices(slots, whom))
    return [replace(draft, slots=tuple(next(priced) for _ in draft.slots)) for draft in drafts]


async def _held_steps(slots: Sequence[BookableSlot]) -> frozenset[tuple[int, int]]:
    """Of these slots' cells (part, half hour) those that somebody has. One statement."""
    parts = {part for slot in slots for part in slot.court.part_ids}
    steps = {step for slot in slots for step in steps_between(slot.starts_at, slot.ends_at)}
    held = await database.rows(
        "SELECT part_id, step FROM held_cell WHERE part_id = ANY($1::bigint[]) AND step = ANY($2::bigint[])",
        *(sorted(parts), sorted(steps)),
    )
    return frozenset((row["part_id"], row["step"]) for row in held)


def _preview(
    draft: _Draft, plan: Plan, who: WhoPlays, held: frozenset[tuple[int, int]], known: Known
) -> DatePreview:
    seen = DatePreview(day=draft.day, starts_at=draft.starts_at, would=Would.SKIPPED)
    if draft.refusal is not None:
        return replace(seen, code=draft.refusal.code, reason=draft.refusal.message)
    parts = tuple(part for slot in draft.slots for part in slot.price_parts)
    seen = replace(seen, price_fen=sum(slot.price_fen for slot in draft.slots), price_parts=parts)
    try:
        _check_free(draft.slots, held)
        _check_people(draft.slots, plan, who, known)
    except DomainError as refusal:
        return replace(seen, code=refusal.code, reason=refusal.message)
    if draft.opens_at is not None:
        return replace(seen, would=Would.LATER, opens_at=draft.opens_at)
    return replace(seen, would=Would.BOOKED)


def _check_free(slots: Sequence[BookableSlot], held: frozenset[tuple[int, int]]) -> None:
    for slot in slots:
        steps = steps_between(slot.starts_at, slot.ends_at)
        if any((part, step) in held for part in slot.court.part_ids for step in steps):
            raise DomainError(
                f"{slot.title}已经被别人订走了。", code=ErrorCode.SLOT_TAKEN, next_step="请换一个时段或场地。"
            )


def _check_people(slots: Sequence[BookableSlot], plan: Plan, who: WhoPlays, known: Known) -> None:
    """As `who_plays.check` does for an order, with what was read once."""
    lines = who_plays.lines_of(slots, [tuple(plan.companions)] * len(slots))
    players.check_named(lines)
    players.check_allowed(lines, booker=who.booker, guardian=who.guardian, companions=who.companions)
    players.check_limits(lines, booker=who.booker, companions=who.companions, known=known)


def _as_of(who: WhoPlays, at: datetime) -> WhoPlays:
    """The same people when the day opens: a pause may be over by then."""

    def then(player: players.Player) -> players.Player:
        is_over = player.paused_until is not None and player.paused_until <= at
        return replace(player, paused_until=None) if is_over else player

    return WhoPlays(
        booker=then(who.booker),
        guardian=then(who.guardian) if who.guardian else None,
        companions={tie: then(player) for tie, player in who.companions.items()},
    )
