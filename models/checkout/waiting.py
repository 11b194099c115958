"""Waiting for a slot that is taken: joining the line, and what is given up is offered to whoever stands first.

When somebody gives up a slot for which others wait, its cells never become free: they are kept (`freed_slot`) in the
very act that gives them up, and handed to the first person within whose limits it lies, as an order of theirs that is
held as long as any other. They pay, or it closes, and the next one is offered it. Nobody can be faster than the line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from models import database
from models.asyncpg_engine import DatabaseAway
from models.booking import queries as booking
from models.booking.operations import WAITS_FOR
from models.booking.queries import CourtDay
from models.booking.rules import SlotStatus
from models.booking.tables import FreedSlot, WaitingEntry
from models.booking.waiting_rules import (
    LIVE,
    MOST_WAITING,
    WaitingState,
    checked_span,
    not_needed,
    nothing_to_wait_for,
    offered_already,
    too_many,
    wait_for_the_draw,
    waiting_unknown,
)
from models.calendar import moment_text
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
from models.errors import BadInput, Busy, DomainError, ErrorCode, KeyReused
from models.ids import new_id, request_hash
from models.keys import IdKeys
from models.members.standing import MemberGone, lock_living
from models.messages.operations import tell
from models.orders.tables import Order
from payments.port import PaymentChannel

OFFERED_A_RUN = 50
ASKED_A_SLOT = 100  # of those who wait; whom their own limits keep from it is passed over


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A slot of a sport that begins on a day at or after one local minute and before another. `court_id`: only there."""

    venue_id: str
    sport: str
    day: date
    from_minute: int
    until_minute: int
    people: int = 1
    court_id: str | None = None


async def join(*, member_id: int, wanted: Wanted, key: str, placed_by_id: int | None = None, now: datetime) -> str:
    """Stands in the line for it; gives the entry's id. The same key with the same wish is the same entry.

    Raises WAITING_NOT_NEEDED while there is a free slot, TOO_MANY_WAITING, VENUE_UNKNOWN, VENUE_CLOSED, SLOT_UNKNOWN,
    SLOT_PAST, SLOT_NOT_RELEASED, TOO_MANY_PEOPLE, BAD_INPUT.
    """
    check_key(key)
    asked = request_hash(
        *(wanted.venue_id, wanted.sport, wanted.day.isoformat(), wanted.from_minute, wanted.until_minute),
        *(wanted.people, wanted.court_id or ""),
    )
    if known := await _asked_before(member_id, key, asked):
        return known
    table = await booking.timetable(venue_id=wanted.venue_id, sport=wanted.sport, day=wanted.day)
    span = checked_span(wanted.day, wanted.from_minute, wanted.until_minute, table.limits_of(wanted.sport), now)
    grid = await booking.slots(venue_id=wanted.venue_id, sport=wanted.sport, day=wanted.day, now=now)
    _check_worth_it(grid, wanted, span, now)
    court = next((court.id for court in table.courts if court.public_id == wanted.court_id), None)
    entry = WaitingEntry(
        public_id=new_id("wai"),
        member_id=member_id,
        placed_by_id=placed_by_id,
        venue_id=table.venue_id,
        sport_code=wanted.sport,
        court_id=court,
        business_day=wanted.day,
        starts_from=span[0],
        starts_until=span[1],
        people=wanted.people,
        state=WaitingState.WAITING,
        idempotency_key=key,
        request_hash=asked,
        asked_at=now,
    )
    return await _join(entry)


async def leave(*, member_id: int, entry_id: str, now: datetime) -> None:
    """Out of the line. Harmless the second time. Raises WAITING_UNKNOWN, and WAITING_OFFERED when a slot is held
    already: their order says what to do."""
    await _leave(member_id, entry_id, now=now)


async def offer_freed(*, keys: IdKeys, channels: Mapping[str, PaymentChannel], now: datetime) -> int:
    """Offers each slot that is kept to the first who can have it, and lets go what nobody wants. Gives how many were
    offered. Any number of workers may do this at once."""
    await _settle(now)
    channels = resting(channels)
    kept = await database.rows("SELECT id FROM freed_slot ORDER BY id LIMIT $1", OFFERED_A_RUN)
    return sum([await _offer_one(row["id"], keys, channels, now) for row in kept])


