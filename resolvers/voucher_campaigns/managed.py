"""A campaign as its planners and reviewers see it."""

from datetime import date, datetime
from typing import Any, Self

import strawberry
from strawberry.relay import PageInfo

from models.vouchers.change import Shown
from models.vouchers.drafting import MOST_POOLS, MOST_ROUNDS
from models.vouchers.proposing import MOST_CHANGES_SHOWN, ChangeView
from models.vouchers.queries import STEPS_SHOWN, ManagedView
from models.vouchers.rules import CampaignState, ChangeState, Terms
from plans.costs import ListSize
from resolvers.scalars import Fen
from resolvers.voucher_campaigns.citizens import Campaign
from resolvers.words import AgeGroup, Challenge, OnRefund, Stacking

MOST_NAMED = 100
strawberry.enum(ChangeState, name="CampaignChangeState")


@strawberry.type(description="How many one person may claim, or hold unused. Null: no such limit.")
class ClaimLimits:
    a_round: int | None
    a_day: int | None
    a_week: int | None
    a_month: int | None
    in_all: int | None
    held: int | None


@strawberry.type(description="Who may claim. Empty lists: everybody.")
class ClaimWho:
    real_name: bool
    age_groups: list[AgeGroup] = strawberry.field(directives=[ListSize(assumed_size=len(AgeGroup))])
    regions: list[str] = strawberry.field(directives=[ListSize(assumed_size=MOST_NAMED)])
    first_timers: bool
    account_days: int
    challenge: Challenge


@strawberry.type(description="Where vouchers are worth something. Empty lists: everywhere, for everything.")
class VoucherWhere:
    venues: list[strawberry.ID] = strawberry.field(directives=[ListSize(assumed_size=MOST_NAMED)])
    regions: list[str] = strawberry.field(directives=[ListSize(assumed_size=MOST_NAMED)])
    sports: list[str] = strawberry.field(directives=[ListSize(assumed_size=MOST_NAMED)])


@strawberry.type(description="So many days after the claim, or on calendar days; both: whichever ends first.")
class VoucherValidity:
    days: int | None
    from_day: date | None
    until_day: date | None


@strawberry.type(description="What a campaign promises, in one version.")
class VoucherTerms:
    limits: ClaimLimits
    who: ClaimWho
    where: VoucherWhere
    validity: VoucherValidity
    uses_a_day: int | None
    uses_a_venue_a_day: int | None
    stacking: Stacking
    venue_share_percent: int
    venue_cap: Fen | None
    on_refund: OnRefund
    refund_hours_before: int
    expired_returns: bool
    rolls_over: bool
    undo_minutes: int
    confirm_minutes: int

    @classmethod
    def of(cls, terms: Terms) -> Self:
        said = _with_lists(terms)
        said["venue_cap"] = said.pop("venue_cap_fen")
        said["limits"] = ClaimLimits(**vars(terms.limits))
        said["who"] = ClaimWho(**_with_lists(terms.who))
        said["where"] = VoucherWhere(**_with_lists(terms.where))
        said["validity"] = VoucherValidity(**vars(terms.validity))
        return cls(**said)


def _with_lists(group: Any) -> dict[str, Any]:
    return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in vars(group).items()}


@strawberry.type(description="A part of the budget; `free`: what no voucher holds.")
class VoucherPool:
    name: str
    budget: Fen
    free: Fen


@strawberry.type(description="A round as its planners see it.")
class ManagedRound:
    id: strawberry.ID
    kind_id: strawberry.ID
    opens_at: datetime
    closes_at: datetime
    quantity: int
    remaining: int


@strawberry.type(description="Who moved a campaign, or changed it (then both states are the same), and why.")
class CampaignStep:
    from_state: CampaignState | None = strawberry.field(description="Null: it was drafted.")
    to_state: CampaignState
    version: int
    by: str | None = strawberry.field(description="Null: it came with the product's data.")
    reason: str
    happened_at: datetime


@strawberry.type(description="What a change does.")
class CampaignEffect:
    sentences: list[str] = strawberry.field(
        description="All of it, as people read it.", directives=[ListSize(assumed_size=MOST_ROUNDS)]
    )
    holders: int = strawberry.field(description="People who hold vouchers, and keep the terms that these have.")
    held: int = strawberry.field(description="How many those are.")
    budget_moved: Fen = strawberry.field(description="What all pools together gain; less than 0: lose.")
    vouchers_added: int = strawberry.field(description="What all rounds together gain; less than 0: lose.")

    @classmethod
    def of(cls, shown: Shown) -> Self:
        return cls(
            sentences=list(shown.sentences),
            holders=shown.holders,
            held=shown.held,
            budget_moved=Fen(shown.budget_moved_fen),
            vouchers_added=shown.vouchers_added,
        )


