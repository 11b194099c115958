"""Freeing a real name from an account. It stands in this room, since a family may have something against it."""

from datetime import datetime

from models import database
from models.errors import DomainError, ErrorCode
from models.families.rules import WardWouldBeAlone
from models.families.wards import check_nobody_is_left_alone
from models.keys import IdKeys
from models.members.standing import lock_living
from models.members.ways_in import has_way_in
from models.real_names import binding
from models.real_names.at_desk import PersonHere, demand_still_here, person_here
from models.staff.rules import Power, StaffSignedIn


@database.operation
async def unbind_my_name(*, member_id: int, keys: IdKeys, now: datetime) -> None:
    """The member takes their real name back. Raises WARD_WOULD_BE_ALONE for a guardian or a ward, REAL_NAME_NEEDED
    when there is none, and LAST_WAY_IN when nobody would find the account any more but by this very sign-in: their
    number went to somebody else. A helper is no way in, since either of the two may end that."""
    await lock_living(member_id)
    if not await unbind(member_id=member_id, keys=keys, now=now):
        raise DomainError("您的账号没有实名。", code=ErrorCode.REAL_NAME_NEEDED, next_step="不需要再解除。")
    if not await has_way_in(member_id):
        raise DomainError(
            "您的账号没有手机号，也没有其他登录方式；解除实名后，谁也找不回这个账号。",
            code=ErrorCode.LAST_WAY_IN,
            next_step="请先绑定手机号，再解除实名。",
        )


async def unbind(*, member_id: int, keys: IdKeys, now: datetime) -> bool:
    """The same as a plain function, under the member's lock, though it were the last way in: for a consent that is
    withdrawn, which is as easy as giving it, and for whoever holds the card. False: there was none."""
    await check_nobody_is_left_alone(member_id=member_id, keys=keys, now=now)
    return await binding.unbind(member_id=member_id, keys=keys, now=now)


async def free_number_at_desk(
    *, clerk: StaffSignedIn, person_id: str, venue_id: str, keys: IdKeys, now: datetime
) -> None:
    """Whoever holds the card says that the account with their number is not theirs: it lets go of the number, and
    they bind it to their own. The account is told. Raises NOT_ALLOWED, MEMBER_UNKNOWN, WARD_WOULD_BE_ALONE."""
    person = await person_here(
        clerk=clerk, power=Power.READ_PERSON, person_id=person_id, venue_id=venue_id, keys=keys, now=now
    )
    await _free(person, keys, now)


@database.operation
async def _free(person: PersonHere, keys: IdKeys, now: datetime) -> None:
    await lock_living(person.member_id)
    await demand_still_here(person)
    try:
        await unbind(member_id=person.member_id, keys=keys, now=now)
    except WardWouldBeAlone as refusal:
        refusal.message, refusal.next_step = "这个账号还有监护关系，前台不能处理。", "请报上级主管部门核实后处理。"
        raise
