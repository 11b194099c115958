"""A campaign as citizens find it."""

from datetime import datetime
from enum import StrEnum
from typing import Self

import strawberry
from strawberry.relay import PageInfo

from models.vouchers.drafting import MOST_KINDS
from models.vouchers.queries import ROUNDS_SHOWN, CampaignView, KindView, RoundView
from models.vouchers.rules import CampaignState
from plans.costs import ListSize
from resolvers.scalars import Fen

MOST_SENTENCES = 16

strawberry.enum(
    CampaignState,
    name="VoucherCampaignState",
    description="PAUSED: nothing is claimed, and what was claimed can be used. CLOSED: nothing is claimed any more.",
)


@strawberry.enum(name="VoucherRoundStatus")
class RoundStatus(StrEnum):
    UPCOMING = "UPCOMING"
    OPEN = "OPEN"
    SOLD_OUT = "SOLD_OUT"
    OVER = "OVER"


# What citizens find


@strawberry.type(name="VoucherRound", description="So many of one denomination, from one instant to another.")
class Round:
    id: strawberry.ID
    opens_at: datetime
    closes_at: datetime
    quantity: int
    remaining: int
    status: RoundStatus
    opens_in_seconds: int = strawberry.field(description="By the server's clock; 0 once it has opened.")

    @classmethod
    def of(cls, view: RoundView, now: datetime) -> Self:
        return cls(
            id=strawberry.ID(view.public_id),
            opens_at=view.opens_at,
            closes_at=view.closes_at,
            quantity=view.quantity,
            remaining=view.remaining,
            status=_status(view, now),
            opens_in_seconds=max(0, -int((now - view.opens_at).total_seconds() // 1)),
        )


def _status(view: RoundView, now: datetime) -> RoundStatus:
    if now >= view.closes_at:
        return RoundStatus.OVER
    if now < view.opens_at:
        return RoundStatus.UPCOMING
    return RoundStatus.OPEN if view.remaining else RoundStatus.SOLD_OUT


@strawberry.type(name="VoucherKind", description="So much off when at least so much is spent.")
class Kind:
    id: strawberry.ID
    title: str
    face_value: Fen
    minimum_spend: Fen
    rounds: list[Round] = strawberry.field(
        description="The one that is open, and the next ones.", directives=[ListSize(assumed_size=ROUNDS_SHOWN)]
    )

    @classmethod
    def of(cls, view: KindView, now: datetime) -> Self:
        return cls(
            id=strawberry.ID(view.public_id),
            title=view.title,
            face_value=Fen(view.face_fen),
            minimum_spend=Fen(view.minimum_spend_fen),
            rounds=[Round.of(one, now) for one in view.rounds],
        )


@strawberry.type(name="VoucherCampaign", description="A programme that gives out vouchers.")
class Campaign:
    id: strawberry.ID
    title: str
    state: CampaignState
    region_key: str | None = strawberry.field(description="Whose money it is; null: both provinces'.")
    region_name: str | None
    is_demonstration: bool = strawberry.field(description="True: made up for the walk-through.")
    limits: list[str] = strawberry.field(
        description="How many one person may claim, hold and use: Chinese sentences.",
        directives=[ListSize(assumed_size=MOST_SENTENCES)],
    )
    rules: list[str] = strawberry.field(
        description="Who may claim, where and until when it is valid, and what a refund does: Chinese sentences.",
        directives=[ListSize(assumed_size=MOST_SENTENCES)],
    )
    kinds: list[Kind] = strawberry.field(
        description="The largest first.", directives=[ListSize(assumed_size=MOST_KINDS)]
    )
    server_now: datetime = strawberry.field(description="Count down by this clock, never by the phone's.")
    next_opens_at: datetime | None = strawberry.field(description="When the next round of any kind opens.")

    @classmethod
    def of(cls, view: CampaignView, now: datetime) -> Self:
        to_come = [one.opens_at for kind in view.kinds for one in kind.rounds if one.opens_at > now]
        return cls(
            id=strawberry.ID(view.public_id),
            title=view.title,
            state=view.state,
            region_key=view.region_key or None,
            region_name=view.region_name,
            is_demonstration=view.is_demonstration,
            limits=list(view.limits),
            rules=list(view.rules),
            kinds=[Kind.of(kind, now) for kind in view.kinds],
            server_now=now,
            next_opens_at=min(to_come, default=None),
        )


@strawberry.type(name="VoucherCampaignEdge")
class CampaignEdge:
    node: Campaign
    cursor: str


@strawberry.type(name="VoucherCampaignConnection")
class CampaignConnection:
    edges: list[CampaignEdge]
    page_info: PageInfo
