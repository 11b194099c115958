"""A change of an opened campaign, as somebody wants it, and its effect as they were shown it. Pure.

Both are kept with the proposal (proposing.py) until somebody else decides, so they are said in what JSON can say and
read back to the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from models.money import yuan_text
from models.vouchers.drafting import KindWanted, RoundWanted, said_of_kind, said_of_round
from models.vouchers.reading import terms_json, terms_of
from models.vouchers.rules import Terms


@dataclass(frozen=True, kw_only=True)
class RoundChange:
    round_id: str
    quantity: int | None = None
    closes_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is to be otherwise; what is left out stays."""

    terms: Terms | None = None
    reserve_fen: int | None = None
    budgets: tuple[tuple[str, int], ...] = ()  # by the pool's name, in fen
    rounds: tuple[RoundChange, ...] = ()
    new_rounds: tuple[tuple[str, tuple[RoundWanted, ...]], ...] = ()  # by the kind's public id
    new_kinds: tuple[tuple[str, KindWanted], ...] = ()  # by the pool's name

    def said(self) -> list[Any]:
        """All of it in what JSON can say; `change_of` reads it back."""
        return [
            self.terms and terms_json(self.terms),
            self.reserve_fen,
            [list(each) for each in sorted(self.budgets)],
            [[one.round_id, one.quantity, one.closes_at and one.closes_at.isoformat()] for one in self.rounds],
            [[kind, [said_of_round(one) for one in rounds]] for kind, rounds in self.new_rounds],
            [[pool, said_of_kind(kind)] for pool, kind in self.new_kinds],
        ]


def change_of(said: Sequence[Any]) -> Change:
    """What `Change.said` said."""
    terms, reserve_fen, budgets, rounds, new_rounds, new_kinds = said
    return Change(
        terms=None if terms is None else terms_of(terms),
        reserve_fen=reserve_fen,
        budgets=tuple((name, fen) for name, fen in budgets),
        rounds=tuple(
            RoundChange(round_id=name, quantity=many, closes_at=closes_at and datetime.fromisoformat(closes_at))
            for name, many, closes_at in rounds
        ),
        new_rounds=tuple((kind, tuple(_round(one) for one in offered)) for kind, offered in new_rounds),
        new_kinds=tuple((pool, _kind(kind)) for pool, kind in new_kinds),
    )


def _kind(said: Sequence[Any]) -> KindWanted:
    title, face_fen, minimum_spend_fen, rounds = said
    return KindWanted(
        title=title,
        face_fen=face_fen,
        minimum_spend_fen=minimum_spend_fen,
        rounds=tuple(_round(one) for one in rounds),
    )


def _round(said: Sequence[Any]) -> RoundWanted:
    opens_at, closes_at, quantity = said
    return RoundWanted(
        opens_at=datetime.fromisoformat(opens_at), closes_at=datetime.fromisoformat(closes_at), quantity=quantity
    )


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a change would do, in figures and in sentences, as it was shown to somebody."""

    sentences: Sequence[str]
    budget_moved_fen: int  # that all pools together gain
    vouchers_added: int  # that all rounds together gain
    holders: int
    held: int

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "sentences": list(self.sentences)}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Self:
        return cls(**said)

    def worse(self, now: "Shown") -> str | None:
        """In what the same change is worse by now than it was shown: it moves more money, or gives fewer vouchers.
        That more people hold vouchers by now is not worse: they keep what they have."""
        if now.budget_moved_fen > self.budget_moved_fen:
            before, after = yuan_text(self.budget_moved_fen), yuan_text(now.budget_moved_fen)
            return f"资金增加的数额由{before}变成了{after}"
        if now.vouchers_added < self.vouchers_added:
            return f"增加的张数由{self.vouchers_added}张变成了{now.vouchers_added}张"
        return None
