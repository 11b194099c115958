"""What is true of sign-ins and phone numbers. Pure."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from models.errors import BadInput, DomainError, ErrorCode

ACCESS_LIFE = timedelta(hours=2)
REFRESH_LIFE = timedelta(days=30)
REPEAT_WINDOW = timedelta(seconds=60)  # an answer may get lost on the way; asking again must not sign anyone out

_MAINLAND = re.compile(r"(?:\+86|0086|86)?(1[3-9][0-9]{9})")
_ABROAD = re.compile(r"\+(?!86)[1-9][0-9]{5,14}")  # E.164


@dataclass(frozen=True)
class Tokens:
    """What a device holds. Opaque, random, and known to it alone: we keep hashes."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    access_expires_at: datetime
    refresh_expires_at: datetime
    member_public_id: str


class RefreshTokenInvalid(DomainError):
    """Unknown, expired, or of a sign-in that has ended."""

    code = ErrorCode.REFRESH_TOKEN_INVALID

    def __init__(self) -> None:
        super().__init__("登录已过期。", next_step="请重新登录。")


class RefreshTokenReused(DomainError):
    """Somebody else may hold a copy. Nobody can tell which of the two is the member, so both must sign in."""

    code = ErrorCode.REFRESH_TOKEN_REUSED

    def __init__(self) -> None:
        super().__init__(
            "同一个登录凭证被重复使用，为保护您的账号，本次登录已结束。",
            next_step="请重新登录，您的订单不受影响。",
        )


class PhoneBoundElsewhere(DomainError):
    code = ErrorCode.PHONE_BOUND_ELSEWHERE

    def __init__(self) -> None:
        super().__init__(
            "这个手机号已绑定另一个账号。", next_step="请改用绑定它的微信登录，或换一个手机号绑定。", field="code"
        )


def canonical_phone(text: str) -> str:
    """The number in E.164, so that one phone has one spelling: +8613800000000. Blanks and hyphens are forgiven.

    Without a country code it must be a mainland mobile number; +86 is never anything else.
    """
    plain = re.sub(r"[ -]", "", text)
    if mainland := _MAINLAND.fullmatch(plain):
        return f"+86{mainland[1]}"
    if _ABROAD.fullmatch(plain):
        return plain
    raise BadInput(
        "手机号不正确。", next_step="请输入11位大陆手机号；其他地区的号码请带上区号，如 +852。", field="phone"
    )


def masked(phone: str) -> str:
    """138****0000; of other countries' numbers the beginning and the last two digits."""
    return f"{phone[3:6]}****{phone[-4:]}" if phone.startswith("+86") else f"{phone[:4]}****{phone[-2:]}"
