"""What staff do about a complaint: answer it, and send it where it belongs."""

from datetime import datetime
from typing import Any

from models import database
from models.audit.deeds import concerning
from models.calendar import business_day, moment_text
from models.errors import BadInput
from models.feedback.filing import tell_routed
from models.feedback.places import clock_days, due, place_in, place_of_region, place_of_venue
from models.feedback.queries import demand_power, in_scope
from models.feedback.rules import (
    LONGEST_ANSWER,
    ROUTED_AT_MOST,
    WAITING,
    ComplaintKind,
    ComplaintState,
    ComplaintStatus,
    ComplaintUnknown,
    Level,
    Place,
    StepKind,
    checked_key,
    checked_text,
    higher,
    subject_text,
)
from models.feedback.steps import add_step, done_before, steps_of
from models.feedback.tables import Complaint
from models.keys import SealingKeys
from models.messages.operations import tell
from models.staff.powers import demand
from models.staff.rules import Power, StaffSignedIn


async def answer_complaint(
    *,
    clerk: StaffSignedIn,
    complaint_no: str,
    text: str,
    idempotency_key: str,
    keys: SealingKeys,
    now: datetime,
) -> None:
    """Answers a complaint that waits for one, for the citizen to read. The same again under its key changes nothing.

    Raises NOT_ALLOWED, COMPLAINT_UNKNOWN outside the clerk's venues and regions, COMPLAINT_STATE when somebody was
    faster or it was closed, IDEMPOTENCY_KEY_REUSED, BAD_INPUT.
    """
    await demand_power(clerk)
    text = checked_text(text, longest=LONGEST_ANSWER)
    await _answer(clerk, complaint_no, text, checked_key(idempotency_key), keys, now)


async def route_complaint(
    *,
    clerk: StaffSignedIn,
    complaint_no: str,
    venue_id: str | None,
    region_key: str | None,
    keys: SealingKeys,
    now: datetime,
) -> None:
    """Sends a complaint to the venue or the region where it belongs, in whichever city. There already, it stays.

    Whose region it lies in decides, not the venue: nobody passes on what is said about themselves. In another city
    that city's clock begins; within one the old clock runs on, and what went up since it was late stays up, so that
    routing gains nobody time.

    Raises NOT_ALLOWED, COMPLAINT_UNKNOWN, COMPLAINT_STATE, VENUE_UNKNOWN, BAD_INPUT.
    """
    await demand(clerk, Power.ROUTE_FEEDBACK)
    if (venue_id is None) == (region_key is None):
        raise BadInput("请选择一个场馆，或选择一个地区。", next_step="两者选其一后再提交。", field="venueId")
    await _route(clerk, complaint_no, venue_id, region_key, keys, now)


@database.operation
async def _answer(
    clerk: StaffSignedIn, complaint_no: str, text: str, key: str, keys: SealingKeys, now: datetime
) -> None:
    complaint, seen = await _locked(clerk, complaint_no, reading=True)  # who answers is shown all that was said
    if await done_before(
        complaint.id, StepKind.ANSWERED, request_key=key, text=text, staff_id=clerk.staff_id, keys=keys
    ):
        return
    if complaint.status not in WAITING:
        raise await _settled(complaint)
    complaint.status, complaint.answered_at = ComplaintStatus.ANSWERED, now
    await complaint.save(update_fields=["status", "answered_at"])
    number = await add_step(
        complaint.id, StepKind.ANSWERED, text=text, keys=keys, now=now, staff_id=clerk.staff_id, request_key=key
    )
    await tell(
        member_id=complaint.member_id,
        template="COMPLAINT_ANSWERED",
        values={"what": subject_text(complaint.kind, place_in(seen)), "when": moment_text(now)},
        about_no=f"{complaint.public_no}:{number}",
        now=now,
    )


@database.operation
async def _route(
    clerk: StaffSignedIn,
    complaint_no: str,
    venue_id: str | None,
    region_key: str | None,
    keys: SealingKeys,
    now: datetime,
) -> None:
    complaint, _ = await _locked(clerk, complaint_no)
    await demand(clerk, Power.ROUTE_FEEDBACK, region_key=complaint.region_key)
    if complaint.status not in WAITING:
        raise await _settled(complaint)
    if venue_id is not None:
        place = await place_of_venue(venue_id)
    else:
        assert region_key is not None
        place = await place_of_region(region_key, on_day=business_day(now))
    if (complaint.venue_id, complaint.region_key) == (place.venue_id, place.region_key):
        return
    routed = [step for step in await steps_of([complaint.id]) if step["kind"] == StepKind.ROUTED]
    if len(routed) >= ROUTED_AT_MOST:
        raise ComplaintState(
            f"这件诉求已转办{ROUTED_AT_MOST}次。",
            next_step="请与上级主管部门商定后直接答复。",
            field="complaintNo",
        )
    await _move(complaint, place, clerk, keys, now)


async def _move(
    complaint: Complaint, place: Place, clerk: StaffSignedIn, keys: SealingKeys, now: datetime
) -> None:
    level = place.first_level
    if complaint.city_key != place.city_key:
        complaint.escalated_at = None  # no office there was late
        complaint.clock_days = await clock_days(ComplaintKind(complaint.kind), place)
        last = await due(complaint.clock_days, now)
        complaint.due_on, complaint.is_due_certain = last.day, last.is_certain
    elif complaint.escalated_at is not None:
        level = higher(Level(complaint.level), level)
    complaint.venue_id, complaint.region_key, complaint.city_key = place.venue_id, place.region_key, place.city_key
    complaint.level = level
    await complaint.save()
    first, above = place.offices[place.first_level], place.offices[level]
    number = await add_step(
        complaint.id,
        StepKind.ROUTED,
        text=f"转至{first}办理。" if first == above else f"转至{first}，仍由{above}督办。",
        keys=keys,
        now=now,
        staff_id=clerk.staff_id,
    )
    await tell_routed(complaint, place, about_no=f"{complaint.public_no}:{number}", now=now)


async def _locked(clerk: StaffSignedIn, complaint_no: str, *, reading: bool = False) -> tuple[Complaint, Any]:
    """Locked, and as it is seen, if it lies in the clerk's venues or regions, and named to the auditor. Raises
    COMPLAINT_UNKNOWN."""
    complaint = await Complaint.select_for_update().get_or_none(public_no=complaint_no)
    seen = None if complaint is None else await in_scope(clerk, complaint_no)
    if complaint is None or seen is None:
        raise ComplaintUnknown
    concerning(
        "MEMBER",
        seen["member_public_id"],
        venue_id=seen["venue_public_id"] or "",
        reading=reading,
        detail=complaint_no,
    )
    return complaint, seen


async def _settled(complaint: Complaint) -> ComplaintState:
    if complaint.status == ComplaintStatus.CLOSED:
        return ComplaintState("这件诉求已经办结。", next_step="请刷新列表。", field="complaintNo")
    answers = [step for step in await steps_of([complaint.id]) if step["kind"] == StepKind.ANSWERED]
    return ComplaintState(
        f"{answers[-1]['display_name']}已经答复了这件诉求。", next_step="请刷新后查看。", field="complaintNo"
    )
