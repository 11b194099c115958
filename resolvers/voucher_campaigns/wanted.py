"""A campaign, or a change of one, as staff want it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime

import strawberry

from models.vouchers.change import Change, RoundChange
from models.vouchers.drafting import (
    EVERY_WEEKDAY,
    Draft,
    KindWanted,
    PoolWanted,
    RoundWanted,
    Schedule,
    minute_of,
    rounds_of,
)
from models.vouchers.reading import plain, terms_of
from models.vouchers.rules import Terms
from resolvers.scalars import Fen
from resolvers.words import AgeGroup, Challenge, OnRefund, Stacking


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


def draft_of(said: VoucherCampaignInput) -> Draft:
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


def change_of(said: CampaignChangeInput) -> Change:
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
