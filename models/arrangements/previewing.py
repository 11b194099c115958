"""What would come of a series, date by date, before it is asked for. Nothing is held by asking."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from models import database
from models.arrangements.dates import opens_at
from models.arrangements.rules import SeriesWanted, starts_of
from models.arrangements.series import Plan, plan_of
from models.booking.bookable import BookableSlot
from models.calendar import steps_between
from models.checkout import who_plays
from models.checkout.placing import bookable_together
from models.checkout.pricing import ForWhom
from models.checkout.session_lines import Bookable
from models.checkout.wanted import LineWanted
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


async def preview(
    *, member_id: int, wanted: SeriesWanted, placed_by_id: int | None = None, keys: IdKeys, now: datetime
) -> list[DatePreview]:
    """Each date with its price, and why it would be skipped. Raises what asking would say of the whole series.

    A few statements a date: each has its own tariff, rules, closures and limits."""
    plan = await plan_of(wanted, member_id=member_id, now=now)
    who = await who_plays.known_players(member_id, placed_by_id, {}, venue_id=plan.venue_id, now=now)
    return [await _of_date(day, plan, who, ForWhom(member_id=member_id, keys=keys), now) for day in plan.days]


async def _of_date(day: date, plan: Plan, who: WhoPlays, whom: ForWhom, now: datetime) -> DatePreview:
    starts = starts_of(day, plan.wanted.from_minute, plan.wanted.slots, plan.slot_minutes)
    lines = [LineWanted(court_id=plan.wanted.court_id, starts_at=at, people=plan.wanted.people) for at in starts]
    seen = DatePreview(day=day, starts_at=starts[0], would=Would.BOOKED)
    try:
        slots, opens = await _slots(lines, whom, now)
        parts = [part for slot in slots for part in slot.price_parts]
        seen = replace(seen, price_fen=sum(slot.price_fen for slot in slots), price_parts=tuple(parts))
        await _check_free(slots)
        await who_plays.check(
            _as_of(who, opens or now), slots, [()] * len(slots), venue_id=plan.venue_id, keys=whom.keys, now=now
        )
    except DomainError as refusal:
        return replace(seen, would=Would.SKIPPED, code=refusal.code, reason=refusal.message)
    return seen if opens is None else replace(seen, would=Would.LATER, opens_at=opens)


async def _slots(
    lines: Sequence[LineWanted], whom: ForWhom, now: datetime
) -> tuple[Sequence[Bookable], datetime | None]:
    """As they can be booked now; or, when their day is not open, as they will be when it opens, and when that is."""
    try:
        return await bookable_together(lines, whom=whom, now=now), None
    except DomainError as refusal:
        if refusal.code != ErrorCode.SLOT_NOT_RELEASED or refusal.retry_after is None:
            raise
        opens = opens_at(refusal, now)
        return await bookable_together(lines, whom=whom, now=opens), opens


async def _check_free(slots: Sequence[Bookable]) -> None:
    for slot in slots:
        assert isinstance(slot, BookableSlot)
        steps = steps_between(slot.starts_at, slot.ends_at)
        taken = await database.row(
            "SELECT id FROM held_cell WHERE part_id = ANY($1::bigint[]) AND step >= $2 AND step < $3 LIMIT 1",
            *(list(slot.court.part_ids), steps.start, steps.stop),
        )
        if taken is not None:
            raise DomainError(
                f"{slot.title}已经被别人订走了。", code=ErrorCode.SLOT_TAKEN, next_step="请换一个时段或场地。"
            )


def _as_of(who: WhoPlays, at: datetime) -> WhoPlays:
    """The same people when the day opens: a pause may be over by then."""
    players = [
        replace(each, paused_until=None) if each and each.paused_until and each.paused_until <= at else each
        for each in (who.booker, who.guardian)
    ]
    booker, guardian = players
    assert booker is not None
    return WhoPlays(booker=booker, guardian=guardian, companions={})
