"""The dates of a series, booked one after another: each in a short transaction, when its day is open.

A series is nobody's privilege: its date is booked at the release like anybody's, under the same rules, limits and
prices, and what stands in the way skips it, with the reason. A worker may die between any two dates, or two run at
once; a date is decided under its member's lock, once.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import orjson

from models import database
from models.arrangements.rules import DateState, SeriesState, acts_no_more, hold_minutes, starts_of
from models.arrangements.tables import BookingSeries, SeriesDate
from models.asyncpg_engine import DatabaseAway
from models.attendance.players import ties_to
from models.booking.bookable import BookableSlot
from models.calendar import moment_text, span_text
from models.checkout.placing import (
    PlacedBy,
    Placing,
    bookable_together,
    lock_players,
    past_overdue_holds,
    place_within,
)
from models.checkout.pricing import ForWhom
from models.checkout.session_lines import Bookable
from models.checkout.wanted import LineWanted
from models.errors import Busy, DomainError, ErrorCode
from models.ids import request_hash
from models.keys import IdKeys
from models.members.standing import MemberGone, living
from models.messages.operations import tell
from models.orders.rules import CloseReason
from models.orders.tables import Order
from models.organisations.queries import acts_for
from payments.port import PaymentChannel

log = logging.getLogger(__name__)

DATES_A_RUN = 200
LOOKED_AT_AGAIN = timedelta(days=1)
"""A date that is not open yet: the rules may let it open earlier than it was told."""


@dataclass(frozen=True, slots=True)
class Due:
    """A date that is to be decided, and its series, as they were when they were read."""

    id: int
    series_id: int
    series_public_id: str
    member_id: int
    placed_by: PlacedBy
    organisation_id: int | None
    court_public_id: str
    court_name: str
    venue_name: str
    day: date
    starts: tuple[datetime, ...]
    slot_minutes: int
    people: int
    companions: tuple[int, ...]
    """Who plays along; where accounts were joined, each person once, and nobody is their own companion."""

    @property
    def lines(self) -> list[LineWanted]:
        return [LineWanted(court_id=self.court_public_id, starts_at=at, people=self.people) for at in self.starts]

    @property
    def title(self) -> str:
        return f"{self.court_name} {span_text(self.starts[0], self.starts[-1] + timedelta(minutes=self.slot_minutes))}"


_DUE = """
SELECT series_date.id, series_date.series_id, series_date.business_day, booking_series.public_id AS series_public_id,
       booking_series.member_id, booking_series.placed_by_id, booking_series.placed_by_staff_id, booking_series.people,
       booking_series.organisation_id, booking_series.from_minute, booking_series.slots, court.slot_minutes,
       court.public_id AS court_public_id, court.name AS court_name, venue.name AS venue_name,
       (SELECT json_agg(named.member_id) FROM series_companion named JOIN member ON member.id = named.member_id
         WHERE named.series_id = booking_series.id AND named.member_id <> booking_series.member_id
           AND member.joined_to_id IS NULL) AS companions
  FROM series_date JOIN booking_series ON booking_series.id = series_date.series_id
       JOIN court ON court.id = booking_series.court_id JOIN venue ON venue.id = booking_series.venue_id
 WHERE series_date.state = 'PLANNED' AND series_date.due_at <= $1"""


async def book_dates_of(
    series_id: str, *, keys: IdKeys, channels: Mapping[str, PaymentChannel], now: datetime
) -> None:
    """Decides the dates of one series (public id) that are due; what is left because somebody is busy, the job does."""
    due = await database.rows(
        f"{_DUE} AND booking_series.public_id = $2 ORDER BY series_date.business_day", now, series_id
    )
    for row in due:
        await _decide(_due(row), keys, channels, now)


async def book_due(*, keys: IdKeys, channels: Mapping[str, PaymentChannel], now: datetime) -> int:
    """Decides what is due, the longest due first; gives how many dates it looked at. Any number of workers."""
    due = await database.rows(f"{_DUE} ORDER BY series_date.due_at, series_date.id LIMIT $2", *(now, DATES_A_RUN))
    for row in due:
        try:
            await _decide(_due(row), keys, channels, now)
        except DatabaseAway:
            raise
        except Exception:  # one date that nobody understands must not keep all the others waiting
            log.exception("date %s of a series could not be decided", row["id"])
    return len(due)


def _due(row: Any) -> Due:
    day = database.day(row["business_day"])
    return Due(
        id=row["id"],
        series_id=row["series_id"],
        series_public_id=row["series_public_id"],
        member_id=row["member_id"],
        placed_by=PlacedBy(member_id=row["placed_by_id"], staff_id=row["placed_by_staff_id"]),
        organisation_id=row["organisation_id"],
        court_public_id=row["court_public_id"],
        court_name=row["court_name"],
        venue_name=row["venue_name"],
        day=day,
        starts=tuple(starts_of(day, row["from_minute"], row["slots"], row["slot_minutes"])),
        slot_minutes=row["slot_minutes"],
        people=row["people"],
        companions=tuple(orjson.loads(row["companions"] or "[]")),
    )


async def _decide(due: Due, keys: IdKeys, channels: Mapping[str, PaymentChannel], now: datetime) -> None:
    """Books it, skips it, or leaves it for later: before its day opens, and while somebody is busy or being joined."""
    try:
        if await _was_unpaid(due):
            await _lapse(due, now=now)
        elif refusal := await _refusal_of(due, keys, channels, now):
            await _later(due, refusal, now=now) if _opens_later(refusal) else await _skip(due, refusal, now=now)
    except (Busy, MemberGone):
        return


async def _refusal_of(
    due: Due, keys: IdKeys, channels: Mapping[str, PaymentChannel], now: datetime
) -> DomainError | None:
    """Why it was not booked, or None if it was."""
    try:
        whom = ForWhom(member_id=due.member_id, keys=keys)
        slots = await bookable_together(due.lines, whom=whom, now=now)  # before the day opens nobody is asked for
        named = await ties_to(due.member_id, due.companions)
        place = _placing(due, slots, named, keys, now)
        await past_overdue_holds(lambda: _book(due, place, now=now), place, channels=channels, now=now)
    except (Busy, MemberGone):
        raise
    except DomainError as refusal:
        return refusal
    return None


def _opens_later(refusal: DomainError) -> bool:
    return refusal.code == ErrorCode.SLOT_NOT_RELEASED


def _placing(due: Due, slots: Sequence[Bookable], named: Sequence[str], keys: IdKeys, now: datetime) -> Placing:
    return Placing(
        member_id=due.member_id,
        slots=tuple(paid_later(slot, slots[0].starts_at, now) for slot in slots),
        people=(due.people,) * len(slots),
        named=(tuple(named),) * len(slots),
        keys=keys,
        idempotency_key=f"{due.series_public_id}-{due.day}",
        asked=request_hash("series", due.series_public_id, due.day.isoformat()),
        placed_by=due.placed_by,
        voucher_ids=(),
        organisation_id=due.organisation_id,
    )


def paid_later(slot: Bookable, first: datetime, now: datetime) -> Bookable:
    """The slot, held for who is told of it rather than for who has just tapped."""
    assert isinstance(slot, BookableSlot)
    minutes = hold_minutes(slot.limits, first, now)
    return replace(slot, limits=slot.limits._replace(hold_minutes=minutes))


@database.operation
async def _book(due: Due, place: Placing, *, now: datetime) -> str:
    who = await lock_players(place, now=now)
    known = await _undecided(due)
    if known is None:
        return ""  # decided by another worker, ended, or another account's by now
    in_name_of = due.organisation_id
    if in_name_of is not None and not await acts_for(member_id=due.member_id, organisation_id=in_name_of):
        raise acts_no_more()
    order_no = await place_within(place, who, now=now)
    order = await Order.get(order_no=order_no)
    known.state, known.order_id, known.decided_at = DateState.BOOKED, order.id, now
    await known.save(update_fields=["state", "order_id", "decided_at"])
    if order.to_pay_fen:  # a free one is told as every order that is confirmed
        said = {"what": due.title, "until": moment_text(order.hold_expires_at), "order_no": order_no}
        await tell(
            member_id=due.member_id,
            template="SERIES_TO_PAY",
            values={"venue": due.venue_name, **said},
            about_no=order_no,
            now=now,
        )
    return order_no


def opens_at(refusal: DomainError, now: datetime) -> datetime:
    """When a day that is not open yet opens: to the second above, which is a whole one."""
    return (now + timedelta(seconds=refusal.retry_after or 0)).replace(microsecond=0)


@database.operation
async def _later(due: Due, refusal: DomainError, *, now: datetime) -> None:
    opens = opens_at(refusal, now)
    due_at = min(opens, now + LOOKED_AT_AGAIN)
    await SeriesDate.filter(id=due.id, state=DateState.PLANNED).update(due_at=due_at)


@database.operation
async def _skip(due: Due, refusal: DomainError, *, now: datetime) -> None:
    await living(due.member_id)
    known = await _undecided(due)
    if known is None:
        return
    known.state, known.code, known.reason = DateState.SKIPPED, refusal.code, refusal.message[:200]
    known.decided_at = now
    await known.save(update_fields=["state", "code", "reason", "decided_at"])
    said = {"what": due.title, "when": moment_text(now), "why": refusal.message, "series": due.series_public_id}
    await tell(
        member_id=due.member_id,
        template="SERIES_SKIPPED",
        values={"venue": due.venue_name, **said},
        about_no=f"{due.series_public_id}-{due.day}",
        now=now,
    )


async def _undecided(due: Due) -> SeriesDate | None:
    """The date, locked, if it still waits to be decided and its series goes on."""
    known = await SeriesDate.select_for_update().get_or_none(id=due.id, state=DateState.PLANNED)
    series = await BookingSeries.get_or_none(id=due.series_id, member_id=due.member_id, state=SeriesState.ACTIVE)
    return known if series is not None else None


async def _was_unpaid(due: Due) -> bool:
    """Whether the member let a date before it run out. What an account they were joined with for a day did is not theirs."""
    found = await database.row(
        """SELECT orders.id FROM series_date JOIN orders ON orders.id = series_date.order_id
            WHERE series_date.series_id = $1 AND orders.close_reason = $2 AND orders.member_id = $3 LIMIT 1""",
        *(due.series_id, CloseReason.EXPIRED.value, due.member_id),
    )
    return found is not None


@database.operation
async def _lapse(due: Due, *, now: datetime) -> None:
    """Whoever lets a date go by unpaid keeps the court from others: the series is over, and they are told."""
    await living(due.member_id)
    series = await BookingSeries.get_or_none(id=due.series_id, member_id=due.member_id, state=SeriesState.ACTIVE)
    if series is None:
        return
    await end_all(series, SeriesState.LAPSED, now)
    said = {"what": f"{due.court_name}每周固定场", "when": moment_text(now), "series": due.series_public_id}
    await tell(
        member_id=due.member_id,
        template="SERIES_LAPSED",
        values={"venue": due.venue_name, **said},
        about_no=due.series_public_id,
        now=now,
    )


async def end_all(series: BookingSeries, state: SeriesState, now: datetime) -> None:
    """Nothing more of it will be booked. In an act that holds its member's row."""
    series.state, series.ended_at = state, now
    await series.save(update_fields=["state", "ended_at"])
    undecided = SeriesDate.filter(series_id=series.id, state=DateState.PLANNED)
    await undecided.update(state=DateState.ENDED, decided_at=now)
