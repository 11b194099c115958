"""The venue's staff allow a group's request, which places its order, or refuse it with a reason. Once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from models import database
from models.arrangements.dates import paid_later
from models.arrangements.requesting import request_and_moment, slots_of, tell_decided
from models.arrangements.rules import (
    LONGEST_NOTE,
    GroupLine,
    RequestState,
    asker_gone,
    checked_words,
    request_decided,
    request_unknown,
)
from models.arrangements.tables import GroupRequest
from models.audit.deeds import concerning
from models.calendar import moment_text
from models.checkout.placing import PlacedBy, Placing, lock_players, past_overdue_holds, place_within
from models.checkout.session_lines import Bookable
from models.checkout.wanted import LineWanted
from models.ids import request_hash
from models.keys import IdKeys
from models.members.standing import MemberGone, living
from models.orders.tables import Order
from models.organisations.queries import acts_for
from models.staff.powers import demand, may
from models.staff.rules import Power, StaffSignedIn
from payments.port import PaymentChannel


@dataclass(frozen=True, slots=True)
class _Said:
    clerk: StaffSignedIn
    is_allowed: bool
    note: str


async def decide(
    *,
    clerk: StaffSignedIn,
    request_id: str,
    is_allowed: bool,
    note: str = "",
    keys: IdKeys,
    channels: Mapping[str, PaymentChannel],
    now: datetime,
) -> None:
    """Allowed, its order is placed for who asked, all of it or nothing, at the general price of now; they are told until when to
    pay. Refused, they are told why (`note`). The same by the same clerk again is harmless.

    Raises NOT_ALLOWED, GROUP_REQUEST_UNKNOWN, GROUP_REQUEST_DECIDED, ORGANISATION_STATE when who asked does not act for it
    any more, BAD_INPUT for a no without a reason, and whatever keeps its slots from being booked, as SLOT_TAKEN.
    """
    await demand(clerk, Power.DECIDE_GROUP_REQUESTS)
    said = _Said(clerk, is_allowed, note)
    try:
        await _decide(request_id, said, keys, channels, now)
    except MemberGone:  # their account was joined to another meanwhile; it is no clerk who has to sign in again
        await _decide(request_id, said, keys, channels, now)


async def _decide(
    request_id: str, said: _Said, keys: IdKeys, channels: Mapping[str, PaymentChannel], now: datetime
) -> None:
    clerk, is_allowed = said.clerk, said.is_allowed
    request = await GroupRequest.get_or_none(public_id=request_id).prefetch_related("venue")
    if request is None or not await may(clerk, Power.DECIDE_GROUP_REQUESTS, venue_id=request.venue.public_id):
        raise request_unknown()
    concerning("GROUP_REQUEST", request.public_id, venue_id=request.venue.public_id)
    reason = "" if is_allowed else checked_words(said.note, LONGEST_NOTE, "note")
    state = RequestState.APPROVED if is_allowed else RequestState.REFUSED
    if _is_said_already(request, state, clerk, now):
        return
    if not is_allowed:
        await _refuse(request, clerk, reason, now=now)
        return
    lines = [_wanted(GroupLine(*line)) for line in request.lines]
    place = _placing(request, await slots_of(lines, now), keys, now)
    await past_overdue_holds(lambda: _allow(request, place, clerk, now=now), place, channels=channels, now=now)


def _is_said_already(request: GroupRequest, state: RequestState, clerk: StaffSignedIn, now: datetime) -> bool:
    """Whether this clerk has said just this. Raises GROUP_REQUEST_DECIDED for anything else that was said."""
    if request.state == RequestState.WAITING:
        if request.answer_by <= now:
            raise request_decided(RequestState.UNANSWERED)
        return False
    if (request.state, request.decided_by_id) == (state, clerk.staff_id):
        return True
    raise request_decided(request.state)


def _wanted(line: GroupLine) -> LineWanted:
    return LineWanted(court_id=line.court_id, starts_at=datetime.fromisoformat(line.starts_at), people=line.people)


def _placing(request: GroupRequest, slots: Sequence[Bookable], keys: IdKeys, now: datetime) -> Placing:
    first = min(slot.starts_at for slot in slots)
    return Placing(
        member_id=request.member_id,
        slots=tuple(paid_later(slot, first, now) for slot in slots),
        people=tuple(GroupLine(*line).people for line in request.lines),
        named=((),) * len(slots),
        keys=keys,
        idempotency_key=request.public_id,
        asked=request_hash("group", request.public_id),
        placed_by=PlacedBy(),
        voucher_ids=(),
        organisation_id=request.organisation_id,
        by_approval=True,
    )


@database.operation
async def _allow(seen: GroupRequest, place: Placing, clerk: StaffSignedIn, *, now: datetime) -> str:
    who = await lock_players(place, now=now)
    request = await _undecided(seen, RequestState.APPROVED, clerk, now)
    if request is None:
        return ""
    in_name_of = request.organisation_id
    if in_name_of is not None and not await acts_for(member_id=place.member_id, organisation_id=in_name_of):
        raise asker_gone()
    order_no = await place_within(place, who, now=now)
    order = await Order.get(order_no=order_no)
    request.state, request.order_id = RequestState.APPROVED, order.id
    request.decided_by_id, request.decided_at = clerk.staff_id, now
    await request.save(update_fields=["state", "order_id", "decided_by_id", "decided_at"])
    if order.to_pay_fen:  # a free one is told as every order that is confirmed
        until = {"until": moment_text(order.hold_expires_at), "order_no": order_no}
        await tell_decided(request, "GROUP_TO_PAY", until, now)
    return order_no


@database.operation
async def _refuse(seen: GroupRequest, clerk: StaffSignedIn, reason: str, *, now: datetime) -> None:
    await living(seen.member_id)
    request = await _undecided(seen, RequestState.REFUSED, clerk, now)
    if request is None:
        return
    request.state, request.note = RequestState.REFUSED, reason
    request.decided_by_id, request.decided_at = clerk.staff_id, now
    await request.save(update_fields=["state", "note", "decided_by_id", "decided_at"])
    await tell_decided(request, "GROUP_REFUSED", {"why": reason, **request_and_moment(request, now)}, now)


async def _undecided(
    seen: GroupRequest, state: RequestState, clerk: StaffSignedIn, now: datetime
) -> GroupRequest | None:
    """Its row, locked, if nobody was faster; None when it was this clerk who said the same. Raises
    GROUP_REQUEST_DECIDED, GROUP_REQUEST_UNKNOWN for one that became another account's meanwhile."""
    request = await GroupRequest.select_for_update().get_or_none(id=seen.id, member_id=seen.member_id)
    if request is None:
        raise request_unknown()
    return None if _is_said_already(request, state, clerk, now) else request
