"""Entering a draw, and the draw: the order is fixed once, then each gets their turn, one short act after another.

A worker may die between any two acts; the next one goes on with whoever is next. While it is not done nobody else can
book these slots, so what the first were given and what the last are told is one result.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from models import database
from models.booking import queries as booking
from models.booking.bookable import bookable_slots
from models.booking.draw_rules import (
    Cells,
    DrawState,
    EntryState,
    Pot,
    Wish,
    check_open,
    checked_wishes,
    draw_unknown,
    entered_already,
    not_in_draw,
    order_of,
    wishes_hash,
)
from models.booking.draws import of_day, seed_of, slots_of
from models.booking.queries import HELD
from models.booking.rules import aware
from models.booking.tables import DrawEntry, SlotDraw, WaitingEntry
from models.booking.waiting_rules import WaitingState
from models.calendar import day_text, minute_of_day, moment_text, step_of
from models.checkout.drawing_in_vain import refusals
from models.checkout.ending import end_holds
from models.checkout.placing import (
    PlacedBy,
    Placing,
    bookable_together,
    lock_players,
    past_overdue_holds,
    place_within,
)
from models.checkout.pricing import ForWhom
from models.checkout.resting import resting
from models.checkout.wanted import LineWanted, check_key
from models.errors import Busy, DomainError, ErrorCode, KeyReused
from models.ids import new_id, request_hash
from models.keys import IdKeys, SealingKeys
from models.members.standing import lock_living
from models.messages.operations import tell
from models.orders.tables import Order
from models.venues.tables import Court, Venue
from payments.port import PaymentChannel

DRAWN_A_RUN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One of these slots, each a court's public id and a start; the dearest first."""

    wishes: Sequence[tuple[str, datetime]]
    people: int = 1


async def enter(
    *, member_id: int, draw_id: str, wanted: Wanted, key: str, placed_by_id: int | None = None, now: datetime
) -> str:
    """Enters a person, or changes their wishes while it is open; gives their ticket. It does not matter who is first.

    Raises DRAW_UNKNOWN, DRAW_NOT_OPEN, DRAW_CLOSED, DRAW_ENTERED_ALREADY (with another account of theirs),
    IDEMPOTENCY_KEY_REUSED, TOO_MANY_PEOPLE, SLOT_UNKNOWN, BAD_INPUT.
    """
    check_key(key)
    draw = await SlotDraw.get_or_none(public_id=draw_id)
    if draw is None:
        raise draw_unknown()
    check_open(draw.opens_at, draw.closes_at, draw.state, now)
    asked_for = [(court, aware(at)) for court, at in wanted.wishes]
    wishes = checked_wishes(asked_for)
    slots = await bookable_slots(
        [(court, at, wanted.people) for court, at in asked_for], despite_draw=True, now=now
    )
    for slot in slots:
        minute = minute_of_day(slot.starts_at)
        here = (slot.venue_id, slot.day) == (draw.venue_id, draw.business_day)
        if not here or not of_day(draw).has(slot.court.id, slot.court.sport_code, minute):
            raise not_in_draw(slot.title)
    entry = DrawEntry(
        public_id=new_id("tkt"),
        draw_id=draw.id,
        member_id=member_id,
        placed_by_id=placed_by_id,
        people=wanted.people,
        wishes=[list(wish) for wish in wishes],
        state=EntryState.ENTERED,
        idempotency_key=key,
        request_hash=request_hash(draw_id, wishes, wanted.people),
        entered_at=now,
    )
    return await _enter(entry, now)


@database.operation
async def _enter(entry: DrawEntry, now: datetime) -> str:
    await lock_living(entry.member_id)
    draw = await SlotDraw.select_for_update().get(id=entry.draw_id)
    check_open(draw.opens_at, draw.closes_at, draw.state, now)
    known = await DrawEntry.filter(draw_id=draw.id, member_id=entry.member_id).order_by("id").first()
    if known is not None:
        return await _changed(known, entry)
    entry.whose = await _whose(entry.member_id)
    if await DrawEntry.exists(draw_id=draw.id, whose=entry.whose):
        raise entered_already()
    await entry.save()
    return str(entry.public_id)


async def _changed(known: DrawEntry, wanted: DrawEntry) -> str:
    """The ticket stays, since another one would be another chance, and so does when they entered."""
    if known.idempotency_key == wanted.idempotency_key and known.request_hash != wanted.request_hash:
        raise KeyReused("一次报名")
    changing = ["wishes", "people", "placed_by_id", "idempotency_key", "request_hash"]
    for name in changing:
        setattr(known, name, getattr(wanted, name))
    await known.save(update_fields=changing)
    return str(known.public_id)


