"""The lines of a basket, as whoever orders or only asks names them."""

from collections.abc import Sequence
from datetime import datetime

import strawberry

from models.checkout.placing import LineWanted
from resolvers.scalars import Fen


@strawberry.input(description="One court from one instant on, for so many people.")
class OrderLineInput:
    court_id: strawberry.ID
    starts_at: datetime
    people: int = 1
    expected_price: Fen | None = strawberry.field(
        default=None, description="The price that was shown; a changed price is refused instead of charged."
    )


def lines_wanted(lines: Sequence[OrderLineInput]) -> list[LineWanted]:
    return [
        LineWanted(
            court_id=line.court_id,
            starts_at=line.starts_at,
            people=line.people,
            expected_price_fen=line.expected_price,
        )
        for line in lines
    ]
