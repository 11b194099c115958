"""A member's devices: which are signed in, ending those that should not be, and forgetting what is long over."""

from dataclasses import dataclass
from datetime import datetime

from models.database import operation, row, rows, utc
from models.errors import BadInput
from models.members import operations
from models.members.rules import SIGN_INS_KEPT, Door

MOST_SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInDevice:
    """A device on which somebody is signed in now. `device_id` is what it calls itself."""

    public_id: str
    door: Door
    device_id: str
    started_at: datetime
    refreshed_at: datetime
    is_current: bool


async def of_member(*, member_id: int, current_id: int, now: datetime) -> list[SignedInDevice]:
    """Where the member is signed in, the one used last first."""
    found = await rows(
        """SELECT s.id, s.public_id, s.door, s.device_id, s.started_at, max(t.issued_at) AS refreshed_at
             FROM sign_in s JOIN sign_in_token t ON t.sign_in_id = s.id
            WHERE s.member_id = $1 AND s.ended_at IS NULL AND s.public_id IS NOT NULL
            GROUP BY s.id HAVING max(t.refresh_expires_at) > $2
            ORDER BY max(t.issued_at) DESC, s.id DESC LIMIT $3""",
        member_id,
        now,
        MOST_SHOWN,
    )
    return [
        SignedInDevice(
            public_id=known["public_id"],
            door=Door(known["door"]),
            device_id=known["device_id"],
            started_at=utc(known["started_at"]),
            refreshed_at=utc(known["refreshed_at"]),
            is_current=known["id"] == current_id,
        )
        for known in found
    ]


@operation
async def end_sign_in(*, member_id: int, public_id: str, now: datetime) -> None:
    """Ends one of the member's own sign-ins and revokes the codes shown so far. The second time changes nothing.

    Raises BAD_INPUT for one that is nobody's, or somebody else's.
    """
    found = await row("SELECT id FROM sign_in WHERE public_id = $1 AND member_id = $2", public_id, member_id)
    if found is None:
        raise BadInput("没有这个登录。", next_step="请刷新登录设备列表后再试。", field="signInId")
    await operations.end(found["id"], "ENDED_BY_MEMBER", now)


@operation
async def end_others(*, member_id: int, current_id: int, now: datetime) -> int:
    """Ends every sign-in of the member but this one; how many."""
    ended = await rows(
        """UPDATE sign_in SET ended_at = $1, end_reason = 'ENDED_BY_MEMBER'
            WHERE member_id = $2 AND id <> $3 AND ended_at IS NULL RETURNING id""",
        now,
        member_id,
        current_id,
    )
    if ended:
        await row("UPDATE member SET code_version = code_version + 1 WHERE id = $1 RETURNING id", member_id)
    return len(ended)


@operation
async def purge_tokens(*, now: datetime, batch: int = 1000) -> int:
    """Forgets tokens that nobody can use any more, nor copy; how many. Run again until it says 0."""
    gone = await rows(
        """DELETE FROM sign_in_token
            WHERE id IN (SELECT id FROM sign_in_token WHERE refresh_expires_at < $1 ORDER BY id LIMIT $2)
           RETURNING id""",
        now,
        batch,
    )
    return len(gone)


@operation
async def purge_sign_ins(*, now: datetime, batch: int = 1000) -> int:
    """Forgets sign-ins without tokens that began and ended long ago; how many. Run again until it says 0.

    What is kept that long: who came in when and from which device (网络安全法 art. 21: six months of logs), and the
    devices on which a member is known.
    """
    gone = await rows(
        """DELETE FROM sign_in WHERE id IN (
             SELECT s.id FROM sign_in s
              WHERE s.started_at < $1 AND (s.ended_at IS NULL OR s.ended_at < $1)
                AND NOT EXISTS (SELECT 1 FROM sign_in_token t WHERE t.sign_in_id = s.id)
              ORDER BY s.id LIMIT $2)
           RETURNING id""",
        now - SIGN_INS_KEPT,
        batch,
    )
    return len(gone)
