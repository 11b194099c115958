"""Why a price is what it is, and what lines would cost before they are ordered."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson
import strawberry

from models.booking.bookable import BookableSlot
from models.checkout import quoting
from models.checkout.session_lines import Bookable
from models.checkout.wanted import MOST_LINES
from plans.costs import ListSize, Weight
from resolvers.acting import HelperPower, acting
from resolvers.context import Info
from resolvers.order_lines import OrderLineInput, lines_wanted
from resolvers.scalars import Fen
from resolvers.words import ConcessionKind, PartKind

PARTS_OF_A_SLOT = 2
"""An hour lies in one window or two."""
PARTS_OF_A_LINE = PARTS_OF_A_SLOT + 1


@strawberry.type(description="One reason of a price. The amounts of all parts add up to it.")
class PricePart:
    kind: PartKind
    text: str = strawberry.field(
        description="A Chinese sentence: which window of which days, or which concession."
    )
    amount: Fen = strawberry.field(description="Below zero: taken off.")
    is_demonstration: bool = strawberry.field(description="Made up for the walk-through, not published.")


def price_parts(told: Iterable[Any]) -> list[PricePart]:
    return [
        PricePart(kind=PartKind(kind), text=text, amount=Fen(fen), is_demonstration=made_up)
        for kind, text, fen, made_up in told
    ]


def kept_parts(told: Any) -> list[PricePart]:
    """Of an order's line: as it was told when it was placed. Lines of before prices explained themselves have none."""
    return price_parts((orjson.loads(told) if isinstance(told, str | bytes) else told) or ())


def kind_of(concession: str) -> ConcessionKind | None:
    return ConcessionKind(concession) if concession else None


@strawberry.type(description="A line as it would be ordered.")
class QuotedLine:
    title: str
    starts_at: datetime
    ends_at: datetime
    people: int
    price: Fen = strawberry.field(description="For whom it is for; the `expectedPrice` of `placeOrder`.")
    general_price: Fen = strawberry.field(description="Without a concession.")
    price_label: str
    concession_kind: ConcessionKind | None
    price_explanation: list[PricePart] = strawberry.field(directives=[ListSize(assumed_size=PARTS_OF_A_LINE)])

    @classmethod
    def of(cls, bought: Bookable) -> "QuotedLine":
        concession = bought.concession if isinstance(bought, BookableSlot) else None
        return cls(
            title=bought.title,
            starts_at=bought.starts_at,
            ends_at=bought.ends_at,
            people=bought.people,
            price=Fen(bought.price_fen),
            general_price=Fen(bought.general_fen),
            price_label=bought.price_label,
            concession_kind=ConcessionKind(concession.rule.kind) if concession else None,
            price_explanation=price_parts(bought.price_parts),
        )


@strawberry.type(description="What lines cost me now, or my ward, or whoever I help. Nothing is held by asking.")
class OrderQuote:
    lines: list[QuotedLine] = strawberry.field(directives=[ListSize(assumed_size=MOST_LINES)])
    total: Fen = strawberry.field(description="Before vouchers.")
    general_total: Fen = strawberry.field(description="Without concessions.")


@strawberry.type
class PriceQueries:
    @strawberry.field(
        directives=[Weight(weight=1500)],
        description="What these lines would cost, with the concessions of whom they are for, and why.",
    )
    async def order_quote(
        self, info: Info, lines: list[OrderLineInput], for_member: strawberry.ID | None = None
    ) -> OrderQuote:
        whose = await acting(info, for_member, HelperPower.BOOK)
        found = await quoting.order_quote(
            member_id=whose.member_id,
            lines=lines_wanted(lines),
            keys=info.context.services.id_keys,
            now=info.context.now,
        )
        return OrderQuote(
            lines=[QuotedLine.of(each) for each in found],
            total=Fen(sum(each.price_fen for each in found)),
            general_total=Fen(sum(each.general_fen for each in found)),
        )
