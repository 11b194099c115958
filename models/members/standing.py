"""Whether somebody is still a member of their own: not joined to another account, not deleted.

Whoever looked up a member and then waited for a lock may find them gone; what they would write leads to nobody.
"""

from typing import Any

from models import database
from models.errors import DomainError, ErrorCode


class MemberGone(DomainError):
    """The account was joined to another, or deleted, while somebody was acting with it."""

    code = ErrorCode.NOT_SIGNED_IN

    def __init__(self) -> None:
        super().__init__("这个账号刚刚被合并或注销了。", next_step="请重新登录后再试。")


async def lock_living(*member_ids: int) -> None:
    """Locks these members' rows in one order until the caller's transaction ends. Raises MemberGone."""
    found = await database.rows(
        f"""SELECT id, joined_to_id, deleted_at FROM member WHERE id IN ({database.parameters(len(member_ids))})
             ORDER BY id FOR UPDATE""",
        *member_ids,
    )
    if any(_is_gone(member) for member in found):
        raise MemberGone


async def living(*member_ids: int) -> None:
    """The same without being in the way of what only refers to them, such as a message."""
    found = await database.rows(
        f"""SELECT id, joined_to_id, deleted_at FROM member WHERE id IN ({database.parameters(len(member_ids))})
             ORDER BY id {"FOR NO KEY UPDATE" if database.on_postgres() else ""}""",
        *member_ids,
    )
    if len(found) < len(member_ids) or any(_is_gone(member) for member in found):
        raise MemberGone


async def leads_to(member_id: int) -> int:
    """The member that an account has become, after however many mergings: itself when there was none."""
    while True:
        found = await database.row("SELECT joined_to_id FROM member WHERE id = $1", member_id)
        if found is None or found["joined_to_id"] is None:
            return member_id
        member_id = int(found["joined_to_id"])


async def accounts_of(member_id: int) -> list[int]:
    """The member and every account that was joined to them, however many mergings ago; the member first."""
    found = await database.rows(
        """WITH RECURSIVE account (id) AS (
             SELECT id FROM member WHERE id = $1
             UNION SELECT member.id FROM member JOIN account ON member.joined_to_id = account.id)
           SELECT id FROM account ORDER BY id""",
        member_id,
    )
    return [member_id, *(row["id"] for row in found if row["id"] != member_id)]


def _is_gone(member: Any) -> bool:
    return member["joined_to_id"] is not None or member["deleted_at"] is not None
