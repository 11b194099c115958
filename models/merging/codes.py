"""The code that proves the other account: made there, typed here, once, within ten minutes.

Eight characters are forty bits. The database keeps what is derived from them with a key of ours, so that nobody
who reads it can try them all; whoever types ten wrong ones in an hour waits.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models import database
from models.database import operation, row, rows
from models.errors import DomainError, ErrorCode
from models.ids import letters
from models.keys import TokenKeys, token_hash
from models.members.standing import lock_living
from models.merging import rules
from models.merging.rules import (
    CODE_LETTERS,
    CODE_LIFE,
    GUESS_WINDOW,
    MOST_GUESSES,
    MergeCodeInvalid,
    MergeRefused,
)
from models.merging.tables import MergeCode, MergeGuess

PURPOSE = "merge code"


@dataclass(frozen=True)
class IssuedCode:
    """Shown once, to the account that will be joined."""

    code: str
    expires_at: datetime


@operation
async def issue(*, member_id: int, sign_in_id: int, keys: TokenKeys, now: datetime) -> IssuedCode:
    """A fresh code; earlier ones of this account end. Raises MergeRefused when this sign-in is no proof."""
    await lock_living(member_id)
    await demand_proof(member_id=member_id, sign_in_id=sign_in_id, now=now)
    await rows(
        """UPDATE merge_code SET expires_at = $1 WHERE member_id = $2 AND used_at IS NULL AND expires_at > $1
           RETURNING id""",
        now,
        member_id,
    )
    code = letters(CODE_LETTERS)
    stored = await MergeCode.create(
        member_id=member_id,
        sign_in_id=sign_in_id,
        code_hash=_hashes(code, keys)[0],
        made_at=now,
        expires_at=now + CODE_LIFE,
    )
    return IssuedCode(f"{code[:4]}-{code[4:]}", stored.expires_at)


async def find(code: str, keys: TokenKeys) -> Any | None:
    """The code's row, used or not, or None. BadInput is not said: a wrong form is a wrong code."""
    hashes = _hashes(rules.canonical_code(code), keys)
    return await row(
        f"""SELECT id, member_id, sign_in_id, expires_at, used_at FROM merge_code
             WHERE code_hash IN ({database.parameters(len(hashes))})""",
        *hashes,
    )


async def demand_proof(*, member_id: int, sign_in_id: int, now: datetime) -> None:
    """Raises MergeRefused unless this sign-in is live and proves the account (merging/rules.py)."""
    found = await row(
        """SELECT door, started_at, ended_at,
                  EXISTS (SELECT 1 FROM identity WHERE identity.member_id = sign_in.member_id) AS has_other_doors
             FROM sign_in WHERE id = $1 AND member_id = $2""",
        sign_in_id,
        member_id,
    )
    if found is None or found["ended_at"] is not None:
        raise MergeCodeInvalid
    if not rules.is_proof(
        door=found["door"],
        has_other_doors=bool(found["has_other_doors"]),
        started_at=database.utc(found["started_at"]),
        now=now,
    ):
        if not found["has_other_doors"]:
            raise MergeRefused("30天以前的登录，不能证明账号是您的。", "请退出后重新登录再合并。")
        raise MergeRefused(
            "仅凭短信登录或30天以前的登录，不能证明账号是您的。", "请先退出，用微信或支付宝重新登录后再合并。"
        )


async def refuse_guessers(*, member_id: int, now: datetime) -> None:
    """Raises TOO_MANY_ATTEMPTS after ten wrong codes in an hour. A plain function: until the caller's transaction ends
    nobody else guesses for this member, so a wrong code is counted (`note_guess`) before the next is looked at."""
    await database.alone_with(f"merge guesses of {member_id}")
    found = await row(
        "SELECT count(*) AS wrong, min(guessed_at) AS first FROM merge_guess WHERE member_id = $1 AND guessed_at > $2",
        member_id,
        now - GUESS_WINDOW,
    )
    assert found is not None
    if found["wrong"] >= MOST_GUESSES:
        wait = (database.utc(found["first"]) + GUESS_WINDOW - now) // timedelta(seconds=1) + 1
        raise DomainError(
            "合并码输错的次数太多。",
            code=ErrorCode.TOO_MANY_ATTEMPTS,
            next_step=f"请{-(-wait // 60)}分钟后再试。",
            field="code",
            retry_after=wait,
        )


async def note_guess(*, member_id: int, now: datetime) -> None:
    """One more wrong code. A plain function, in the transaction that looked at it."""
    await MergeGuess.create(member_id=member_id, guessed_at=now)


def _hashes(code: str, keys: TokenKeys) -> list[str]:
    """Under every key, the current one's first."""
    return [token_hash(derived) for derived in keys.derive(PURPOSE, code)]