def _check_worth_it(
    grid: Sequence[CourtDay], wanted: Wanted, span: tuple[datetime, datetime], now: datetime
) -> None:
    courts = [court for court in grid if wanted.court_id in (None, court.court_id)]
    fitting = [
        (court, slot)
        for court in courts
        for slot in court.slots
        if span[0] <= slot.starts_at < span[1] and slot.starts_at > now and slot.status is not SlotStatus.CLOSED
    ]
    if not fitting:
        raise nothing_to_wait_for()
    if any(slot.status is SlotStatus.DRAW for _, slot in fitting):
        raise wait_for_the_draw()
    if wanted.people < 1:
        raise BadInput("人数至少为 1。", next_step="请填写实际到场人数。", field="people")
    if all(wanted.people > court.max_people for court, _ in fitting):
        raise DomainError(
            f"每片场地最多{max(court.max_people for court, _ in fitting)}人。",
            code=ErrorCode.TOO_MANY_PEOPLE,
            next_step="请减少人数。",
            field="people",
        )
    if any(slot.status is SlotStatus.AVAILABLE and wanted.people <= court.max_people for court, slot in fitting):
        raise not_needed()


@database.operation
async def _join(entry: WaitingEntry) -> str:
    await lock_living(entry.member_id)
    if known := await _asked_before(entry.member_id, entry.idempotency_key, entry.request_hash):
        return known
    if await _lines_of(entry.member_id) >= MOST_WAITING:
        raise too_many()
    await entry.save()
    return str(entry.public_id)


async def _lines_of(member_id: int) -> int:
    """Live ones; the wishes of one draw are one."""
    found = await database.row(
        f"""SELECT COUNT(DISTINCT COALESCE(-draw_entry_id, id)) AS lines FROM waiting_entry
             WHERE member_id = $1 AND state IN ({database.parameters(len(LIVE), first=2)})""",
        *(member_id, *(state.value for state in LIVE)),
    )
    assert found is not None
    return int(found["lines"])


async def _asked_before(member_id: int, key: str, asked: str) -> str | None:
    found = await WaitingEntry.get_or_none(member_id=member_id, idempotency_key=key)
    if found is None:
        return None
    if found.request_hash != asked:
        raise KeyReused("一个候补")
    return str(found.public_id)


@database.operation
async def _leave(member_id: int, entry_id: str, *, now: datetime) -> None:
    await lock_living(member_id)
    entry = await WaitingEntry.select_for_update().get_or_none(public_id=entry_id, member_id=member_id)
    if entry is None:
        raise waiting_unknown()
    if entry.state == WaitingState.OFFERED:
        raise offered_already()
    if entry.state == WaitingState.WAITING:
        entry.state, entry.ended_at = WaitingState.LEFT, now
        await entry.save(update_fields=["state", "ended_at"])


async def _offer_one(freed_id: int, keys: IdKeys, channels: Mapping[str, PaymentChannel], now: datetime) -> bool:
    line = await database.row(
        """SELECT line.court_id, line.starts_at, court.public_id FROM freed_slot line
             JOIN court ON court.id = line.court_id WHERE line.id = $1""",
        freed_id,
    )
    if line is None:  # another worker was faster
        return False
    starts_at = database.utc(line["starts_at"])
    for entry in await _who_waits(freed_id):
        wanted = LineWanted(court_id=line["public_id"], starts_at=starts_at, people=entry["people"])
        try:
            whom = ForWhom(member_id=entry["member_id"], keys=keys)
            slots = await bookable_together([wanted], whom=whom, despite_draw=True, now=now)
            place = Placing(
                member_id=entry["member_id"],
                slots=tuple(slots),
                people=(entry["people"],),
                named=((),),
                keys=keys,
                idempotency_key=f"waiting-{entry['public_id']}",
                asked=request_hash("waiting", entry["public_id"], freed_id),
                placed_by=PlacedBy(member_id=entry["placed_by_id"]),
                voucher_ids=(),
            )
            return await past_overdue_holds(
                partial(_hand_over, freed_id, entry["id"], place, now=now), place, channels=channels, now=now
            )
        except DatabaseAway:
            raise
        except (
            Busy,
            MemberGone,
        ):  # nobody loses their place because a row was locked, or their accounts are being
            return False  # joined just now: the next run sees whose entry it is
        except DomainError:  # their limits, or nobody can have it any more: then the next says so too, and it goes
            continue
    await _let_go(freed_id)
    return False


