"""Companions: two who play together, and see each other's masked name. Neither acts for the other."""

from datetime import datetime

from models import database
from models.calendar import business_day, moment_text
from models.families.rules import MOST_COMPANIONS, RelationExists, RelationUnknown, too_many
from models.families.tables import Companionship
from models.ids import new_id
from models.keys import IdKeys
from models.messages.operations import tell
from models.real_names.queries import known_person


async def become_companions(member_id: int, subject_id: int, *, keys: IdKeys, now: datetime) -> None:
    """`member_id` accepts what `subject_id` asked. A plain function, under both members' locks.

    Raises RELATION_EXISTS, BAD_INPUT for too many.
    """
    one_id, other_id = sorted((member_id, subject_id))
    if await Companionship.exists(one_id=one_id, other_id=other_id, ended_at=None):
        raise RelationExists("你们已经是球友了。", next_step="请在“家人与协助”里查看。")
    for each in (member_id, subject_id):
        held = await database.row(
            """SELECT COUNT(*) AS held FROM companionship
                WHERE (one_id = $1 OR other_id = $1) AND ended_at IS NULL""",
            each,
        )
        assert held is not None
        if held["held"] >= MOST_COMPANIONS:
            raise too_many("一个人的球友", MOST_COMPANIONS)
    made = await Companionship.create(public_id=new_id("cmp"), one_id=one_id, other_id=other_id, started_at=now)
    who = await known_person(member_id=member_id, keys=keys, today=business_day(now))
    await tell(
        member_id=subject_id,
        template="COMPANION_ACCEPTED",
        values={"what": who.masked_name if who else "一位用户", "when": moment_text(now)},
        about_no=made.public_id,
        now=now,
    )


@database.operation
async def end_companionship(*, member_id: int, companionship_id: str, now: datetime) -> None:
    """Either of the two ends it. The second time changes nothing. Raises RELATION_UNKNOWN."""
    found = await database.row(
        "SELECT id FROM companionship WHERE public_id = $1 AND (one_id = $2 OR other_id = $2)",
        companionship_id,
        member_id,
    )
    if found is None:
        raise RelationUnknown
    await database.rows(
        "UPDATE companionship SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL RETURNING id", found["id"], now
    )
