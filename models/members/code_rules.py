"""What is true of the codes that are sent by SMS: how long they live, how many may be asked for. Pure."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv6Address, IPv6Network, ip_address
from math import ceil
from types import MappingProxyType

from models.calendar import moment_text
from models.errors import DomainError, ErrorCode

CODE_LIFE = timedelta(minutes=5)
CODE_TRIES = 5
"""Five guesses at six digits, ten codes a day and number: whoever tries a number all day has one chance in 20,000."""
CODES_KEPT = timedelta(days=7)
"""Longer than any limit looks back, and long enough to look into a flood."""


class CodePurpose(StrEnum):
    """What a code sent by SMS is good for."""

    SIGN_IN = "SIGN_IN"
    BIND = "BIND"


class CodeStatus(StrEnum):
    """INTENDED before the gateway is asked. FAILED: it did not confirm, so nobody knows whether the code arrived."""

    INTENDED = "INTENDED"
    SENT = "SENT"
    FAILED = "FAILED"
    USED = "USED"
    SPENT = "SPENT"


TRIABLE = (CodeStatus.INTENDED, CodeStatus.SENT, CodeStatus.FAILED)
"""States of a code that may lie in somebody's hand: an answer of the gateway may be lost though the SMS is not."""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many codes in so long. `of_all`: failed ones count too, so that an outage is no licence to try for ever."""

    count: int
    window: timedelta
    of_all: bool = False


MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LIMITS: Mapping[str, Sequence[Limit]] = MappingProxyType(
    {
        "phone_hash": (Limit(1, MINUTE), Limit(5, HOUR), Limit(10, DAY), Limit(10, HOUR, of_all=True)),
        "device_id": (Limit(5, HOUR), Limit(15, HOUR, of_all=True)),
        "address": (Limit(60, HOUR), Limit(180, HOUR, of_all=True)),
    }
)
"""By the column of `phone_code` of which they count the codes."""


def new_code() -> str:
    """Six random digits."""
    return f"{secrets.randbelow(1_000_000):06d}"


def lifts_at(sent: Sequence[tuple[datetime, bool]], limits: Sequence[Limit], now: datetime) -> datetime | None:
    """When one more may be sent, or None for at once. `sent`: moments, newest first, and whether each failed."""
    waits = []
    for limit in limits:
        counted = [at for at, has_failed in sent if limit.of_all or not has_failed]
        if len(counted) >= limit.count:
            waits.append(counted[limit.count - 1] + limit.window)
    latest = max(waits, default=now)
    return latest if latest > now else None


def counted_address(address: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 one, which is the least that a subscriber has. Else as it is."""
    try:
        known = ip_address(address)
    except ValueError:
        return address[:64]
    if not isinstance(known, IPv6Address):
        return str(known)
    return str(known.ipv4_mapped or IPv6Network((known, 64), strict=False))


class SmsTooMany(DomainError):
    """`retry_after` says in how many seconds it lifts, where that is known."""

    code = ErrorCode.SMS_TOO_MANY

    def __init__(self, lifts: datetime | None, now: datetime) -> None:
        super().__init__(
            "短信验证码发送得太频繁了。",
            next_step=_when(lifts, now),
            field="phone",
            retry_after=None if lifts is None else ceil((lifts - now).total_seconds()),
        )


def _when(lifts: datetime | None, now: datetime) -> str:
    if lifts is None:
        return "请过一小时再试，或改用微信登录。"
    seconds = ceil((lifts - now).total_seconds())
    if seconds <= 60:
        return f"请{seconds}秒后再试。"
    return f"请在{moment_text(lifts + timedelta(seconds=59))}以后再试，或改用微信登录。"


class SmsCodeWrong(DomainError):
    """Wrong, expired, used, spent by five wrong guesses, or never sent: nobody is told which."""

    code = ErrorCode.SMS_CODE_WRONG

    def __init__(self) -> None:
        super().__init__(
            "短信验证码不正确或已失效。", next_step="请核对最新的短信，或重新获取验证码。", field="code"
        )
