"""What a desk let in while it was offline, recorded when its queue comes in.

Judged as of the desk's time, with what we know now. Somebody went in, so all that can still be done about a second entry
is to name it: it is not counted twice.
"""

from datetime import datetime

from models import database
from models.admissions import operations, rules
from models.admissions.rules import Direction, Passed, Verdict
from models.admissions.tables import Admission
from models.codes import rules as codes
from models.codes.rules import CodeKeys, CodeKind


async def enter(code: str, *, venue_id: int, door: str, keys: CodeKeys, at: datetime) -> Verdict | None:
    """Inside the caller's transaction. `at` is when the desk accepted the code. None for a code on paper: offline nobody
    can tell whether it was shown before, so no desk may take it."""
    parts = codes.read(code)
    if parts is not None and parts.kind in codes.OF_VOUCHERS:
        return rules.VOUCHER_AT_DESK
    if parts is not None and parts.kind is CodeKind.PRINTED:
        return None
    found = await operations.find(parts.handle) if parts else None
    if parts is None or found is None:
        return rules.UNKNOWN_CODE
    await database.rows("SELECT id FROM orders WHERE id = $1 FOR UPDATE", found["order_id"])
    admission = await Admission.select_for_update().get(id=found["id"])
    doubt = operations.doubt(parts, found, keys, at)
    if doubt is not None and doubt is not rules.CODE_REVOKED:  # signed out since: the desk could not know
        return doubt
    if admission.venue_id != venue_id:
        return rules.wrong_venue(found["venue_name"])
    if admission.first_entered_at is not None:
        return rules.already_inside(admission.first_entered_at).about(admission)
    verdict = rules.judge(admission, direction=Direction.ENTRY, now=at).about(admission)
    if verdict.outcome == Passed.ENTERED:
        await operations.write_passage(admission, verdict, door, at)
    return verdict
