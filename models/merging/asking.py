"""The account that stays, and what proves that whoever joins another one to it is its own: the sign-in in which the code
was typed; or, for an account into which nobody can sign in, the card in its person's hand at a desk."""

from dataclasses import dataclass
from datetime import datetime

from models.members.ways_in import has_way_in
from models.merging import codes
from models.merging.rules import MergeRefused
from models.real_names.at_desk import PersonHere, demand_still_here


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Either a sign-in, or the person whose card a clerk has just read (`models.merging.at_desk`)."""

    member_id: int
    sign_in_id: int = 0
    person: PersonHere | None = None
    staff_id: int | None = None


async def demand_own_proof(asking: Asking, now: datetime) -> None:
    """Raises MergeRefused, MergeCodeInvalid or PersonNotHere unless the account that stays is the asker's. In a
    transaction that holds its row."""
    if asking.person is None:
        await codes.demand_proof(member_id=asking.member_id, sign_in_id=asking.sign_in_id, now=now)
        return
    await demand_still_here(asking.person)
    if await has_way_in(asking.member_id):  # else whoever reads a card could lead a phone of their own into it
        raise MergeRefused(
            "顾客可以用自己的手机号或微信登录这个账号，前台不能合并。",
            "请顾客登录两个账号，在“账号合并”里取得合并码后自己合并。",
        )
