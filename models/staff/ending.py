"""Sign-ins end before their time: by their owner, by the security administrator, or with what they rested on."""

from datetime import datetime

from models import database
from models.audit.deeds import concerning
from models.errors import DomainError, ErrorCode
from models.staff.powers import accounts_where
from models.staff.rules import Power, StaffSignedIn


@database.operation
async def end_sign_in(*, clerk: StaffSignedIn, sign_in_id: str, now: datetime) -> None:
    """One by its public id: the clerk's own, or with END_SIGN_INS one of somebody in their scope. Ending it again
    changes nothing. Raises NOT_ALLOWED for every other one, whether it is there or not."""
    found = await database.row(
        f"""SELECT sign_in.id, staff_member.public_id, staff_member.id AS staff_id
              FROM staff_sign_in sign_in JOIN staff_member ON staff_member.id = sign_in.staff_id
             WHERE sign_in.public_id = $2
               AND (staff_member.id = $1 OR {accounts_where(Power.END_SIGN_INS)})""",
        clerk.staff_id,
        sign_in_id,
    )
    if found is None:
        raise DomainError(
            "没有找到可以结束的登录。",
            code=ErrorCode.NOT_ALLOWED,
            next_step="请刷新登录列表；只能结束自己的，或本辖区内账号的登录。",
            field="signInId",
        )
    concerning("STAFF", found["public_id"], detail=sign_in_id)
    reason = "ENDED_BY_OWNER" if found["staff_id"] == clerk.staff_id else "ENDED_BY_ADMIN"
    await database.rows(
        "UPDATE staff_sign_in SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL",
        found["id"],
        now,
        reason,
    )


async def end_sign_ins(staff_id: int, *, reason: str, now: datetime, but_token_hash: str = "") -> None:
    """All of somebody's, but one."""
    await database.rows(
        """UPDATE staff_sign_in SET ended_at = $2, end_reason = $3
            WHERE staff_id = $1 AND ended_at IS NULL AND token_hash <> $4""",
        staff_id,
        now,
        reason,
        but_token_hash,
    )
