"""A group asks a venue for several courts or hours at once, over what a person may have, and the venue answers in time.

Nothing is held until it is allowed: nobody has looked yet at who asks, and what a paper keeps, citizens cannot book.
Whoever decides sees what is taken meanwhile (`queries.to_decide`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models import database
from models.arrangements.rules import (
    LONGEST_PURPOSE,
    MOST_OPEN_REQUESTS,
    GroupLine,
    RequestState,
    check_people,
    checked_words,
    request_decided,
    request_unknown,
    too_many_requests,
)
from models.arrangements.tables import GroupRequest
from models.booking.bookable import BookableSlot, bookable_slots
from models.calendar import business_day, moment_text
from models.checkout.wanted import LineWanted, check_key, check_together, checked_lines
from models.errors import BadInput, DomainError, ErrorCode, KeyReused
from models.ids import new_id, request_hash
from models.keys import IdKeys
from models.members.standing import MemberGone, living, lock_living
from models.messages.operations import tell
from models.organisations.queries import booking_for
from models.real_names.queries import known_person
from models.real_names.rules import RealNameNeeded

ENDED_A_RUN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupWanted:
    """Slots of courts of one venue, how many people come in all, and what for (a line of text)."""

    lines: Sequence[LineWanted]
    people: int
    purpose: str
    organisation_id: str | None = None
    """In whose name (public id)."""

    @property
    def asked(self) -> list[object]:
        return [*(line.asked for line in self.lines), self.people, self.purpose, self.organisation_id]


async def ask(*, member_id: int, wanted: GroupWanted, key: str, keys: IdKeys, now: datetime) -> str:
    """Gives the request's public id; the venue's staff find it in their list until `answer_by`. The same key with the
    same wish is the same request.

    Raises REAL_NAME_NEEDED, NOT_ALLOWED for who is not of age or has no such role, ORGANISATION_UNKNOWN,
    ORGANISATION_STATE, GROUPS_NOT_TAKEN, TOO_MANY_GROUP_REQUESTS, BAD_INPUT, and what a slot is refused with.
    """
    check_key(key)
    asked = request_hash(*wanted.asked)
    if known := await _asked_before(member_id, key, asked):
        return known
    await _demand_adult(member_id, keys, now)
    organisation_id = (
        await booking_for(member_id=member_id, organisation_id=wanted.organisation_id)
        if wanted.organisation_id
        else None
    )
    purpose = checked_words(wanted.purpose, LONGEST_PURPOSE, "purpose")
    slots = await slots_of(checked_lines(wanted.lines), now)
    lines = [_line(slot) for slot in slots]
    check_people(wanted.people, lines)
    hours = min(slot.limits.group_answer_hours for slot in slots)
    request = GroupRequest(
        public_id=new_id("grp"),
        member_id=member_id,
        organisation_id=organisation_id,
        venue_id=slots[0].venue_id,
        people=wanted.people,
        purpose=purpose,
        lines=[list(line) for line in lines],
        state=RequestState.WAITING,
        answer_by=min(now + timedelta(hours=hours), *(slot.starts_at for slot in slots)),
        idempotency_key=key,
        request_hash=asked,
        asked_at=now,
    )
    return await _write(request)


async def slots_of(lines: Sequence[LineWanted], now: datetime) -> list[BookableSlot]:
    """What a request is for, at the general price: an organisation is no senior. Raises as `bookable_slots` does, and
    BAD_INPUT for sessions, companions and two venues."""
    courts = [(line.court_id, line.starts_at, line.people) for line in lines if line.starts_at is not None]
    if len(courts) < len(lines) or any(line.companion_ids for line in lines):
        raise BadInput("团体只能申请场地，不用写球友。", next_step="请只选择场地和时段。", field="lines")
    slots = await bookable_slots(courts, for_group=True, now=now)
    if len({slot.venue_id for slot in slots}) > 1:
        raise BadInput("一个申请只能是同一个场馆。", next_step="请按场馆分别申请。", field="lines")
    check_together(slots)
    return slots


@database.operation
async def withdraw(*, member_id: int, request_id: str, now: datetime) -> None:
    """By who asked, while nobody has answered. Harmless the second time. Raises GROUP_REQUEST_UNKNOWN,
    GROUP_REQUEST_DECIDED."""
    await living(member_id)
    request = await GroupRequest.select_for_update().get_or_none(public_id=request_id, member_id=member_id)
    if request is None:
        raise request_unknown()
    if request.state == RequestState.WITHDRAWN:
        return
    if request.state != RequestState.WAITING:
        raise request_decided(request.state)
    request.state, request.decided_at = RequestState.WITHDRAWN, now
    await request.save(update_fields=["state", "decided_at"])


async def end_unanswered(*, now: datetime) -> int:
    """Lets go what nobody answered in time and tells who asked; gives how many. Any number of workers."""
    due = await database.rows(
        "SELECT id, member_id FROM group_request WHERE state = 'WAITING' AND answer_by <= $1 ORDER BY answer_by LIMIT $2",
        *(now, ENDED_A_RUN),
    )
    return sum([await _end_unanswered(row["id"], row["member_id"], now) for row in due])


async def _end_unanswered(row_id: int, member_id: int, now: datetime) -> int:
    try:
        return await _unanswered(row_id, member_id, now)
    except MemberGone:  # being joined or deleted: the next run finds it elsewhere, or not at all
        return 0


@database.operation
async def _unanswered(row_id: int, member_id: int, now: datetime) -> int:
    await living(member_id)
    request = await GroupRequest.select_for_update().get_or_none(
        id=row_id, member_id=member_id, state=RequestState.WAITING
    )
    if request is None:
        return 0
    request.state, request.decided_at = RequestState.UNANSWERED, now
    await request.save(update_fields=["state", "decided_at"])
    await tell_decided(request, "GROUP_UNANSWERED", request_and_moment(request, now), now)
    return 1


def request_and_moment(request: GroupRequest, now: datetime) -> dict[str, str]:
    """What a message that leads to the request says of it."""
    return {"when": moment_text(now), "request": request.public_id}


async def tell_decided(request: GroupRequest, template: str, more: dict[str, str], now: datetime) -> None:
    """In the act that decided it."""
    venue = await database.row("SELECT name FROM venue WHERE id = $1", request.venue_id)
    assert venue is not None
    lines = [GroupLine(*line) for line in request.lines]
    what = lines[0].title if len(lines) == 1 else f"{lines[0].title}等{len(lines)}个时段"
    said = {"venue": venue["name"], "what": what, **more}
    await tell(member_id=request.member_id, template=template, values=said, about_no=request.public_id, now=now)


def _line(slot: BookableSlot) -> GroupLine:
    return GroupLine(
        slot.court.public_id,
        slot.title,
        slot.starts_at.isoformat(),
        slot.ends_at.isoformat(),
        slot.people,
        slot.price_fen,
    )


async def _demand_adult(member_id: int, keys: IdKeys, now: datetime) -> None:
    person = await known_person(member_id=member_id, keys=keys, today=business_day(now))
    if person is None:
        raise RealNameNeeded("申请团体预订需要先完成实名认证。")
    if not person.is_adult:
        raise DomainError(
            "未满18周岁不能申请团体预订。",
            code=ErrorCode.NOT_ALLOWED,
            next_step="请由成年的负责人申请，或单次预订。",
        )


@database.operation
async def _write(request: GroupRequest) -> str:
    """The member's row is the lock under which their open requests are counted."""
    await lock_living(request.member_id)
    if known := await _asked_before(request.member_id, request.idempotency_key, request.request_hash):
        return known
    waiting: Any = GroupRequest.filter(member_id=request.member_id, state=RequestState.WAITING)
    if await waiting.count() >= MOST_OPEN_REQUESTS:
        raise too_many_requests()
    await request.save()
    return str(request.public_id)


async def _asked_before(member_id: int, key: str, asked: str) -> str | None:
    found = await GroupRequest.get_or_none(member_id=member_id, idempotency_key=key)
    if found is None:
        return None
    if found.request_hash != asked:
        raise KeyReused("一个团体申请")
    return str(found.public_id)
