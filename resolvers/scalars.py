"""Scalars of our own."""

from typing import NewType

import strawberry

from plans.scalars import WholeNumber

MOST_FEN = 10**15

Fen = NewType("Fen", int)

_whole = WholeNumber("Fen", MOST_FEN)
FEN = strawberry.scalar(
    name="Fen",
    description="Money: a whole number of fen (分). GraphQL's Int has 32 bits, too few for a budget.",
    serialize=_whole,
    parse_value=_whole,
)
