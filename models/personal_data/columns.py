"""How a column that leads to a member is described, and the laws for which some rows stay."""

from dataclasses import dataclass
from enum import StrEnum


class OnMerge(StrEnum):
    MOVES = "MOVES"  # the row gets the other member; undoing gives it back
    STAYS = "STAYS"  # belongs to the account's own history
    OWN = "OWN"  # it moves too, but may be in the way of one that is there: models/merging/moving.py has the rule


class OnDeletion(StrEnum):
    ERASED = "ERASED"  # the row, and what hangs on it
    FORGOTTEN = "FORGOTTEN"  # the row is somebody else's: it no longer says who
    KEPT = "KEPT"  # a law wants it; the row leads to a member about whom nothing else is known
    OWN = "OWN"  # the privacy room has a rule of its own


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows that hang on a row of a `Held` table: exported with it, and erased with it."""

    table: str
    column: str
    """Leads to the id of the row on which it hangs."""
    of: str = "TRUE"
    """Which of those rows are theirs, in SQL: not all that hang on an order are."""
    what: str = ""
    exported: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Held:
    """One column that leads to a member."""

    table: str
    column: str = "member_id"
    what: str
    """In Chinese, as the citizen reads it in their export."""
    on_merge: OnMerge
    on_deletion: OnDeletion
    basis: str = ""
    """Of KEPT: the law, and how long. Of OWN: why the row stays, without what was written in it."""
    exported: tuple[str, ...] = ()
    """Columns that go into the export; sealed ones are opened or masked by the privacy room."""
    parts: tuple[Part, ...] = ()


TRADE = "《中华人民共和国电子商务法》第三十一条：商品和服务信息、交易信息自交易完成之日起保存不少于三年"
PROOF = "《中华人民共和国个人信息保护法》第五十条、第六十九条：证明您的请求已经办理；其中没有您的信息"

MOVES, STAYS, OWN = OnMerge.MOVES, OnMerge.STAYS, OnMerge.OWN
ERASED, FORGOTTEN, KEPT = OnDeletion.ERASED, OnDeletion.FORGOTTEN, OnDeletion.KEPT
