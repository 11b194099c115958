"""What is true of members, their doors, sign-ins and phone numbers. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from models.errors import BadInput, DomainError, ErrorCode
from models.ids import UNNAMED_DEVICE, checked_device_id

ACCESS_LIFE = timedelta(hours=2)
REFRESH_LIFE = timedelta(days=30)
REPEAT_WINDOW = timedelta(seconds=60)  # an answer may get lost on the way; asking again must not sign anyone out
SIGN_INS_KEPT = timedelta(days=183)  # 网络安全法 art. 21: logs of at least six months
PROOF_LASTS = timedelta(days=90)
"""For so long a number is surely still with whoever proved it: carriers let a given-up number rest about that long
before somebody else gets it (their practice, not a standard that we could name)."""

_MAINLAND = re.compile(r"(?:\+86|0086|86)?(1[3-9][0-9]{9})")
_ABROAD = re.compile(r"\+(?!86)[1-9][0-9]{5,14}")  # E.164


class Door(StrEnum):
    """By which somebody comes in."""

    MINI_PROGRAM = "MINI_PROGRAM"
    OFFICIAL_ACCOUNT = "OFFICIAL_ACCOUNT"
    ALIPAY = "ALIPAY"
    PHONE = "PHONE"


DOOR_WORDS: Mapping[Door, str] = {
    Door.MINI_PROGRAM: "微信小程序",
    Door.OFFICIAL_ACCOUNT: "微信公众号",
    Door.ALIPAY: "支付宝",
    Door.PHONE: "手机号",
}

IN_WECHAT = frozenset({Door.MINI_PROGRAM, Door.OFFICIAL_ACCOUNT})
"""Doors whose sign-ins can open WeChat's payment sheet."""


class MemberOrigin(StrEnum):
    """Who opened a member's account."""

    SELF = "SELF"
    GUARDIAN = "GUARDIAN"
    DESK = "DESK"


class Tell(Protocol):
    """Puts a message into a member's inbox, in the caller's transaction: `models.messages.operations.tell`, which
    knows members and so cannot be known here."""

    async def __call__(
        self, *, member_id: int, template: str, values: Mapping[str, str] | None, about_no: str, now: datetime
    ) -> None: ...


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
    """Never answered by a silent joining: a number alone says nothing about two accounts being one person's."""

    code = ErrorCode.PHONE_BOUND_ELSEWHERE

    def __init__(self) -> None:
        super().__init__(
            "这个手机号已绑定另一个账号。",
            next_step="如果那也是您的账号，请登录它取得合并码后合并；如果号码现在归您使用，请用短信验证码证明并改绑到这里；"
            "也可以换一个手机号绑定。",
            field="code",
        )


class PhoneMayHaveChangedHands(DomainError):
    """The number was last proved long ago, and never was its member on this device."""

    code = ErrorCode.PHONE_MAY_HAVE_CHANGED_HANDS

    def __init__(self) -> None:
        super().__init__(
            "这个手机号绑定的账号很久没有验证过号码，也没有在这台设备上登录过。",
            next_step="如果是您的账号，请在这台设备上用微信或支付宝登录，或用以前登录过的设备；"
            "如果您是号码的新主人，请选择“我是新用户”，原账号将与号码解绑。"
            "账号是您的、又都登录不了的，也请选择“我是新用户”；原账号实名过的，登录后带身份证到场馆前台合并回来。",
            field="newHolder",
        )


class IdentityBoundElsewhere(DomainError):
    code = ErrorCode.IDENTITY_BOUND_ELSEWHERE

    def __init__(self) -> None:
        super().__init__(
            "这个微信或支付宝账号已经是另一个用户的登录方式。",
            next_step="如果那也是您，请用它登录取得合并码，再把两个账号合并。",
            field="code",
        )


def named_device(device_id: str) -> str:
    """A device id that really names one: what is tied to a device must not be tied to all who say nothing."""
    if checked_device_id(device_id) == UNNAMED_DEVICE:
        raise BadInput("请带上设备编号。", next_step="请重新打开页面后再试。", field="deviceId")
    return device_id


def may_have_changed_hands(*, proved_at: datetime, knows_device: bool, now: datetime) -> bool:
    """Whether who holds this number now may be somebody else than who proved it then."""
    return not knows_device and now - proved_at > PROOF_LASTS


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
