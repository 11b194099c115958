"""Campaigns of sports consumption vouchers: what citizens find, and what staff draft, review, open and change."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Self

import strawberry
from strawberry.relay import PageInfo

from models.calendar import business_day
from models.errors import BadInput
from models.venues.queries import FURTHEST_M, venues_near
from models.vouchers import campaigns, changing, queries
from models.vouchers.drafting import (
    EVERY_WEEKDAY,
    MOST_KINDS,
    MOST_POOLS,
    MOST_ROUNDS,
    Draft,
    KindWanted,
    PoolWanted,
    RoundWanted,
    Schedule,
    minute_of,
    rounds_of,
)
from models.vouchers.effects import Change, Effect, RoundChange
from models.vouchers.queries import ROUNDS_SHOWN, STEPS_SHOWN, CampaignView, KindView, ManagedView, RoundView
from models.vouchers.reading import plain, terms_of
from models.vouchers.rules import AgeGroup, CampaignState, Challenge, OnRefund, Stacking, Terms
from plans.costs import ListSize, Weight
from plans.public import Public
from resolvers.context import Context, Info
from resolvers.errors import UserError, act, user_errors
from resolvers.paging import checked_size, page_info, read_cursor
from resolvers.scalars import Fen
from resolvers.venues import PointInput, point_of

strawberry.enum(
    CampaignState,
    name="VoucherCampaignState",
    description="PAUSED: nothing is claimed, and what was claimed can be used. CLOSED: nothing is claimed any more.",
)
strawberry.enum(Stacking, name="VoucherStacking", description="Which vouchers may be used for one order together.")
strawberry.enum(
    OnRefund, name="VoucherOnRefund", description="What becomes of a voucher when its order is refunded."
)
strawberry.enum(
    Challenge, name="VoucherChallenge", description="Whether a claim must show that no robot makes it."
)
strawberry.enum(AgeGroup, name="VoucherAgeGroup", description="Known only by a real name.")

MOST_ROWS = 20
MOST_SENTENCES = 16
MOST_NAMED = 100
KEPT_SECONDS = 1
KEY = "The same again under its key changes nothing."


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


# What staff write


@strawberry.input(description="How many one person may claim, or hold unused. Null: no such limit.")
class ClaimLimitsInput:
    a_round: int | None = 1
    a_day: int | None = None
    a_week: int | None = None
    a_month: int | None = None
    in_all: int | None = None
    held: int | None = None


@strawberry.input(description="Who may claim. Empty lists: everybody.")
class ClaimWhoInput:
    real_name: bool = False
    age_groups: list[AgeGroup] = strawberry.field(default_factory=list)
    regions: list[str] = strawberry.field(default_factory=list)
    first_timers: bool = False
    account_days: int = 0
    challenge: Challenge = Challenge.NEVER


@strawberry.input(description="Where vouchers are worth something. Empty lists: everywhere, for everything.")
class VoucherWhereInput:
    venues: list[strawberry.ID] = strawberry.field(default_factory=list)
    regions: list[str] = strawberry.field(default_factory=list)
    sports: list[str] = strawberry.field(default_factory=list)


@strawberry.input(description="So many days after the claim, or on calendar days; both: whichever ends first.")
class VoucherValidityInput:
    days: int | None = 7
    from_day: date | None = None
    until_day: date | None = None


@strawberry.input(description="What a campaign promises.")
class VoucherTermsInput:
    limits: ClaimLimitsInput = strawberry.field(default_factory=ClaimLimitsInput)
    who: ClaimWhoInput = strawberry.field(default_factory=ClaimWhoInput)
    where: VoucherWhereInput = strawberry.field(default_factory=VoucherWhereInput)
    validity: VoucherValidityInput = strawberry.field(default_factory=VoucherValidityInput)
    uses_a_day: int | None = 1
    uses_a_venue_a_day: int | None = None
    stacking: Stacking = Stacking.NONE
    venue_share_percent: int = 0
    venue_cap: Fen | None = None
    on_refund: OnRefund = OnRefund.FORFEITS
    refund_hours_before: int = 0
    expired_returns: bool = True
    rolls_over: bool = False
    undo_minutes: int = 10
    confirm_minutes: int = 5


@strawberry.input(description="Rounds: on these days of the week (1 is Monday), at these times, as `10:00`.")
class VoucherRoundsInput:
    from_day: date
    until_day: date = strawberry.field(description="The last one.")
    weekdays: list[int] = strawberry.field(default_factory=lambda: [day + 1 for day in sorted(EVERY_WEEKDAY)])
    times: list[str]
    open_minutes: int
    quantity: int


@strawberry.input
class VoucherKindInput:
    title: str
    face_value: Fen
    minimum_spend: Fen
    rounds: list[VoucherRoundsInput]


@strawberry.input
class VoucherPoolInput:
    name: str
    budget: Fen
    kinds: list[VoucherKindInput]


@strawberry.input(description="A campaign as it is to be.")
class VoucherCampaignInput:
    title: str
    region_key: str = strawberry.field(default="", description="Whose money it is; empty: both provinces'.")
    reserve: Fen = strawberry.field(default=Fen(0), description="Pays conflicts between offline desks.")
    terms: VoucherTermsInput = strawberry.field(default_factory=VoucherTermsInput)
    pools: list[VoucherPoolInput]


@strawberry.input(description="A round that is not over: how many in all, or when it closes.")
class RoundChangeInput:
    round_id: strawberry.ID
    quantity: int | None = None
    closes_at: datetime | None = None


@strawberry.input
class PoolBudgetInput:
    name: str
    budget: Fen


@strawberry.input
class NewRoundsInput:
    kind_id: strawberry.ID
    rounds: list[VoucherRoundsInput]


@strawberry.input
class NewKindInput:
    pool_name: str
    kind: VoucherKindInput


@strawberry.input(description="What is to be otherwise; what is left out stays. Terms are given whole.")
class CampaignChangeInput:
    terms: VoucherTermsInput | None = None
    reserve: Fen | None = None
    budgets: list[PoolBudgetInput] = strawberry.field(default_factory=list)
    rounds: list[RoundChangeInput] = strawberry.field(default_factory=list)
    new_rounds: list[NewRoundsInput] = strawberry.field(default_factory=list)
    new_kinds: list[NewKindInput] = strawberry.field(default_factory=list)


# What staff see


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


@strawberry.type(description="What a change would do, if it were made now.")
class CampaignEffect:
    sentences: list[str] = strawberry.field(
        description="All of it, as people read it.", directives=[ListSize(assumed_size=MOST_ROUNDS)]
    )
    holders: int = strawberry.field(description="People who hold vouchers, and keep the terms that these have.")
    held: int = strawberry.field(description="How many those are.")
    budget_moved: Fen = strawberry.field(description="What all pools together gain; less than 0: lose.")
    vouchers_added: int = strawberry.field(description="What all rounds together gain; less than 0: lose.")

    @classmethod
    def of(cls, effect: Effect) -> Self:
        return cls(
            sentences=list(effect.sentences),
            holders=effect.holders,
            held=effect.held,
            budget_moved=Fen(effect.budget_moved_fen),
            vouchers_added=effect.vouchers_added,
        )


@strawberry.type
class CampaignPayload:
    campaign: ManagedCampaign | None = None
    user_errors: list[UserError] = user_errors()


@strawberry.type
class VoucherCampaignQueries:
    @strawberry.field(
        directives=[
            ListSize(assumed_size=MOST_ROWS, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=1000),
            Public(max_age=KEPT_SECONDS),
        ],
        description="Campaigns that give out vouchers, the latest first: all, or those whose vouchers can be used in a "
        f"region, or in the city where the venue nearest to a point is. At most {KEPT_SECONDS} s old.",
    )
    async def voucher_campaigns(
        self,
        info: Info,
        near: PointInput | None = None,
        region_key: str | None = None,
        first: int = 10,
        after: str | None = None,
    ) -> CampaignConnection:
        now = info.context.now
        found = await queries.campaigns_shown(
            region_key=await _region(info.context, near, region_key),
            first=checked_size(first, MOST_ROWS),
            before_id=read_cursor(after, "v"),
            now=now,
        )
        edges = [CampaignEdge(node=Campaign.of(view, now), cursor=f"v{view.id}") for view in found[:first]]
        return CampaignConnection(edges=edges, page_info=_page(edges, found, first, after))

    @strawberry.field(
        directives=[Weight(weight=500), Public(max_age=KEPT_SECONDS)],
        description="One campaign that was opened, with its rounds; null when there is none. At most "
        f"{KEPT_SECONDS} s old.",
    )
    async def voucher_campaign(
        self,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - the argument's name in the schema
    ) -> Campaign | None:
        found = await queries.campaign_shown(campaign_id=id, now=info.context.now)
        return None if found is None else Campaign.of(found, info.context.now)

    @strawberry.field(
        directives=[
            ListSize(assumed_size=MOST_ROWS, slicing_arguments=["first"], sized_fields=["edges"]),
            Weight(weight=1000),
        ],
        description="Campaigns of the regions of the signed-in staff person, drafts too, the latest first.",
    )
    async def managed_campaigns(
        self, info: Info, state: CampaignState | None = None, first: int = 10, after: str | None = None
    ) -> ManagedCampaignConnection:
        now = info.context.now
        found = await queries.campaigns_managed(
            clerk=await info.context.staff(),
            state=state,
            first=checked_size(first, MOST_ROWS),
            before_id=read_cursor(after, "v"),
            now=now,
        )
        edges = [
            ManagedCampaignEdge(node=ManagedCampaignSummary.of(view, now), cursor=f"v{view.campaign.id}")
            for view in found[:first]
        ]
        return ManagedCampaignConnection(edges=edges, page_info=_page(edges, found, first, after))

    @strawberry.field(
        directives=[Weight(weight=1000)],
        description="One of them with all its rounds and steps; null when there is none.",
    )
    async def managed_campaign(self, info: Info, campaign_id: strawberry.ID) -> ManagedCampaign | None:
        return await _managed(info, campaign_id)

    @strawberry.field(
        directives=[Weight(weight=1000)],
        description="What a change of an open or paused campaign would do. Nothing is written.",
    )
    async def preview_campaign_change(
        self, info: Info, campaign_id: strawberry.ID, expected_version: int, change: CampaignChangeInput
    ) -> CampaignEffect:
        effect = await changing.preview_change(
            clerk=await info.context.staff(),
            campaign_id=campaign_id,
            change=_change(change),
            expected_version=expected_version,
            now=info.context.now,
        )
        return CampaignEffect.of(effect)


@strawberry.type
class VoucherCampaignActs:
    @act(CampaignPayload, f"Write a new campaign, which waits for its review. {KEY}")
    async def draft_campaign(
        self, info: Info, idempotency_key: str, campaign: VoucherCampaignInput
    ) -> CampaignPayload:
        campaign_id = await campaigns.draft_campaign(
            clerk=await info.context.staff(),
            draft=_draft(campaign),
            idempotency_key=idempotency_key,
            now=info.context.now,
        )
        return CampaignPayload(campaign=await _managed(info, campaign_id))

    @act(CampaignPayload, f"Put this in the place of all that a draft says. {KEY}")
    async def save_campaign_draft(
        self,
        info: Info,
        idempotency_key: str,
        campaign_id: strawberry.ID,
        expected_version: int,
        campaign: VoucherCampaignInput,
    ) -> CampaignPayload:
        await campaigns.save_draft(
            clerk=await info.context.staff(),
            campaign_id=campaign_id,
            draft=_draft(campaign),
            expected_version=expected_version,
            idempotency_key=idempotency_key,
            now=info.context.now,
        )
        return CampaignPayload(campaign=await _managed(info, campaign_id))

    @act(
        CampaignPayload,
        "Move a campaign on: review it (never one's own), open, pause, close or settle it, or send it back to its "
        f"draft. {KEY}",
    )
    async def step_campaign(
        self,
        info: Info,
        idempotency_key: str,
        campaign_id: strawberry.ID,
        to_state: CampaignState,
        expected_version: int,
        reason: str = "",
    ) -> CampaignPayload:
        await campaigns.campaign_step(
            clerk=await info.context.staff(),
            campaign_id=campaign_id,
            to_state=to_state,
            expected_version=expected_version,
            reason=reason,
            idempotency_key=idempotency_key,
            now=info.context.now,
        )
        return CampaignPayload(campaign=await _managed(info, campaign_id))

    @act(
        CampaignPayload,
        "Change an open or paused campaign, as the preview showed. Vouchers that were claimed keep their terms. "
        + KEY,
    )
    async def change_campaign(
        self,
        info: Info,
        idempotency_key: str,
        campaign_id: strawberry.ID,
        expected_version: int,
        change: CampaignChangeInput,
        reason: str,
    ) -> CampaignPayload:
        await changing.change_campaign(
            clerk=await info.context.staff(),
            campaign_id=campaign_id,
            change=_change(change),
            expected_version=expected_version,
            reason=reason,
            idempotency_key=idempotency_key,
            now=info.context.now,
        )
        return CampaignPayload(campaign=await _managed(info, campaign_id))


async def _managed(info: Info, campaign_id: str) -> ManagedCampaign | None:
    now = info.context.now
    found = await queries.campaign_managed(clerk=await info.context.staff(), campaign_id=campaign_id, now=now)
    return None if found is None else ManagedCampaign.of(found, now)


async def _region(context: Context, near: PointInput | None, region_key: str | None) -> str | None:
    if near is None:
        return region_key
    if region_key is not None:
        raise BadInput("位置和地区只能选一个。", next_step="请去掉其中一个。", field="regionKey")
    page = await venues_near(
        point=point_of(near),
        radius_m=FURTHEST_M,
        today=business_day(context.now),
        first=1,
        keep=context.services.keep,
    )
    return await queries.city_of_venue(page.rows[0].venue.id) if page.rows else None


def _page(edges: Sequence[Any], found: Sequence[Any], first: int, after: str | None) -> PageInfo:
    return page_info([edge.cursor for edge in edges], has_next=len(found) > first, has_previous=after is not None)


def _draft(said: VoucherCampaignInput) -> Draft:
    return Draft(
        title=said.title,
        region_key=said.region_key,
        reserve_fen=said.reserve,
        terms=_terms(said.terms),
        pools=tuple(
            PoolWanted(name=pool.name, budget_fen=pool.budget, kinds=tuple(_kind(kind) for kind in pool.kinds))
            for pool in said.pools
        ),
    )


def _kind(said: VoucherKindInput) -> KindWanted:
    return KindWanted(
        title=said.title,
        face_fen=said.face_value,
        minimum_spend_fen=said.minimum_spend,
        rounds=_rounds(said.rounds),
    )


def _rounds(said: Sequence[VoucherRoundsInput]) -> tuple[RoundWanted, ...]:
    return tuple(offered for one in said for offered in rounds_of(_schedule(one)))


def _schedule(said: VoucherRoundsInput) -> Schedule:
    return Schedule(
        from_day=said.from_day,
        until_day=said.until_day,
        weekdays=frozenset(day - 1 for day in said.weekdays),
        minutes=tuple(minute_of(text) for text in said.times),
        open_minutes=said.open_minutes,
        quantity=said.quantity,
    )


def _terms(said: VoucherTermsInput) -> Terms:
    whole = asdict(said)
    whole["venue_cap_fen"] = whole.pop("venue_cap")
    return terms_of(plain(whole))


def _change(said: CampaignChangeInput) -> Change:
    return Change(
        terms=None if said.terms is None else _terms(said.terms),
        reserve_fen=said.reserve,
        budgets=tuple((pool.name, pool.budget) for pool in said.budgets),
        rounds=tuple(
            RoundChange(round_id=one.round_id, quantity=one.quantity, closes_at=one.closes_at)
            for one in said.rounds
        ),
        new_rounds=tuple((one.kind_id, _rounds(one.rounds)) for one in said.new_rounds),
        new_kinds=tuple((one.pool_name, _kind(one.kind)) for one in said.new_kinds),
    )