async def _who_waits(freed_id: int) -> Sequence[Any]:
    return await database.rows(
        f"""SELECT waiting.id, waiting.public_id, waiting.member_id, waiting.placed_by_id, waiting.people
              FROM freed_slot line JOIN court ON court.id = line.court_id
                   JOIN waiting_entry waiting ON {WAITS_FOR}
             WHERE line.id = $1 ORDER BY waiting.id LIMIT {ASKED_A_SLOT}""",
        freed_id,
    )


@database.operation
async def _hand_over(freed_id: int, entry_id: int, place: Placing, *, now: datetime) -> bool:
    """The kept cells become those of an order of theirs: given up and taken in one transaction, so that whoever else
    wants them waits for it and finds them taken."""
    who = await lock_players(place, now=now)
    entry = await WaitingEntry.select_for_update().get(id=entry_id)
    freed = await FreedSlot.select_for_update().get_or_none(id=freed_id)
    if freed is None or entry.state != WaitingState.WAITING or entry.member_id != place.member_id:
        return False  # the next run sees what there is now
    await _delete(freed_id)
    order_no = await place_within(place, who, now=now)
    order = await Order.get(order_no=order_no)
    entry.state, entry.order_id = WaitingState.OFFERED, order.id
    await entry.save(update_fields=["state", "order_id"])
    await _leave_the_other_wishes(entry, now)
    if order.to_pay_fen:
        await tell(
            member_id=place.member_id,
            template="WAITING_OFFER",
            values={
                "venue": await _venue_name(order.venue_id),
                "what": place.slots[0].title,
                "until": moment_text(order.hold_expires_at),
                "order_no": order_no,
            },
            about_no=order_no,
            now=now,
        )
    return True


async def _leave_the_other_wishes(offered: WaitingEntry, now: datetime) -> None:
    """Who lost a draw waits for each of their wishes and gets one of them."""
    if offered.draw_entry_id is not None:
        others = WaitingEntry.filter(draw_entry_id=offered.draw_entry_id, state=WaitingState.WAITING)
        await others.update(state=WaitingState.LEFT, ended_at=now)


async def _venue_name(venue_id: int) -> str:
    found = await database.row("SELECT name FROM venue WHERE id = $1", venue_id)
    assert found is not None
    return str(found["name"])


@database.operation
async def _let_go(freed_id: int) -> None:
    if await FreedSlot.select_for_update().get_or_none(id=freed_id) is not None:
        await _delete(freed_id)


async def _delete(freed_id: int) -> None:
    await database.rows("DELETE FROM held_cell WHERE freed_slot_id = $1", freed_id)
    await database.rows("DELETE FROM freed_slot WHERE id = $1", freed_id)


@database.operation
async def _settle(now: datetime) -> None:
    """What became of offers their orders say; and a span in which nothing became free is over."""
    for state, status in ((WaitingState.TAKEN, "PAID"), (WaitingState.MISSED, "CLOSED")):
        await database.rows(
            """UPDATE waiting_entry SET state = $1, ended_at = $2
                WHERE state = 'OFFERED' AND order_id IN (SELECT id FROM orders WHERE status = $3)""",
            *(state.value, now, status),
        )
    await database.rows(
        "UPDATE waiting_entry SET state = 'PASSED', ended_at = $1 WHERE state = 'WAITING' AND starts_until <= $1",
        now,
    )
