"""How a price is split among those who play (分摊), and how what comes back of it goes to each of them. Pure."""

from collections.abc import Sequence
from enum import StrEnum

from models.errors import BadInput
from models.money import shares, yuan_text

MOST_SHARES = 20
"""So many people may pay one order."""


class ShareState(StrEnum):
    OPEN = "OPEN"  # asked for, not paid
    PAID = "PAID"
    TAKEN_OVER = "TAKEN_OVER"  # whoever booked pays it, in a share of its own
    LAPSED = "LAPSED"  # the order ended before it was paid
    GIVEN_BACK = "GIVEN_BACK"  # it was paid, but others were not: its money is on its way back


def equal_shares(amount_fen: int, people: int) -> list[int]:
    """As alike as whole fen can be: they add up to the amount, and the odd fen fall on the first, one each. The first is
    whoever booked, then the others as they were named. Raises BAD_INPUT for nobody to share with, too many, or a fen
    too few."""
    if not 2 <= people <= MOST_SHARES:
        raise BadInput(
            f"分摊要有2到{MOST_SHARES}人，您选了{people}人（含您自己）。",
            next_step="请重新选择一起分摊的球友。",
            field="companionIds",
        )
    if amount_fen < people:
        raise BadInput(
            f"{yuan_text(amount_fen)}不够{people}人分摊。", next_step="请减少分摊的人数。", field="companionIds"
        )
    return shares(amount_fen, [1] * people)


def spread(amounts_fen: Sequence[int], lefts_fen: Sequence[int]) -> list[list[int]]:
    """Of each amount (each line's) how much each payment gives back: in proportion to what is left of it, to the fen. Row
    by row they add up to the amounts, and no payment gives more than its left, as long as the amounts together don't."""
    left, rows = list(lefts_fen), []
    for amount_fen in amounts_fen:
        row = shares(amount_fen, left)
        left = [have - give for have, give in zip(left, row, strict=True)]
        rows.append(row)
    return rows
