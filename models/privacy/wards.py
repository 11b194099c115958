"""Whose data somebody may ask for, and let go: their own, and their wards'. No helper's power reaches here."""

from datetime import datetime

from models import database
from models.audit.deeds import concerning
from models.calendar import business_day
from models.families.acting import Acting
from models.families.rules import MemberUnknown
from models.keys import IdKeys
from models.real_names.queries import is_child


async def own_or_wards(
    *, member_id: int, member_public_id: str, for_member: str | None, keys: IdKeys, now: datetime
) -> Acting:
    """Raises MEMBER_UNKNOWN for everybody else, as for nobody at all."""
    if for_member is None or for_member == member_public_id:
        return Acting(member_id, member_public_id, None)
    found = await database.row(
        """SELECT member.id FROM member JOIN guardianship ON guardianship.ward_id = member.id
            WHERE member.public_id = $1 AND guardianship.guardian_id = $2 AND guardianship.ended_at IS NULL
              AND member.joined_to_id IS NULL AND member.deleted_at IS NULL""",
        for_member,
        member_id,
    )
    if found is None or not await is_child(member_id=found["id"], keys=keys, today=business_day(now)):
        raise MemberUnknown
    concerning("MEMBER", for_member, reading=True)
    return Acting(int(found["id"]), for_member, member_id)