async def _whose(member_id: int) -> str:
    person = await database.row("SELECT id FROM real_name WHERE member_id = $1", member_id)
    return f"member {member_id}" if person is None else f"person {person['id']}"


async def entry_of(*, member_id: int, draw_id: str) -> Any:
    """Somebody's own entry with what became of it, or None."""
    found = await database.row(
        """SELECT draw_entry.public_id, slot_draw.public_id AS draw_id, draw_entry.people, draw_entry.wishes,
                  draw_entry.state, draw_entry.place, draw_entry.wish, draw_entry.reason, draw_entry.entered_at,
                  orders.order_no, slot_draw.state AS draw_state
             FROM draw_entry JOIN slot_draw ON slot_draw.id = draw_entry.draw_id
                  LEFT JOIN orders ON orders.id = draw_entry.order_id
            WHERE slot_draw.public_id = $1 AND draw_entry.member_id = $2 ORDER BY draw_entry.id LIMIT 1""",
        *(draw_id, member_id),
    )
    return None if found is None else database.with_instants(found, "entered_at")


async def run_due(*, keys: IdKeys, channels: Mapping[str, PaymentChannel], now: datetime) -> int:
    """Draws what has closed, and goes on with what was begun; gives how many had their turn. Any number of workers."""
    due = await database.rows(
        "SELECT id FROM slot_draw WHERE state <> 'DONE' AND closes_at <= $1 ORDER BY closes_at, id LIMIT $2",
        *(now, DRAWN_A_RUN),
    )
    channels = resting(channels)
    return sum([await _run(row["id"], keys, channels, now) for row in due])


async def _run(draw_id: int, keys: IdKeys, channels: Mapping[str, PaymentChannel], now: datetime) -> int:
    await _fix_order(draw_id, await _slots_left(await SlotDraw.get(id=draw_id), channels, now), keys.sealing)
    draw = await SlotDraw.get(id=draw_id).prefetch_related("venue")
    pot, turns = Pot.of(draw.record["slots"]), 0
    while (entry := await _next(draw_id)) is not None:
        await _turn(draw, entry, pot, keys, channels, now)
        turns += 1
    await _finish(draw_id, now)
    return turns


async def _slots_left(draw: SlotDraw, channels: Mapping[str, PaymentChannel], now: datetime) -> list[list[Any]]:
    """What there is to give out when it closes: nothing of what is held for another sport, nothing that was shut. A hold
    whose time is over is ended first, whoever's it is."""
    if draw.state != DrawState.PLANNED:  # then it was asked already, and stands in the record
        return []
    venue = await Venue.get(id=draw.venue_id)
    try:
        table = await booking.timetable(venue_id=venue.public_id, sport=None, day=draw.business_day)
    except DomainError:  # the venue was closed meanwhile
        return []
    slots = slots_of(table, of_day(draw))
    if not slots:
        return []
    steps = [step_of(datetime.fromisoformat(at)) for _, starts, ends, _ in slots for at in (starts, ends)]
    cells = Pot.of(slots).slots
    span = (draw.venue_id, min(steps), max(steps))
    dead = await database.rows(_OVERDUE, *span, sorted({part for each in cells.values() for part, _ in each}), now)
    await end_holds([order["id"] for order in dead], channels=channels, now=now)
    held = {tuple(cell) for cell in await database.rows(HELD, *span)}
    return [slot for slot in slots if not cells[slot[0], slot[1]] & held]


@database.operation
async def _fix_order(draw_id: int, slots: Sequence[Any], keys: SealingKeys) -> None:
    """From here on nobody enters, and what comes out is settled. Once: the second worker finds it done."""
    draw = await SlotDraw.select_for_update().get(id=draw_id)
    if draw.state != DrawState.PLANNED:
        return
    seed = seed_of(draw, keys)
    entries = {entry.public_id: entry for entry in await DrawEntry.filter(draw_id=draw_id)}
    for place, ticket in enumerate(order_of(seed, entries), start=1):
        entries[ticket].place = place
        await entries[ticket].save(update_fields=["place"])
    draw.record = {
        "draw": draw.public_id,
        "commitment": draw.commitment,
        "seed": seed.hex(),
        "opensAt": draw.opens_at.isoformat(),
        "closesAt": draw.closes_at.isoformat(),
        "slots": list(slots),
        "entries": [
            {
                "ticket": ticket,
                "wishes": entries[ticket].wishes,
                "wishesHash": wishes_hash(ticket, wishes_of(entries[ticket])),
            }
            for ticket in sorted(entries)
        ],
    }
    draw.state = DrawState.DRAWN
    await draw.save(update_fields=["record", "state"])


