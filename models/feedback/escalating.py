"""What happens to complaints by itself: who is late hears from the office above, and what was answered comes to rest."""

from dataclasses import dataclass
from datetime import date, datetime

from models import database
from models.calendar import business_day, day_text, instant_of
from models.feedback.places import ABOVE, DIVISIONS, place_in
from models.feedback.rules import (
    REOPENED_WITHIN,
    WAITING,
    ComplaintStatus,
    Level,
    StepKind,
    subject_text,
)
from models.feedback.steps import add_step
from models.feedback.tables import Complaint
from models.keys import SealingKeys
from models.messages.operations import tell
from models.venues.working_days import is_working_day

AT_ONCE = 100


@dataclass(frozen=True)
class Moved:
    escalated: int
    closed: int


async def escalate_due(*, keys: SealingKeys, now: datetime) -> Moved:
    """Late complaints go one office up, at most one a working day each: venue, district, city, province. The citizen
    is told each time. Complaints that were answered 15 days ago close. A bounded part at a time."""
    today = business_day(now)
    late = await _late(today) if await is_working_day(today) else []
    escalated = [complaint_id for complaint_id in late if await _escalate(complaint_id, keys, now)]
    rested = await database.rows(
        "SELECT id FROM complaint WHERE status = $1 AND answered_at <= $2 ORDER BY id LIMIT $3",
        ComplaintStatus.ANSWERED,
        now - REOPENED_WITHIN,
        AT_ONCE,
    )
    closed = [row["id"] for row in rested if await _rest(row["id"], keys, now)]
    return Moved(len(escalated), len(closed))


async def _late(today: date) -> list[int]:
    waiting = ", ".join(f"'{status}'" for status in WAITING)
    found = await database.rows(
        f"""SELECT id FROM complaint
             WHERE status IN ({waiting}) AND due_on < $1 AND level <> $2
               AND (escalated_at IS NULL OR escalated_at < $3)
             ORDER BY due_on, id LIMIT $4""",
        today,
        Level.PROVINCE,
        instant_of(today, 0),
        AT_ONCE,
    )
    return [int(row["id"]) for row in found]


@database.operation
async def _escalate(complaint_id: int, keys: SealingKeys, now: datetime) -> bool:
    """Looks again under the lock: another worker, or an answer, may have been faster."""
    today = business_day(now)
    complaint = await Complaint.select_for_update().get(id=complaint_id)
    was_today = complaint.escalated_at is not None and business_day(complaint.escalated_at) >= today
    if complaint.status not in WAITING or complaint.due_on >= today or was_today:
        return False
    found = await database.row(
        f"""SELECT complaint.venue_id, venue.public_id AS venue_public_id, venue.name AS venue_name, {DIVISIONS}
              FROM complaint JOIN region ON region.key = complaint.region_key {ABOVE}
                   LEFT JOIN venue ON venue.id = complaint.venue_id
             WHERE complaint.id = $1""",
        complaint_id,
    )
    assert found is not None
    place = place_in(found)
    higher = place.above(Level(complaint.level))
    if higher is None:
        return False
    complaint.level, complaint.escalated_at = higher, now
    await complaint.save(update_fields=["level", "escalated_at"])
    office = place.offices[higher]
    number = await add_step(
        complaint.id, StepKind.ESCALATED, text=f"逾期未答复，已报{office}督办。", keys=keys, now=now
    )
    await tell(
        member_id=complaint.member_id,
        template="COMPLAINT_LATE",
        values={"what": f"{subject_text(complaint.kind, place)}，转{office}", "when": day_text(complaint.due_on)},
        about_no=f"{complaint.public_no}:{number}",
        now=now,
    )
    return True


@database.operation
async def _rest(complaint_id: int, keys: SealingKeys, now: datetime) -> bool:
    complaint = await Complaint.select_for_update().get(id=complaint_id)
    answered_at = complaint.answered_at
    if complaint.status != ComplaintStatus.ANSWERED or answered_at is None or answered_at > now - REOPENED_WITHIN:
        return False
    complaint.status, complaint.closed_at = ComplaintStatus.CLOSED, now
    await complaint.save(update_fields=["status", "closed_at"])
    await add_step(
        complaint.id, StepKind.CLOSED, text=f"答复满{REOPENED_WITHIN.days}天，自动办结。", keys=keys, now=now
    )
    return True
