"""A citizen's vouchers, and which of them would pay for a basket."""

from datetime import datetime
from typing import Any

import strawberry
from strawberry.relay import PageInfo

from models.checkout import choosing_vouchers
from models.vouchers import mine
from models.vouchers.choosing import MOST_LOOKED_AT, Candidate
from models.vouchers.mine import MOST_VOUCHERS_A_PAGE
from models.vouchers.reserving import MOST_VOUCHERS
from models.vouchers.rules import VoucherState
from plans.costs import ListSize, Weight
from resolvers.acting import HelperPower, acting
from resolvers.context import Info
from resolvers.order_lines import OrderLineInput, lines_wanted
from resolvers.paging import checked_size, page_of, read_cursor
from resolvers.scalars import Fen

strawberry.enum(
    VoucherState,
    name="VoucherState",
    description="CLAIMED can be used; RESERVED waits for its order or bill; FORFEITED, EXPIRED and RETURNED have ended.",
)


@strawberry.type(description="A voucher of mine.")
class Voucher:
    id: strawberry.ID
    campaign_id: strawberry.ID
    campaign_title: str
    title: str
    state: VoucherState
    face_value: Fen
    minimum_spend: Fen
    claimed_at: datetime
    valid_from: datetime
    valid_until: datetime
    ended_at: datetime | None
    order_no: str | None = strawberry.field(
        description="The order for which it is reserved, or on which it was used."
    )
    used: Fen | None = strawberry.field(
        description="What of it is used; less than its value after a partial refund."
    )
    used_at: datetime | None
    venue_name: str | None = strawberry.field(description="Where it was used.")

    @classmethod
    def of(cls, row: Any) -> "Voucher":
        return cls(
            id=strawberry.ID(row["public_id"]),
            campaign_id=strawberry.ID(row["campaign_public_id"]),
            campaign_title=row["campaign_title"],
            title=row["title"],
            state=VoucherState(row["state"]),
            face_value=Fen(row["face_fen"]),
            minimum_spend=Fen(row["minimum_spend_fen"]),
            claimed_at=row["claimed_at"],
            valid_from=row["valid_from"],
            valid_until=row["valid_until"],
            ended_at=row["ended_at"],
            order_no=row["order_no"],
            used=None if row["used_fen"] is None else Fen(row["used_fen"]),
            used_at=row["used_at"],
            venue_name=row["venue_name"],
        )


@strawberry.type
class VoucherEdge:
    node: Voucher
    cursor: str


@strawberry.type
class VoucherConnection:
    edges: list[VoucherEdge]
    page_info: PageInfo


@strawberry.type(description="A voucher of mine beside a basket.")
class VoucherFit:
    id: strawberry.ID
    title: str
    campaign_title: str
    face_value: Fen
    minimum_spend: Fen
    valid_until: datetime
    fits: bool
    reason: str = strawberry.field(
        description="A Chinese sentence: what it would take off, or why it does not fit."
    )

    @classmethod
    def of(cls, found: Candidate, reason: str = "") -> "VoucherFit":
        voucher = found.voucher
        return cls(
            id=strawberry.ID(voucher.public_id),
            title=found.title,
            campaign_title=found.campaign_title,
            face_value=Fen(voucher.face_fen),
            minimum_spend=Fen(voucher.minimum_spend_fen),
            valid_until=voucher.valid_until,
            fits=found.refusal is None,
            reason=reason or found.told,
        )


@strawberry.type(description="Which of my vouchers takes most off, and why not the others.")
class BestVoucher:
    voucher_ids: list[strawberry.ID] = strawberry.field(
        directives=[ListSize(assumed_size=MOST_VOUCHERS)],
        description="For `placeOrder`; more than one where they may be used together, none where none fits.",
    )
    saves: Fen
    to_pay: Fen
    reason: str = strawberry.field(description="A Chinese sentence.")
    others: list[VoucherFit] = strawberry.field(directives=[ListSize(assumed_size=MOST_LOOKED_AT)])


@strawberry.type
class MyVoucherQueries:
    @strawberry.field(
        directives=[
            ListSize(assumed_size=MOST_VOUCHERS_A_PAGE, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=300),
        ],
        description="My vouchers, or those of my ward or of whoever gave me the power SEE_ORDERS; the latest first.",
    )
    async def my_vouchers(
        self,
        info: Info,
        state: VoucherState | None = None,
        first: int = 20,
        after: str | None = None,
        for_member: strawberry.ID | None = None,
    ) -> VoucherConnection:
        whose = await acting(info, for_member, HelperPower.SEE_ORDERS)
        found = await mine.vouchers_of(
            member_id=whose.member_id,
            state=state,
            first=checked_size(first, MOST_VOUCHERS_A_PAGE),
            before_id=read_cursor(after, "v"),
        )
        edges = [VoucherEdge(node=Voucher.of(row), cursor=f"v{row['id']}") for row in found[:first]]
        return VoucherConnection(
            edges=edges,
            page_info=page_of(edges, found, after),
        )

    @strawberry.field(
        directives=[Weight(weight=1500)],
        description="Which of my vouchers (or my ward's) helps most with these lines. Nothing is held by asking.",
    )
    async def best_voucher(
        self, info: Info, lines: list[OrderLineInput], for_member: strawberry.ID | None = None
    ) -> BestVoucher:
        whose = await acting(info, for_member, HelperPower.BOOK)
        found = await choosing_vouchers.best_voucher(
            member_id=whose.member_id,
            lines=lines_wanted(lines),
            keys=info.context.services.id_keys,
            now=info.context.now,
        )
        return BestVoucher(
            voucher_ids=[strawberry.ID(each.voucher.public_id) for each in found.chosen],
            saves=Fen(found.saves_fen),
            to_pay=Fen(found.to_pay_fen),
            reason=found.told,
            others=[VoucherFit.of(each, why) for each, why in found.others],
        )

    @strawberry.field(
        directives=[ListSize(assumed_size=MOST_LOOKED_AT), Weight(weight=1500)],
        description="Each of my vouchers (or my ward's) beside these lines, the soonest to end first.",
    )
    async def vouchers_for(
        self, info: Info, lines: list[OrderLineInput], for_member: strawberry.ID | None = None
    ) -> list[VoucherFit]:
        whose = await acting(info, for_member, HelperPower.BOOK)
        found = await choosing_vouchers.vouchers_for(
            member_id=whose.member_id,
            lines=lines_wanted(lines),
            keys=info.context.services.id_keys,
            now=info.context.now,
        )
        return [VoucherFit.of(each) for each in found]