def wishes_of(entry: DrawEntry) -> list[Wish]:
    return [(court, at) for court, at in entry.wishes]


async def _next(draw_id: int) -> DrawEntry | None:
    return await DrawEntry.filter(draw_id=draw_id, state=EntryState.ENTERED).order_by("place").first()


async def _turn(
    draw: SlotDraw,
    entry: DrawEntry,
    pot: Pot,
    keys: IdKeys,
    channels: Mapping[str, PaymentChannel],
    now: datetime,
) -> None:
    wish = pot.first_free(wishes_of(entry), await _taken(draw.id, pot))
    try:
        if wish is None:
            await _lose(draw, entry, await _worth_waiting_for(draw, entry, now), now)
        else:
            place = await _placing(entry, wish, keys, now)
            winning = partial(_win, draw, entry, wish, place, now)
            await past_overdue_holds(winning, place, channels=channels, now=now)
    except Busy:  # nobody loses their turn because a row was locked: the next run goes on
        raise
    except DomainError as refusal:
        await _refuse(draw, entry, refusal, now)


async def _taken(draw_id: int, pot: Pot) -> Cells:
    won = await DrawEntry.filter(draw_id=draw_id, state=EntryState.WON)
    return frozenset(cell for entry in won for cell in pot.slots[wishes_of(entry)[entry.wish or 0]])


async def _placing(entry: DrawEntry, wish: int, keys: IdKeys, now: datetime) -> Placing:
    court, at = entry.wishes[wish]
    line = LineWanted(court_id=court, starts_at=datetime.fromisoformat(at), people=entry.people)
    whom = ForWhom(member_id=entry.member_id, keys=keys)
    return Placing(
        member_id=entry.member_id,
        slots=tuple(await bookable_together([line], whom=whom, despite_draw=True, now=now)),
        people=(entry.people,),
        named=((),),
        keys=keys,
        idempotency_key=f"draw-{entry.public_id}",
        asked=request_hash("draw", entry.public_id),
        placed_by=PlacedBy(member_id=entry.placed_by_id),
        voucher_ids=(),
    )


@database.operation
async def _win(draw: SlotDraw, seen: DrawEntry, wish: int, place: Placing, now: datetime) -> None:
    who = await lock_players(place, now=now)
    entry = await _its_turn(draw, seen)
    if entry is None or entry.member_id != place.member_id:
        return
    if await DrawEntry.exists(draw_id=draw.id, member_id=entry.member_id, state=EntryState.WON):
        raise entered_already()  # two accounts that entered, and were joined since
    order_no = await place_within(place, who, now=now)
    order = await Order.get(order_no=order_no)
    entry.state, entry.wish, entry.order_id = EntryState.WON, wish, order.id
    await entry.save(update_fields=["state", "wish", "order_id"])
    if order.to_pay_fen:  # a free one is told as every order that is confirmed
        values = {"what": place.slots[0].title, "until": moment_text(order.hold_expires_at), "order_no": order_no}
        await _tell(draw, entry, "DRAW_WON", values, now)


async def _worth_waiting_for(draw: SlotDraw, entry: DrawEntry, now: datetime) -> list[tuple[int, Wish]]:
    """Their wishes, by number, that somebody may give up for them: under a closure too, which ends or is withdrawn.
    Raises what keeps the dearest from everybody where none of them can be played."""
    wishes = wishes_of(entry)
    try:
        table = await booking.timetable(venue_id=draw.venue.public_id, sport=None, day=draw.business_day)
    except DomainError:  # the venue was closed meanwhile, and may open again
        return [*enumerate(wishes, start=1)]
    gone = [*refusals(table, wishes, entry.people, now)]
    if gone[0] is not None and None not in gone:
        raise gone[0]
    return [
        (number, wish)
        for number, (wish, refusal) in enumerate(zip(wishes, gone, strict=True), start=1)
        if refusal is None or refusal.code is ErrorCode.SLOT_CLOSED
    ]


