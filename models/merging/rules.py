"""What it takes to make two accounts one. Pure.

Proof of both, never a phone number alone: the code is asked for in one account and typed into the other, each in a
live sign-in that began within 30 days, so that somebody proved there lately who they are. A sign-in by SMS proves an
account only when the account has no other door. Otherwise whoever got a number that the carrier gave out again
could take over the WeChat account behind it.
"""

import re
from datetime import datetime, timedelta

from models.errors import DomainError, ErrorCode

CODE_LETTERS = 8
CODE_LIFE = timedelta(minutes=10)
UNDO_WITHIN = timedelta(hours=24)
FRESH_SIGN_IN = timedelta(days=30)
MOST_GUESSES, GUESS_WINDOW = 10, timedelta(hours=1)
BY_PHONE = "PHONE"  # the door; models.members.rules.Door


class MergeCodeInvalid(DomainError):
    """Unknown, used, expired, replaced by a fresher one: nobody learns which."""

    code = ErrorCode.MERGE_CODE_INVALID

    def __init__(self) -> None:
        super().__init__(
            "合并码不正确或已失效。", next_step="请在另一个账号里重新获取，10分钟内输入。", field="code"
        )


class MergeRefused(DomainError):
    code = ErrorCode.MERGE_REFUSED

    def __init__(self, why: str, way_out: str) -> None:
        super().__init__(why, next_step=way_out)


class MergeUnknown(DomainError):
    code = ErrorCode.MERGE_UNKNOWN

    def __init__(self) -> None:
        super().__init__("没有找到这次合并。", next_step="请在“我的—账号合并”里查看。", field="mergeId")


class MergeNotUndoable(DomainError):
    code = ErrorCode.MERGE_NOT_UNDOABLE

    def __init__(self, why: str, way_out: str) -> None:
        super().__init__(why, next_step=way_out)


def canonical_code(text: str) -> str:
    """As it was issued: capitals, without the blanks and hyphens that people put in. MergeCodeInvalid for the rest."""
    plain = re.sub(r"[ -]", "", text).upper()
    if not re.fullmatch(rf"[2-9A-HJ-NP-Z]{{{CODE_LETTERS}}}", plain):
        raise MergeCodeInvalid
    return plain


def is_proof(*, door: str, has_other_doors: bool, started_at: datetime, now: datetime) -> bool:
    """Whether a live sign-in proves its account."""
    return now - started_at <= FRESH_SIGN_IN and not (door == BY_PHONE and has_other_doors)
