"""The part of a life that is spent where the network is away: a booking let in and a voucher taken, by two desks of one
hall, of which the second is too late and finds the campaign's reserve empty."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from models.errors import ErrorCode
from models.ids import new_id
from models.members.tables import Member
from models.offline.rules import ConflictState
from models.offline.tables import OfflineConflict, OfflineEntry
from tests.factories.booking import at
from tests.factories.vouchers import a_voucher
from tests.house import line
from tests.offline_desk import OfflineDesk
from tests.resolvers import documents_offline as documents

if TYPE_CHECKING:
    from tests.authorisation.lives import Life

BILL_FEN = 50_00


async def live_offline(life: "Life") -> None:
    others, citizen, now = life.others, life.citizen, life.citizen.house.now()
    member = await Member.get(public_id=citizen.tokens["memberId"])
    for which in ("offline", "to pass"):
        others.ids[f"voucher, {which}"] = (await a_voucher(member.id, life.campaign, claimed_at=now)).public_id
    await life.places("let in offline", line(life.hall.badminton_2, at(11, days=0)))
    await life.pays("let in offline")
    (admission_id,) = life.admission_ids("let in offline")

    first, second = await _a_desk(life, "in use"), await _a_desk(life, "too late")
    await _a_desk(life, "to end")
    others.keys["offline key"] = first.public_key
    code = life.codes["let in offline"] = await citizen.code(admission_id)
    asked = await citizen.ask(documents.VOUCHER_PASS, voucherId=others.ids["voucher, offline"])
    digits = asked.value["voucherPass"]["digits"]
    others.used["a pass"] = digits
    first.accept_code(code)
    for desk in (first, second):
        desk.accept_pass(digits, bill=BILL_FEN, sport="BADMINTON")
    for which, (body, signature) in zip(("let in", "voucher"), first.queue, strict=True):
        others.keys[f"offline body, {which}"], others.keys[f"offline signature, {which}"] = body, signature
    assert [await _brings(life, desk) for desk in (first, second)] == [["ENTERED", "DONE"], ["CONFLICT_HELD"]]
    (conflict,) = (await life.clerk.ask(documents.OFFLINE_CONFLICTS)).value
    others.ids["offline conflict"] = conflict["id"]
    await _was_missed_meanwhile(first, now)


async def _was_missed_meanwhile(desk: OfflineDesk, now: datetime) -> None:
    """As though whoever was let in had been counted absent before the queue came in, and had something back for it."""
    entry = await OfflineEntry.get(desk__public_id=desk.desk_id, number=1).prefetch_related("admission", "desk")
    assert entry.admission is not None
    await OfflineConflict.create(
        public_id=new_id("ocf"),
        entry_id=entry.id,
        order_line_id=entry.admission.order_line_id,
        venue_id=entry.desk.venue_id,
        amount_fen=10_00,
        reason=ErrorCode.SLOT_RELEASED,
        state=ConflictState.BORNE,
        found_at=now,
    )


async def _a_desk(life: "Life", which: str) -> OfflineDesk:
    desk = OfflineDesk(clock=life.citizen.house.now)
    asked = {"venueId": life.venue_id, "publicKey": desk.public_key}
    enrolled = (await life.clerk.ask(documents.ENROL_OFFLINE_DESK, **asked)).value
    life.others.ids[f"offline desk, {which}"] = enrolled["deskId"]
    desk.enrolled(enrolled["deskId"], enrolled["kitKeys"])
    desk.load((await life.clerk.ask(documents.OFFLINE_KIT, deskId=desk.desk_id)).value["kit"])
    return desk


async def _brings(life: "Life", desk: OfflineDesk) -> list[Any]:
    asked = {"deskId": desk.desk_id, "entries": desk.batch()}
    answers = (await life.clerk.ask(documents.UPLOAD_OFFLINE_QUEUE, **asked)).value["answers"]
    return [answer["outcome"] for answer in answers]