@database.operation
async def _lose(draw: SlotDraw, seen: DrawEntry, waits_for: Sequence[tuple[int, Wish]], now: datetime) -> None:
    await lock_living(seen.member_id)
    entry = await _its_turn(draw, seen)
    if entry is None:
        return
    entry.state = EntryState.LOST
    await entry.save(update_fields=["state"])
    for number, (court, at) in waits_for:
        await _wait(draw, entry, number, await Court.get(public_id=court), datetime.fromisoformat(at), now)
    await _tell(draw, entry, "DRAW_LOST", _when(draw, now), now)


async def _wait(draw: SlotDraw, entry: DrawEntry, number: int, court: Court, at: datetime, now: datetime) -> None:
    """In line for one of their wishes: that court at that time, and nothing they did not ask for."""
    await WaitingEntry.create(
        public_id=new_id("wai"),
        member_id=entry.member_id,
        placed_by_id=entry.placed_by_id,
        venue_id=draw.venue_id,
        sport_code=draw.sport_code,
        court_id=court.id,
        business_day=draw.business_day,
        starts_from=at,
        starts_until=at + timedelta(minutes=1),
        people=entry.people,
        state=WaitingState.WAITING,
        draw_entry_id=entry.id,
        idempotency_key=f"draw-{entry.public_id}-{number}",
        request_hash=request_hash("draw", entry.public_id, number),
        asked_at=now,
    )


@database.operation
async def _refuse(draw: SlotDraw, seen: DrawEntry, refusal: DomainError, now: datetime) -> None:
    entry = await _its_turn(draw, seen)
    if (
        entry is None or entry.member_id != seen.member_id
    ):  # accounts that were joined meanwhile: it is asked again
        return
    entry.state, entry.reason = EntryState.REFUSED, refusal.code
    await entry.save(update_fields=["state", "reason"])
    await _tell(draw, entry, "DRAW_REFUSED", {**_when(draw, now), "why": refusal.message}, now)


async def _its_turn(draw: SlotDraw, seen: DrawEntry) -> DrawEntry | None:
    """The entry, under the draw's lock, if it is still the next one: then what is taken is what was looked at."""
    await SlotDraw.select_for_update().get(id=draw.id)
    entry = await _next(draw.id)
    return entry if entry is not None and entry.id == seen.id else None


def _when(draw: SlotDraw, now: datetime) -> dict[str, str]:
    return {"what": day_text(draw.business_day), "when": moment_text(now), "draw": draw.public_id}


async def _tell(draw: SlotDraw, entry: DrawEntry, template: str, values: dict[str, str], now: datetime) -> None:
    said = {"venue": draw.venue.name, **values}
    await tell(member_id=entry.member_id, template=template, values=said, about_no=draw.public_id, now=now)


@database.operation
async def _finish(draw_id: int, now: datetime) -> None:
    """Publishes it, and what is left can be booked by everybody."""
    draw = await SlotDraw.select_for_update().get(id=draw_id)
    if draw.state != DrawState.DRAWN or await _next(draw_id) is not None:
        return
    entries = {entry.public_id: entry for entry in await DrawEntry.filter(draw_id=draw_id)}
    seed = bytes.fromhex(draw.record["seed"])
    order = order_of(seed, [entry["ticket"] for entry in draw.record["entries"]])
    draw.record = {**draw.record, "results": [_result(ticket, entries.get(ticket)) for ticket in order]}
    draw.state, draw.done_at = DrawState.DONE, now
    await draw.save(update_fields=["record", "state", "done_at"])


def _result(ticket: str, entry: DrawEntry | None) -> dict[str, Any]:
    if entry is None:  # their account was deleted while it was being drawn
        return {"ticket": ticket, "outcome": EntryState.REFUSED, "slot": None, "reason": ErrorCode.NOT_SIGNED_IN}
    slot = None if entry.wish is None else entry.wishes[entry.wish]
    return {"ticket": ticket, "outcome": entry.state, "slot": slot, "reason": entry.reason}


_OVERDUE = """
SELECT DISTINCT orders.id FROM held_cell JOIN order_line ON order_line.id = held_cell.order_line_id
  JOIN orders ON orders.id = order_line.order_id
 WHERE held_cell.venue_id = $1 AND held_cell.step >= $2 AND held_cell.step < $3
   AND held_cell.part_id = ANY($4::bigint[]) AND orders.status = 'PENDING_PAYMENT' AND orders.hold_expires_at <= $5"""
