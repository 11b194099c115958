"""What is true of third parties and their keys. Pure."""

from dataclasses import dataclass, field
from datetime import datetime

from models.errors import BadInput
from models.keys import new_token

LIVE_KEYS = 3
"""At once for one third party: the one in use, its successor, and one to spare for a second installation."""
PREFIX = "tpk_"
"""Of every key, so that logs and scanners of source code can tell one at sight."""
LONGEST_NAME = 40
LONGEST_CONTACT = 100


@dataclass(frozen=True, slots=True)
class NewKey:
    """What is handed over. Shown once, stored nowhere."""

    public_id: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KnownThirdParty:
    """The third party whose live key came in. `public_id` is what rates are counted by and logs may say."""

    public_id: str
    name: str


@dataclass(frozen=True, slots=True)
class ListedKey:
    last_four: str
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A third party as operators see it, its keys from the oldest on."""

    public_id: str
    name: str
    contact: str
    created_at: datetime
    ended_at: datetime | None
    keys: tuple[ListedKey, ...]


class ThirdPartyUnknown(BadInput):
    def __init__(self) -> None:
        super().__init__(
            "没有登记过这个第三方应用，或它已停用。", next_step="请用 list 命令核对名称。", field="name"
        )


class NameTaken(BadInput):
    """Also by one that has ended: a name in old logs must not become somebody else's."""

    def __init__(self) -> None:
        super().__init__("这个名称已登记过。", next_step="请换一个名称，或为原应用更换密钥。", field="name")


class TooManyKeys(BadInput):
    def __init__(self) -> None:
        super().__init__(
            f"这个应用已有{LIVE_KEYS}个有效密钥。", next_step="请先停用不再使用的密钥，再发放新的。", field="name"
        )


class KeyUnknown(BadInput):
    def __init__(self) -> None:
        super().__init__(
            "这个应用没有（或不止一个）以这四个字符结尾的有效密钥。",
            next_step="请用 list 命令核对。",
            field="lastFour",
        )


def new_key() -> str:
    """256 random bits behind the prefix."""
    return PREFIX + new_token()


def checked_name(text: str) -> str:
    name = text.strip()
    if not (1 <= len(name) <= LONGEST_NAME and name.isprintable()):
        raise BadInput("名称不正确。", next_step=f"请填写1到{LONGEST_NAME}个字的名称。", field="name")
    return name


def checked_contact(text: str) -> str:
    contact = text.strip()
    if not (1 <= len(contact) <= LONGEST_CONTACT and contact.isprintable()):
        raise BadInput(
            "联系方式不正确。", next_step=f"请填写1到{LONGEST_CONTACT}个字：谁，怎样联系。", field="contact"
        )
    return contact
