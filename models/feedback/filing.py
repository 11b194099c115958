"""What the citizen does: files a complaint, opens it again, closes it."""

from dataclasses import dataclass
from datetime import datetime

from models import database
from models.calendar import business_day, day_text
from models.errors import BadInput, DomainError, ErrorCode
from models.feedback.places import clock_days, due, place_of_region, place_of_venue
from models.feedback.rules import (
    LONGEST_TEXT,
    MOST_OPEN,
    REOPENED_AT_MOST,
    REOPENED_WITHIN,
    SHORTEST_TEXT,
    WAITING,
    ComplaintKind,
    ComplaintState,
    ComplaintStatus,
    ComplaintUnknown,
    KeyReused,
    Place,
    StepKind,
    checked_key,
    checked_text,
    may_reopen,
    subject_text,
)
from models.feedback.steps import add_step, done_before, steps_of, text_of
from models.feedback.tables import Complaint
from models.ids import new_no, request_hash
from models.keys import SealingKeys
from models.messages.operations import tell


@dataclass(frozen=True, kw_only=True)
class ComplaintWanted:
    """What somebody has to say about a venue, about one of their orders there, or about a region."""

    kind: ComplaintKind
    venue_id: str | None = None
    region_key: str | None = None
    order_no: str | None = None
    text: str


async def file_complaint(
    *, member_id: int, wanted: ComplaintWanted, idempotency_key: str, keys: SealingKeys, now: datetime
) -> str:
    """Receives a complaint and gives its number. It goes to its venue, or to the region's administration, under the
    clock of the city where that is, wherever the citizen lives. The same again under its key gives the same number.

    Raises BAD_INPUT, VENUE_UNKNOWN, ORDER_UNKNOWN for an order that is not this member's, IDEMPOTENCY_KEY_REUSED,
    and TOO_MANY_ATTEMPTS while ten of theirs wait for an answer.
    """
    text = checked_text(wanted.text, shortest=SHORTEST_TEXT, longest=LONGEST_TEXT)
    return await _file(member_id, wanted, text, checked_key(idempotency_key), keys, now)


async def reopen_complaint(
    *, member_id: int, complaint_no: str, text: str, idempotency_key: str, keys: SealingKeys, now: datetime
) -> None:
    """The answer did not help: it waits for another one, under a new clock. The same again changes nothing.

    Raises COMPLAINT_UNKNOWN, BAD_INPUT, IDEMPOTENCY_KEY_REUSED, and COMPLAINT_STATE unless it was answered within the
    last 15 days and opened again less than twice.
    """
    text = checked_text(text, shortest=SHORTEST_TEXT, longest=LONGEST_TEXT)
    await _reopen(member_id, complaint_no, text, checked_key(idempotency_key), keys, now)


@database.operation
async def close_complaint(*, member_id: int, complaint_no: str, keys: SealingKeys, now: datetime) -> None:
    """The citizen is content, or has thought better of it. A closed one stays as it is. Raises COMPLAINT_UNKNOWN."""
    complaint = await _locked(member_id, complaint_no)
    if complaint.status == ComplaintStatus.CLOSED:
        return
    complaint.status, complaint.closed_at = ComplaintStatus.CLOSED, now
    await complaint.save(update_fields=["status", "closed_at"])
    await add_step(complaint.id, StepKind.CLOSED, text="本人确认办结。", keys=keys, now=now)


@database.operation
async def _file(
    member_id: int, wanted: ComplaintWanted, text: str, key: str, keys: SealingKeys, now: datetime
) -> str:
    await database.rows(
        "SELECT id FROM member WHERE id = $1 FOR UPDATE", member_id
    )  # one at a time: they are counted
    asked = request_hash(wanted.kind, wanted.venue_id, wanted.region_key, wanted.order_no)  # of the text no trace
    before = await Complaint.get_or_none(member_id=member_id, idempotency_key=key)
    if before is not None:
        first = (await steps_of([before.id]))[0]
        if before.request_hash != asked or text_of(first, keys) != text:
            raise KeyReused
        return before.public_no
    place = await _place(member_id, wanted, now)
    if await Complaint.filter(member_id=member_id, status__in=WAITING).count() >= MOST_OPEN:
        raise DomainError(
            f"您有{MOST_OPEN}件诉求正在办理。",
            code=ErrorCode.TOO_MANY_ATTEMPTS,
            next_step="请等其中一件答复后，或先办结不再需要的，再提交。",
        )
    return await _write(member_id, wanted, place, text, (key, asked), keys, now)


