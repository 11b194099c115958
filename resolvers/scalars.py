"""Scalars of our own."""

from typing import NewType

import strawberry

MOST_FEN = 10**15

Fen = NewType("Fen", int)


def _fen(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MOST_FEN:
        raise ValueError("Fen is a whole number")
    return value


FEN = strawberry.scalar(
    name="Fen",
    description="Money: a whole number of fen (分). GraphQL's Int has 32 bits, too few for a budget.",
    serialize=_fen,
    parse_value=_fen,
)
