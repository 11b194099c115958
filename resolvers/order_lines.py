"""The lines of a basket, as whoever orders or only asks names them."""

from collections.abc import Sequence
from datetime import datetime

import strawberry

from models.checkout.wanted import LineWanted
from resolvers.scalars import Fen
from resolvers.words import Ticket


@strawberry.input(
    description="A court from an instant on (`courtId`, `startsAt`), or places of a session (`sessionId`, `ticket`), for "
    "so many people."
)
class OrderLineInput:
    court_id: strawberry.ID | None = None
    starts_at: datetime | None = None
    session_id: strawberry.ID | None = None
    ticket: Ticket | None = None
    people: int = 1
    companion_ids: list[strawberry.ID] | None = strawberry.field(
        default=None,
        description="Of a court: who plays along, by the ids of `myPeople.companions`; limits are theirs too.",
    )
    expected_price: Fen | None = strawberry.field(
        default=None, description="The price that was shown; a changed price is refused instead of charged."
    )


def lines_wanted(lines: Sequence[OrderLineInput]) -> list[LineWanted]:
    return [
        LineWanted(
            court_id=line.court_id or "",
            starts_at=line.starts_at,
            session_id=line.session_id or "",
            ticket=line.ticket or "",
            people=line.people,
            companion_ids=tuple(line.companion_ids or ()),
            expected_price_fen=line.expected_price,
        )
        for line in lines
    ]
