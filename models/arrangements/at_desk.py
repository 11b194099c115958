"""A court every week for whoever stands at a desk and has no phone: seen before, asked for, listed and ended by the clerk,
under the rules of everybody, for the person whose card was just read here, and at this venue only."""

from collections.abc import Mapping
from datetime import datetime

from models import database
from models.arrangements import queries, series
from models.arrangements.previewing import DatePreview, preview_of
from models.arrangements.rules import SeriesWanted
from models.arrangements.series import Plan, end_within, plan_of
from models.arrangements.tables import BookingSeries
from models.audit.deeds import concerning
from models.calendar import moment_text
from models.checkout.at_desk import checked_key
from models.checkout.placing import PlacedBy
from models.checkout.pricing import ForWhom
from models.errors import BadInput
from models.families.guardian_here import demand_guardian_here
from models.ids import request_hash
from models.keys import IdKeys
from models.members.standing import lock_living
from models.messages.operations import tell
from models.real_names.at_desk import PersonHere, demand_still_here, person_here
from models.staff.rules import Power, StaffSignedIn
from payments.port import PaymentChannel


async def preview_at_desk(
    *, clerk: StaffSignedIn, person_id: str, venue_id: str, wanted: SeriesWanted, keys: IdKeys, now: datetime
) -> list[DatePreview]:
    """What would come of it, date by date. Raises what `ask_at_desk` does of the whole series."""
    person = await _served(clerk, person_id, venue_id, keys, now, reading=True)
    plan = await _plan_here(wanted, person, venue_id, now)
    return await preview_of(plan, ForWhom(member_id=person.member_id, keys=keys), now=now)


async def ask_at_desk(
    *,
    clerk: StaffSignedIn,
    person_id: str,
    venue_id: str,
    wanted: SeriesWanted,
    key: str,
    keys: IdKeys,
    channels: Mapping[str, PaymentChannel],
    now: datetime,
) -> tuple[int, str]:
    """`series.ask` for the person before the clerk; gives their member's row and the series. Raises also NOT_ALLOWED,
    MEMBER_UNKNOWN for somebody whose card was not just read here, GUARDIAN_NEEDED for a child alone."""
    key = checked_key(key)
    person = await _served(clerk, person_id, venue_id, keys, now)
    await _plan_here(wanted, person, venue_id, now)
    series_id = await series.ask(
        member_id=person.member_id,
        wanted=wanted,
        key=f"desk-{request_hash(clerk.staff_id, key)[:32]}",  # never one of the member's own
        placed_by=PlacedBy(staff_id=clerk.staff_id),
        keys=keys,
        channels=channels,
        now=now,
    )
    return person.member_id, series_id


async def series_at_desk(
    *, clerk: StaffSignedIn, person_id: str, venue_id: str, keys: IdKeys, now: datetime
) -> list[queries.Row]:
    """The person's at this venue, the newest first. Raises as `preview_at_desk` does of the person."""
    person = await _served(clerk, person_id, venue_id, keys, now, reading=True)
    return await queries.series_of(member_id=person.member_id, venue_id=venue_id)


async def end_at_desk(
    *, clerk: StaffSignedIn, person_id: str, venue_id: str, series_id: str, keys: IdKeys, now: datetime
) -> int:
    """`series.end` for the person before the clerk, of a series at this venue, whoever asked for it; they are told, since
    it was not they who pressed. Gives their member's row. Raises SERIES_UNKNOWN, and as `preview_at_desk` does of the
    person."""
    person = await _served(clerk, person_id, venue_id, keys, now)
    await _end(person, series_id, now)
    return person.member_id


@database.operation
async def _end(person: PersonHere, series_id: str, now: datetime) -> None:
    await lock_living(person.member_id)
    await demand_still_here(person)
    series = await BookingSeries.get_or_none(
        public_id=series_id, member_id=person.member_id, venue_id=person.venue_id
    ).prefetch_related("court", "venue")
    if not await end_within(series, now):
        return
    assert series is not None
    await tell(
        member_id=person.member_id,
        template="SERIES_ENDED",
        values={
            "venue": series.venue.name,
            "what": f"{series.court.name}每周固定场",
            "when": moment_text(now),
            "series": series_id,
        },
        about_no=series_id,
        now=now,
    )


async def _served(
    clerk: StaffSignedIn, person_id: str, venue_id: str, keys: IdKeys, now: datetime, *, reading: bool = False
) -> PersonHere:
    """Whom this clerk may book for: their card was just read here, and a child has a guardian beside them."""
    person = await person_here(
        clerk=clerk, power=Power.BOOK_FOR_PERSON, person_id=person_id, venue_id=venue_id, keys=keys, now=now
    )
    if person.known.is_child:
        await demand_guardian_here(person, staff_id=clerk.staff_id, now=now)
    if reading:
        concerning("MEMBER", person.public_id, venue_id=venue_id, reading=True)
    return person


async def _plan_here(wanted: SeriesWanted, person: PersonHere, venue_id: str, now: datetime) -> Plan:
    plan = await plan_of(wanted, member_id=person.member_id, now=now)
    if plan.venue_public_id != venue_id:
        raise BadInput("前台只能预订本场馆的场地。", next_step="请选择本场馆的场地。", field="courtId")
    return plan
