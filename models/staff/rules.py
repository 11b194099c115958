"""What is true of staff and their sign-ins. Pure. The numbers follow GB/T 22239-2019, level 3."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil

from models.errors import BadInput, DomainError, ErrorCode

IDLE_LIFE = timedelta(minutes=10)
ABSOLUTE_LIFE = timedelta(hours=12)
SEEN_EVERY = timedelta(minutes=1)  # a desk scans all day: its sign-in's row is written once a minute at most
FAILURES_UNTIL_LOCK = 5
LOCK_LIFE = timedelta(seconds=300)

SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 128
CLASSES_NEEDED = 3

_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{2,39}")


@dataclass(frozen=True)
class StaffSignedIn:
    """A clerk at a desk. `venues` are those they may act for, as (public id, name)."""

    token: str = field(repr=False)
    staff_id: int
    display_name: str
    device_id: str
    venues: tuple[tuple[str, str], ...]


class StaffCredentialsWrong(DomainError):
    """One sentence for an unknown name, a wrong password and a closed account: none betrays which names exist."""

    code = ErrorCode.STAFF_CREDENTIALS_WRONG

    def __init__(self) -> None:
        super().__init__(
            "用户名或密码不正确。",
            next_step=f"请核对后再试；连续输错{FAILURES_UNTIL_LOCK}次将暂时锁定。忘记密码请联系管理员。",
        )


class StaffLocked(DomainError):
    code = ErrorCode.STAFF_LOCKED

    def __init__(self, left: timedelta) -> None:
        minutes = max(1, ceil(left / timedelta(minutes=1)))
        super().__init__("密码连续输错次数过多，账号已暂时锁定。", next_step=f"请在{minutes}分钟后再试。")


class PasswordTooWeak(DomainError):
    code = ErrorCode.PASSWORD_TOO_WEAK

    def __init__(self) -> None:
        super().__init__(
            "密码强度不够。",
            next_step="请使用8到128个字符，并包含大写字母、小写字母、数字、符号中的至少三类，且不含用户名。",
            field="password",
        )


class UsernameTaken(DomainError):
    code = ErrorCode.USERNAME_TAKEN

    def __init__(self) -> None:
        super().__init__("这个用户名已有人使用。", next_step="请换一个用户名。", field="username")


class StaffVenueUnknown(DomainError):
    code = ErrorCode.VENUE_UNKNOWN

    def __init__(self) -> None:
        super().__init__("所选场馆不存在。", next_step="请核对场馆编号，至少选择一个场馆。", field="venueIds")


def username_of(text: str) -> str | None:
    """The username that was meant, without regard to case or blanks around it; None when it can be nobody's."""
    username = text.strip().lower()
    return username if _USERNAME.fullmatch(username) else None


def checked_username(text: str) -> str:
    username = username_of(text)
    if username is None:
        raise BadInput(
            "用户名不正确。", next_step="请使用3到40个小写字母、数字、点、横线或下划线。", field="username"
        )
    return username


def checked_display_name(text: str) -> str:
    name = text.strip()
    if not (1 <= len(name) <= 40 and name.isprintable()):
        raise BadInput("姓名不正确。", next_step="请填写1到40个字的姓名。", field="displayName")
    return name


def check_password(password: str, *, username: str) -> None:
    """At least 8 characters of at least 3 classes (GB/T 22239-2019 level 3), and not the username."""
    classes = (
        any(character.islower() for character in password),
        any(character.isupper() for character in password),
        any(character.isdigit() for character in password),
        any(not character.isalnum() for character in password),
    )
    fits = SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD
    if not fits or sum(classes) < CLASSES_NEEDED or username in password.lower():
        raise PasswordTooWeak


def is_alive(*, started_at: datetime, last_seen_at: datetime, now: datetime) -> bool:
    """A sign-in ends 10 minutes after it was last used and 12 hours after it began, whichever comes first."""
    return now < last_seen_at + IDLE_LIFE and now < started_at + ABSOLUTE_LIFE
