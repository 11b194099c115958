"""What holds for exports and deletions. Pure. Bases are named where they could be looked up; the rest is the founder's."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from models.errors import DomainError, ErrorCode
from models.keys import IdKeys, PhoneKeys, SealingKeys
from models.personal_data import HELD, Held, OnDeletion

EXPORT_LIFE = timedelta(minutes=10)
MOST_EXPORTS, EXPORT_WINDOW = 5, timedelta(days=1)
COOLING_OFF = timedelta(days=15)
YEARS_KEPT = 3
"""Of who traded: 电子商务法 31, at least three years after the trade was done."""
BASIS = "《中华人民共和国电子商务法》第三十一条：交易信息自交易完成之日起保存不少于三年"


@dataclass(frozen=True, kw_only=True)
class PrivacyKeys:
    """What opens a member's own data for them, and seals who they were."""

    phones: PhoneKeys = field(repr=False)
    ids: IdKeys = field(repr=False)
    texts: SealingKeys = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class AgeRule:
    """How long something is kept that nobody needs any more. docs/security.md has the same table."""

    name: str
    what: str
    age: timedelta
    why: str
    """What the age rests on; where no rule was found it is ours, and the founder may change it."""


@dataclass(frozen=True)
class Kept:
    """What stays after a deletion, and which law wants it."""

    what: str
    basis: str


class ExportUnknown(DomainError):
    """Never made, used, expired: nobody learns which."""

    code = ErrorCode.EXPORT_UNKNOWN

    def __init__(self) -> None:
        super().__init__("这个下载链接不存在、已用过或已过期。", next_step="请回到“我的—隐私”重新导出。")


class TooManyExports(DomainError):
    code = ErrorCode.TOO_MANY_ATTEMPTS

    def __init__(self) -> None:
        super().__init__(f"一天最多导出{MOST_EXPORTS}次。", next_step="请明天再试。")


class DeletionUnknown(DomainError):
    code = ErrorCode.DELETION_UNKNOWN

    def __init__(self) -> None:
        super().__init__("没有正在进行的注销申请。", next_step="您的账号照常使用。")


class DeletionNotYet(DomainError):
    """Something is still on its way. It names what, and how to end it."""

    code = ErrorCode.DELETION_NOT_YET

    def __init__(self, why: str, way_out: str) -> None:
        super().__init__(why, next_step=way_out)


def erased() -> list[str]:
    """What goes, in the words of the export; of what only the row stays, what was written."""
    whole = [held.what for held in HELD if held.on_deletion is OnDeletion.ERASED]
    return [*whole, *(f"{held.what}里写的内容" for held in HELD if _only_the_row_stays(held))]


def kept() -> list[Kept]:
    """What stays, without saying whose it was, and why."""
    whole = [Kept(held.what, held.basis) for held in HELD if held.on_deletion is OnDeletion.KEPT]
    return [*whole, *(Kept(f"{held.what}的办理记录", held.basis) for held in HELD if _only_the_row_stays(held))]


def _only_the_row_stays(held: Held) -> bool:
    return held.on_deletion is OnDeletion.OWN and bool(held.basis)


def keep_until(last_trade: datetime) -> datetime:
    """Three years after the last trade was done; from 29 February to 1 March."""
    try:
        return last_trade.replace(year=last_trade.year + YEARS_KEPT)
    except ValueError:
        return last_trade.replace(year=last_trade.year + YEARS_KEPT, month=3, day=1)