async def _write(
    member_id: int,
    wanted: ComplaintWanted,
    place: Place,
    text: str,
    request: tuple[str, str],
    keys: SealingKeys,
    now: datetime,
) -> str:
    days = await clock_days(wanted.kind, place)
    last = await due(days, now)
    complaint = await Complaint.create(
        public_no=new_no("C", now),
        member_id=member_id,
        kind=wanted.kind,
        venue_id=place.venue_id,
        region_key=place.region_key,
        city_key=place.city_key,
        order_no=wanted.order_no or "",
        idempotency_key=request[0],
        request_hash=request[1],
        status=ComplaintStatus.RECEIVED,
        level=place.first_level,
        received_at=now,
        clock_days=days,
        due_on=last.day,
        is_due_certain=last.is_certain,
    )
    await add_step(complaint.id, StepKind.RECEIVED, text=text, keys=keys, now=now)
    await tell_routed(complaint, place, about_no=complaint.public_no, now=now)
    return complaint.public_no


async def tell_routed(complaint: Complaint, place: Place, *, about_no: str, now: datetime) -> None:
    """Whom it is about now, and until when an answer is due. In the caller's transaction."""
    await tell(
        member_id=complaint.member_id,
        template="COMPLAINT_ROUTED",
        values={
            "what": subject_text(complaint.kind, place, is_due_certain=complaint.is_due_certain),
            "when": day_text(complaint.due_on),
        },
        about_no=about_no,
        now=now,
    )


async def _place(member_id: int, wanted: ComplaintWanted, now: datetime) -> Place:
    venue_id = wanted.venue_id
    if wanted.order_no:
        venue_id = await _venue_of_order(member_id, wanted.order_no)
        if wanted.venue_id not in (None, venue_id):
            raise BadInput("这个订单不是这个场馆的。", next_step="请重新选择场馆或订单。", field="orderNo")
    if (venue_id is None) == (wanted.region_key is None):
        raise BadInput("请选择一个场馆，或选择一个地区。", next_step="两者选其一后再提交。", field="venueId")
    if venue_id is not None:
        return await place_of_venue(venue_id)
    assert wanted.region_key is not None
    return await place_of_region(wanted.region_key, on_day=business_day(now))


async def _venue_of_order(member_id: int, order_no: str) -> str:
    found = await database.row(
        """SELECT venue.public_id FROM orders JOIN venue ON venue.id = orders.venue_id
            WHERE orders.order_no = $1 AND orders.member_id = $2""",
        order_no,
        member_id,
    )
    if found is None:
        raise DomainError(
            "没有找到这个订单。",
            code=ErrorCode.ORDER_UNKNOWN,
            next_step="请在“我的订单”里核对订单号。",
            field="orderNo",
        )
    return str(found["public_id"])


@database.operation
async def _reopen(
    member_id: int, complaint_no: str, text: str, key: str, keys: SealingKeys, now: datetime
) -> None:
    complaint = await _locked(member_id, complaint_no)
    if await done_before(complaint.id, StepKind.REOPENED, request_key=key, text=text, staff_id=None, keys=keys):
        return
    if not may_reopen(complaint.status, complaint.answered_at, complaint.reopened, now):
        raise ComplaintState(
            f"答复后{REOPENED_WITHIN.days}天内可以重新办理，最多{REOPENED_AT_MOST}次。",
            next_step="如仍有问题，请另提一件新的诉求。",
            field="complaintNo",
        )
    last = await due(complaint.clock_days, now)
    complaint.status, complaint.closed_at = ComplaintStatus.REOPENED, None
    complaint.reopened += 1
    complaint.due_on, complaint.is_due_certain = last.day, last.is_certain
    await complaint.save(update_fields=["status", "closed_at", "reopened", "due_on", "is_due_certain"])
    await add_step(complaint.id, StepKind.REOPENED, text=text, keys=keys, now=now, request_key=key)


async def _locked(member_id: int, complaint_no: str) -> Complaint:
    found = await Complaint.select_for_update().get_or_none(member_id=member_id, public_no=complaint_no)
    if found is None:
        raise ComplaintUnknown
    return found
