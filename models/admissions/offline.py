"""What a desk let in while it was offline, recorded when its queue comes in.

Judged as of the desk's time, with what we know now. Somebody went in, so all that can still be done about a second entry
is to name it: it is not counted twice. Whoever was counted absent in the meantime came (docs/decisions/0035).
"""

from dataclasses import dataclass
from datetime import datetime

from models import database
from models.admissions import operations, rules
from models.admissions.rules import NO_SHOW, Direction, Passed, Verdict
from models.admissions.tables import Admission
from models.attendance import taking_back
from models.attendance.taking_back import TakenBack
from models.codes import rules as codes
from models.codes.rules import CodeKeys, CodeKind
from models.orders.tables import OrderLine


@dataclass(frozen=True, slots=True)
class LetIn:
    """What is said of an entry, and the no-show that it took back, if it did."""

    verdict: Verdict
    taken_back: TakenBack | None = None


async def enter(
    code: str, *, venue_id: int, door: str, keys: CodeKeys, at: datetime, now: datetime
) -> LetIn | None:
    """Inside the caller's transaction. `at` is when the desk accepted the code. None for a code on paper: offline nobody
    can tell whether it was shown before, so no desk may take it."""
    parts = codes.read(code)
    if parts is not None and parts.kind in codes.OF_VOUCHERS:
        return LetIn(rules.VOUCHER_AT_DESK)
    if parts is not None and parts.kind is CodeKind.PRINTED:
        return None
    found = await operations.find(parts.handle) if parts else None
    if parts is None or found is None:
        return LetIn(rules.UNKNOWN_CODE)
    await taking_back.lock_person_of(found["order_line_id"])
    await database.rows("SELECT id FROM orders WHERE id = $1 FOR UPDATE", found["order_id"])
    admission = await Admission.select_for_update().get(id=found["id"])
    doubt = operations.doubt(parts, found, keys, at)
    if doubt is not None and doubt is not rules.CODE_REVOKED:  # signed out since: the desk could not know
        return LetIn(doubt)
    if admission.venue_id != venue_id:
        return LetIn(rules.wrong_venue(found["venue_name"]))
    if admission.first_entered_at is not None:
        return LetIn(rules.already_inside(admission.first_entered_at).about(admission))
    return await _judge(admission, door, at, now)


async def _judge(admission: Admission, door: str, at: datetime, now: datetime) -> LetIn:
    if await _was_in_before_release(admission, at):
        admission.revoked_at, admission.revoked_for = None, ""
    verdict = rules.judge(admission, direction=Direction.ENTRY, now=at).about(admission)
    if verdict.outcome != Passed.ENTERED:
        return LetIn(verdict)
    await operations.write_passage(admission, verdict, door, at)
    await admission.save(update_fields=["revoked_at", "revoked_for"])
    back = await taking_back.take_back(admission.order_line_id, came_at=at, now=now)
    if back is not None and back.has_slot:  # whoever comes in keeps the slot for all of them
        await Admission.filter(order_line_id=admission.order_line_id, revoked_for=NO_SHOW).update(
            revoked_at=None, revoked_for=""
        )
    return LetIn(verdict, back)


async def _was_in_before_release(admission: Admission, at: datetime) -> bool:
    """Taken back since nobody was there in time, though somebody was; and nothing has ended the line for good since."""
    if admission.revoked_for != NO_SHOW or admission.revoked_at is None or at >= admission.revoked_at:
        return False
    return await OrderLine.filter(id=admission.order_line_id, cancelled_at=None).exists()
