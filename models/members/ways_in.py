"""Whether somebody can come into their account on their own, or be told something outside of it."""

from models.database import parameters, row, rows
from models.members.standing import accounts_of


async def has_way_in(member_id: int) -> bool:
    """By WeChat or Alipay, or by a number; which may be one of an account that was joined to theirs.

    A plain function: where only a number is left, nobody frees it until the caller's transaction ends.
    """
    accounts = await accounts_of(member_id)
    listed = parameters(len(accounts))
    if await row(f"SELECT id FROM identity WHERE member_id IN ({listed}) LIMIT 1", *accounts):
        return True
    return bool(
        await rows(f"SELECT id FROM member_phone WHERE member_id IN ({listed}) ORDER BY id FOR UPDATE", *accounts)
    )