@strawberry.type(
    description="A change of an opened campaign that somebody proposed. Somebody else puts it in force or refuses it."
)
class CampaignChange:
    id: strawberry.ID
    state: ChangeState
    version: int = strawberry.field(description="Of the campaign, on which it rests.")
    shown: CampaignEffect = strawberry.field(description="Its effect, as whoever proposed it saw it.")
    reason: str
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    note: str

    @classmethod
    def of(cls, view: ChangeView) -> Self:
        return cls(
            id=strawberry.ID(view.public_id),
            state=view.state,
            version=view.version,
            shown=CampaignEffect.of(view.shown),
            reason=view.reason,
            proposed_by=view.proposed_by,
            proposed_at=view.proposed_at,
            decided_by=view.decided_by,
            decided_at=view.decided_at,
            note=view.note,
        )


@strawberry.type(description="A campaign as its planners see it.")
class ManagedCampaign:
    campaign: Campaign
    version: int = strawberry.field(description="Say it back as `expectedVersion`.")
    terms: VoucherTerms
    reserve: Fen
    reserve_used: Fen
    created_at: datetime
    pools: list[VoucherPool] = strawberry.field(directives=[ListSize(assumed_size=MOST_POOLS)])
    rounds: list[ManagedRound] = strawberry.field(
        description="All of them.", directives=[ListSize(assumed_size=MOST_ROUNDS)]
    )
    steps: list[CampaignStep] = strawberry.field(
        description="The latest first.", directives=[ListSize(assumed_size=STEPS_SHOWN)]
    )
    changes: list[CampaignChange] = strawberry.field(
        description="Proposed since it was opened, the latest first.",
        directives=[ListSize(assumed_size=MOST_CHANGES_SHOWN)],
    )

    @classmethod
    def of(cls, view: ManagedView, now: datetime) -> Self:
        return cls(
            campaign=Campaign.of(view.campaign, now),
            version=view.campaign.version,
            terms=VoucherTerms.of(view.campaign.terms),
            reserve=Fen(view.reserve_fen),
            reserve_used=Fen(view.reserve_used_fen),
            created_at=view.created_at,
            pools=_pools(view),
            rounds=[
                ManagedRound(
                    id=strawberry.ID(one.public_id),
                    kind_id=strawberry.ID(one.kind_public_id),
                    opens_at=one.opens_at,
                    closes_at=one.closes_at,
                    quantity=one.quantity,
                    remaining=one.remaining,
                )
                for one in view.rounds
            ],
            steps=[
                CampaignStep(
                    from_state=CampaignState(step.from_state) if step.from_state else None,
                    to_state=step.to_state,
                    version=step.version,
                    by=step.staff_name,
                    reason=step.reason,
                    happened_at=step.happened_at,
                )
                for step in view.steps
            ],
            changes=[CampaignChange.of(change) for change in view.changes],
        )


@strawberry.type(
    description="A campaign in a list of its planners. Its terms, all its rounds and steps: `managedCampaign`."
)
class ManagedCampaignSummary:
    campaign: Campaign
    version: int
    reserve: Fen
    reserve_used: Fen
    created_at: datetime
    pools: list[VoucherPool] = strawberry.field(directives=[ListSize(assumed_size=MOST_POOLS)])

    @classmethod
    def of(cls, view: ManagedView, now: datetime) -> Self:
        return cls(
            campaign=Campaign.of(view.campaign, now),
            version=view.campaign.version,
            reserve=Fen(view.reserve_fen),
            reserve_used=Fen(view.reserve_used_fen),
            created_at=view.created_at,
            pools=_pools(view),
        )


def _pools(view: ManagedView) -> list[VoucherPool]:
    return [
        VoucherPool(name=pool.name, budget=Fen(pool.budget_fen), free=Fen(pool.free_fen)) for pool in view.pools
    ]


@strawberry.type
class ManagedCampaignEdge:
    node: ManagedCampaignSummary
    cursor: str


@strawberry.type
class ManagedCampaignConnection:
    edges: list[ManagedCampaignEdge]
    page_info: PageInfo
