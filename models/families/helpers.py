"""Helpers: somebody whom a member, mostly an elder, lets do named things for them. Either ends it at any moment."""

from datetime import datetime

from models import database
from models.audit.deeds import concerning
from models.calendar import business_day, moment_text
from models.consents import operations as consents
from models.consents.rules import Purpose
from models.families import rules
from models.families.rules import (
    ENDED_BY_WORDS,
    MOST_HELPERS,
    MOST_PRINCIPALS,
    EndedBy,
    RelationExists,
    RelationUnknown,
    too_many,
)
from models.families.tables import Proxy
from models.ids import new_id
from models.keys import IdKeys
from models.members.tables import Member
from models.messages.operations import tell
from models.real_names.queries import is_child
from models.real_names.rules import GuardianNeeded


async def become_helper(
    *, helper_id: int, principal_id: int, powers: str, staff_id: int | None, keys: IdKeys, now: datetime
) -> None:
    """A plain function, under both members' locks. Raises RELATION_EXISTS, CONSENT_NEEDED when the principal has taken
    back that consent meanwhile, GUARDIAN_NEEDED for a child, BAD_INPUT for too many."""
    await consents.demand(member_id=principal_id, purpose=Purpose.HELPER, now=now)
    if await is_child(member_id=helper_id, keys=keys, today=business_day(now)):
        raise GuardianNeeded("未满14周岁，不能做别人的协助人。", "请由家里的大人来做。")
    if await Proxy.exists(principal_id=principal_id, helper_id=helper_id, ended_at=None):
        raise RelationExists("您已经是对方的协助人。", next_step="要更改权限，请先解除，再重新邀请。")
    if await Proxy.filter(principal_id=principal_id, ended_at=None).count() >= MOST_HELPERS:
        raise too_many("一个人的协助人", MOST_HELPERS)
    if await Proxy.filter(helper_id=helper_id, ended_at=None).count() >= MOST_PRINCIPALS:
        raise too_many("一个人能帮的人", MOST_PRINCIPALS)
    made = await Proxy.create(
        public_id=new_id("prx"),
        principal_id=principal_id,
        helper_id=helper_id,
        powers=powers,
        staff_id=staff_id,
        started_at=now,
    )
    values = {"what": rules.words_of(rules.split(powers)), "when": moment_text(now)}
    await tell(member_id=principal_id, template="HELPER_ACCEPTED", values=values, about_no=made.public_id, now=now)


@database.operation
async def end_proxy(*, member_id: int, proxy_id: str, now: datetime) -> None:
    """Either of the two ends it; the other is told. The second time changes nothing. Raises RELATION_UNKNOWN."""
    held = await Proxy.filter(public_id=proxy_id).select_for_update().first()
    if held is None or member_id not in (held.principal_id, held.helper_id):
        raise RelationUnknown
    if held.ended_at is None:
        await _end(held, EndedBy.PRINCIPAL if member_id == held.principal_id else EndedBy.HELPER, now)


async def end_all_of(*, principal_id: int, by: EndedBy, now: datetime) -> int:
    """Every helper of this member goes, and open invitations with them: they took back that consent, or are leaving.

    A plain function, under the member's lock. Tells how many helpers there were.
    """
    held = await Proxy.filter(principal_id=principal_id, ended_at=None).select_for_update()
    for each in held:
        await _end(each, by, now)
    await database.rows(
        """UPDATE invitation SET status = 'WITHDRAWN'
            WHERE subject_id = $1 AND kind = 'HELPER' AND status = 'OPEN' RETURNING id""",
        principal_id,
    )
    return len(held)


async def _end(held: Proxy, by: EndedBy, now: datetime) -> None:
    held.ended_at, held.ended_by = now, by
    await held.save(update_fields=["ended_at", "ended_by"])
    concerning("MEMBER", (await Member.get(id=held.principal_id)).public_id)
    for member_id in (held.principal_id, held.helper_id):
        await tell(
            member_id=member_id,
            template="HELPER_ENDED",
            values={"what": ENDED_BY_WORDS[by], "when": moment_text(now)},
            about_no=held.public_id,
            now=now,
        )
