"""What groups of people pay less (体规字〔2021〕7号: half the price at most). Pure.

Who belongs to a group is not known here: `models.real_names`. A venue of either province asks for the same proof and
gives its own percentage, wherever somebody comes from.
"""

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import NamedTuple

MOST_PERCENT = 50
"""体规字〔2021〕7号: the elderly, the disabled, students, soldiers and firefighters pay half at most."""


class Covers(StrEnum):
    """Of what the percentage is paid, when whom the order is for is entitled.

    The whole court is the default, as venues do it at the counter: it is what somebody of 75 understands, and the price
    then doesn't hang on how many are said to come along. A venue may give it on the entitled person's share only.
    """

    WHOLE = "WHOLE"
    SHARE = "SHARE"


class Rule(NamedTuple):
    """A group, and what it pays: 0 to 99 percent."""

    kind: str  # real_names.rules.ConcessionKind
    pays_percent: int
    covers: str = Covers.WHOLE
    provenance: str = "PUBLISHED"


class TakenOff(NamedTuple):
    """Which concession was given, and how many fen it takes off."""

    rule: Rule
    fen: int


def taken_off_fen(price_fen: int, people: int, rule: Rule) -> int:
    """Rounded so that nobody pays more than their percentage, not even by a fen."""
    share_fen = price_fen if rule.covers == Covers.WHOLE else -(-price_fen // people)
    return share_fen - share_fen * rule.pays_percent // 100


def best_for(price_fen: int, *, people: int, held: Collection[str], rules: Iterable[Rule]) -> TakenOff | None:
    """Of what somebody may claim the one that takes most off: concessions don't add up. None takes nothing off."""
    fitting = [TakenOff(rule, taken_off_fen(price_fen, people, rule)) for rule in rules if rule.kind in held]
    best = max(fitting, key=lambda taken: (taken.fen, taken.rule.kind), default=None)
    return best if best is not None and best.fen else None
