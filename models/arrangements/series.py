"""A court every week: what would come of it, asking for it, and ending it. Its dates are booked in `dates.py`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from models import database
from models.arrangements.dates import book_dates_of, end_all
from models.arrangements.rules import (
    DateState,
    SeriesState,
    SeriesWanted,
    check_companions,
    checked_days,
    series_unknown,
    too_many_series,
)
from models.arrangements.tables import BookingSeries, SeriesCompanion, SeriesDate
from models.attendance.players import companions_of
from models.booking.limits import Limits
from models.booking.queries import timetable
from models.calendar import business_day
from models.checkout.placing import PlacedBy
from models.checkout.wanted import check_key
from models.errors import BadInput, DomainError, ErrorCode, KeyReused
from models.ids import new_id, request_hash
from models.keys import IdKeys
from models.members.standing import lock_living
from models.organisations.queries import booking_for
from models.venues.rules import DAY_MINUTES
from payments.port import PaymentChannel


@dataclass(frozen=True, slots=True)
class Plan:
    """Where and when: checked, but for what each date will say."""

    wanted: SeriesWanted
    venue_id: int
    venue_public_id: str
    court_id: int
    slot_minutes: int
    limits: Limits
    days: tuple[date, ...]
    organisation_id: int | None
    companions: Mapping[str, int]
    """The members who play along, by what ties them (public id)."""


async def plan_of(wanted: SeriesWanted, *, member_id: int, now: datetime) -> Plan:
    """Raises COURT_UNKNOWN, VENUE_CLOSED, ORGANISATION_UNKNOWN, RELATION_UNKNOWN, and what `checked_days` and
    `check_companions` do."""
    check_companions(wanted)
    companions = await companions_of(member_id, wanted.companion_ids)
    organisation_id = None
    if wanted.organisation_id:
        organisation_id = await booking_for(member_id=member_id, organisation_id=wanted.organisation_id)
    court = await database.row(
        """SELECT court.id, court.sport_code, court.slot_minutes, court.venue_id, venue.public_id AS venue_public_id
             FROM court JOIN venue ON venue.id = court.venue_id WHERE court.public_id = $1 AND court.is_open""",
        wanted.court_id,
    )
    if court is None:
        raise DomainError(
            "没有找到这片场地。", code=ErrorCode.COURT_UNKNOWN, next_step="请重新选择场地。", field="courtId"
        )
    today = business_day(now)
    day = max(today, wanted.first_day) if wanted.first_day <= date(today.year + 2, 1, 1) else today
    limits = (await timetable(venue_id=court["venue_public_id"], sport=None, day=day)).limits_of(
        court["sport_code"]
    )
    days = checked_days(wanted, limits, today)
    if wanted.from_minute + wanted.slots * court["slot_minutes"] > DAY_MINUTES:
        raise BadInput("固定场不能跨过半夜。", next_step="请减少时段，或选择早一些的时间。", field="slots")
    return Plan(
        wanted=wanted,
        venue_id=court["venue_id"],
        venue_public_id=court["venue_public_id"],
        court_id=court["id"],
        slot_minutes=court["slot_minutes"],
        limits=limits,
        days=tuple(days),
        organisation_id=organisation_id,
        companions=companions,
    )


async def ask(
    *,
    member_id: int,
    wanted: SeriesWanted,
    key: str,
    placed_by: PlacedBy | None = None,
    keys: IdKeys,
    channels: Mapping[str, PaymentChannel],
    now: datetime,
) -> str:
    """Writes the series down, then books whatever of it can be booked today, a date at a time; gives its public id.
    The others follow when their days open (`dates.book_due`). The same key with the same wish is the same series.

    Raises SERIES_NOT_OFFERED, SERIES_TOO_LONG, TOO_MANY_SERIES, COURT_UNKNOWN, ORGANISATION_UNKNOWN, RELATION_UNKNOWN,
    BAD_INPUT.
    """
    check_key(key)
    asked = request_hash(*wanted.asked)
    known = await _asked_before(member_id, key, asked)
    if known is None:
        plan = await plan_of(wanted, member_id=member_id, now=now)
        series = _series(plan, member_id, placed_by or PlacedBy(), now)
        series.idempotency_key, series.request_hash = key, asked
        known = await _write(series, plan, now)
    await book_dates_of(known, keys=keys, channels=channels, now=now)
    return known


@database.operation
async def end(*, member_id: int, series_id: str, now: datetime) -> None:
    """What is not booked yet of it will not be; what is booked stays, and is cancelled by itself. Harmless the second
    time. Raises SERIES_UNKNOWN."""
    await lock_living(member_id)
    await end_within(await BookingSeries.get_or_none(public_id=series_id, member_id=member_id), now)


async def end_within(series: BookingSeries | None, now: datetime) -> bool:
    """Whether it was this act that ended it. In an act that holds its member's row. Raises SERIES_UNKNOWN for none."""
    if series is None:
        raise series_unknown()
    if series.state != SeriesState.ACTIVE:
        return False
    await end_all(series, SeriesState.ENDED, now)
    return True


def _series(plan: Plan, member_id: int, placed_by: PlacedBy, now: datetime) -> BookingSeries:
    return BookingSeries(
        public_id=new_id("ser"),
        member_id=member_id,
        placed_by_id=placed_by.member_id,
        placed_by_staff_id=placed_by.staff_id,
        organisation_id=plan.organisation_id,
        venue_id=plan.venue_id,
        court_id=plan.court_id,
        weekday=plan.wanted.weekday,
        from_minute=plan.wanted.from_minute,
        slots=plan.wanted.slots,
        first_day=plan.days[0],
        last_day=plan.days[-1],
        people=plan.wanted.people,
        state=SeriesState.ACTIVE,
        asked_at=now,
    )


@database.operation
async def _write(series: BookingSeries, plan: Plan, now: datetime) -> str:
    """The member's row is the lock under which their series are counted."""
    await lock_living(series.member_id)
    if known := await _asked_before(series.member_id, series.idempotency_key, series.request_hash):
        return known
    most = plan.limits.series_a_person
    live = BookingSeries.filter(
        member_id=series.member_id,
        venue_id=series.venue_id,
        state=SeriesState.ACTIVE,
        last_day__gte=business_day(now),
    )
    if most is not None and await live.count() >= most:
        raise too_many_series(most)
    await series.save()
    await SeriesCompanion.bulk_create(
        SeriesCompanion(series_id=series.id, member_id=other, named_at=now) for other in plan.companions.values()
    )
    await SeriesDate.bulk_create(
        [
            SeriesDate(series_id=series.id, business_day=day, state=DateState.PLANNED, due_at=now)
            for day in plan.days
        ]
    )
    return str(series.public_id)


async def _asked_before(member_id: int, key: str, asked: str) -> str | None:
    found = await BookingSeries.get_or_none(member_id=member_id, idempotency_key=key)
    if found is None:
        return None
    if found.request_hash != asked:
        raise KeyReused("一个固定场")
    return str(found.public_id)
