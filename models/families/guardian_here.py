"""A child at a desk, with their guardian beside them."""

from datetime import datetime

from models import database
from models.consents import operations as consents
from models.consents.rules import Purpose
from models.real_names.at_desk import PersonHere
from models.real_names.rules import LOOK_UP_HOLDS, GuardianNeeded


async def demand_guardian_here(child: PersonHere, *, staff_id: int, now: datetime) -> None:
    """Raises GUARDIAN_NEEDED unless this clerk read a guardian's card at this venue within the last half hour, and
    CONSENT_NEEDED when the guardians' consent for the child stands no more."""
    guardian = await database.row(
        """SELECT guardianship.id
             FROM guardianship JOIN real_name ON real_name.member_id = guardianship.guardian_id
                               JOIN desk_look_up ON desk_look_up.person_id = real_name.id
            WHERE guardianship.ward_id = $1 AND guardianship.ended_at IS NULL AND desk_look_up.staff_id = $2
              AND desk_look_up.venue_id = $3 AND desk_look_up.looked_at > $4 LIMIT 1""",
        child.member_id,
        staff_id,
        child.venue_id,
        now - LOOK_UP_HOLDS,
    )
    if guardian is None:
        raise GuardianNeeded("未满14周岁的孩子由监护人预订。", "请监护人一同到前台，也出示自己的身份证。")
    await consents.demand(member_id=child.member_id, purpose=Purpose.CHILD, now=now)
