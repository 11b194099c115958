"""What can be asked about campaigns: by everybody who looks for vouchers, and by the staff who plan and review them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from models import database
from models.database import utc
from models.staff.powers import not_allowed, regions_where
from models.staff.rules import Power, StaffSignedIn
from models.vouchers.places import holds_at, names_of, open_venues
from models.vouchers.proposing import ChangeView, changes_of
from models.vouchers.reading import terms_of
from models.vouchers.rules import CampaignState, Terms
from models.vouchers.wording import limit_sentences, rule_sentences

ROUNDS_SHOWN = 4
"""Of each kind: the one that is open, and the next ones."""
MOST_LIVE = 500
"""Campaigns that are open at the same time, in both provinces."""
STEPS_SHOWN = 50
_PLAN_OR_REVIEW = (Power.PLAN_VOUCHERS, Power.REVIEW_VOUCHERS)
_SHOWN = "'OPEN', 'PAUSED'"
_REMEMBERED = "'OPEN', 'PAUSED', 'CLOSED', 'SETTLED'"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundView:
    public_id: str
    kind_public_id: str
    opens_at: datetime
    closes_at: datetime
    quantity: int
    remaining: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KindView:
    public_id: str
    title: str
    face_fen: int
    minimum_spend_fen: int
    rounds: Sequence[RoundView]


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignView:
    """A campaign as citizens see it."""

    id: int
    public_id: str
    title: str
    state: CampaignState
    region_key: str
    region_name: str | None
    is_demonstration: bool
    version: int
    terms: Terms
    kinds: Sequence[KindView]
    limits: Sequence[str] = ()
    rules: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolView:
    id: int
    name: str
    budget_fen: int
    free_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    from_state: str
    to_state: CampaignState
    version: int
    staff_name: str | None
    reason: str
    happened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedView:
    """The same as its planners see it."""

    campaign: CampaignView
    reserve_fen: int
    reserve_used_fen: int
    created_at: datetime
    pools: Sequence[PoolView]
    rounds: Sequence[RoundView] = ()  # all of them; those to come are with the kinds
    steps: Sequence[StepView] = ()
    changes: Sequence[ChangeView] = ()


_CAMPAIGN = """
SELECT campaign.*, region.name AS region_name, terms.terms
  FROM voucher_campaign campaign
  JOIN voucher_terms terms ON terms.campaign_id = campaign.id AND terms.version = campaign.terms_version
  LEFT JOIN region ON region.key = campaign.region_key
"""


async def campaigns_shown(
    *, region_key: str | None, first: int, before_id: int | None, now: datetime
) -> list[CampaignView]:
    """Those that are open or paused, the latest first, and one more than asked; with a region, those whose vouchers
    are worth something at an open venue in it."""
    found = await database.rows(
        _CAMPAIGN
        + f"WHERE campaign.state IN ({_SHOWN}) AND campaign.id < $1::bigint ORDER BY campaign.id DESC LIMIT $2",
        before_id or 2**62,
        MOST_LIVE if region_key else first + 1,
    )
    views = [_view(row) for row in found]
    if region_key:
        venues = await open_venues(region_key)
        views = [view for view in views if any(holds_at(view.terms.where, venue) for venue in venues)][: first + 1]
    return await _whole(views, now=now)


async def campaign_shown(*, campaign_id: str, now: datetime) -> CampaignView | None:
    """One that was opened, also when it is over; None for drafts, which are nobody's business yet."""
    found = await database.row(
        _CAMPAIGN + f"WHERE campaign.public_id = $1 AND campaign.state IN ({_REMEMBERED})", campaign_id
    )
    return None if found is None else (await _whole([_view(found)], now=now))[0]


async def city_of_venue(venue_id: int) -> str | None:
    """The key of the city in which a venue lies."""
    found = await database.row("SELECT city_code FROM venue WHERE id = $1", venue_id)
    return None if found is None else str(found["city_code"])


async def campaigns_managed(
    *, clerk: StaffSignedIn, state: CampaignState | None, first: int, before_id: int | None, now: datetime
) -> list[ManagedView]:
    """Those whose money is of the clerk's regions, the latest first, and one more than asked, with the rounds that are
    to come. Raises NOT_ALLOWED."""
    _demand(clerk)
    found = await database.rows(
        _CAMPAIGN
        + f"""WHERE campaign.id < $2::bigint AND {_IN_SCOPE} {"AND campaign.state = $4" if state else ""}
              ORDER BY campaign.id DESC LIMIT $3""",
        clerk.staff_id,
        before_id or 2**62,
        first + 1,
        *([state] if state else []),
    )
    return await _managed(found, now=now)


async def campaign_managed(*, clerk: StaffSignedIn, campaign_id: str, now: datetime) -> ManagedView | None:
    """One with all its rounds and steps. Raises NOT_ALLOWED."""
    _demand(clerk)
    found = await database.rows(
        _CAMPAIGN + f"WHERE campaign.public_id = $2 AND {_IN_SCOPE}", clerk.staff_id, campaign_id
    )
    if not found:
        return None
    (view,) = await _managed(found, now=now)
    row_id = view.campaign.id
    return replace(
        view, rounds=await _rounds(row_id), steps=await _steps(row_id), changes=await changes_of(row_id)
    )


_IN_SCOPE = regions_where(*_PLAN_OR_REVIEW, region="campaign.region_key")


def _demand(clerk: StaffSignedIn) -> None:
    if not any(clerk.has(power) for power in _PLAN_OR_REVIEW):
        raise not_allowed(Power.PLAN_VOUCHERS)


def _view(row: Any) -> CampaignView:
    terms = terms_of(orjson.loads(row["terms"]))
    return CampaignView(
        id=row["id"],
        public_id=row["public_id"],
        title=row["title"],
        state=CampaignState(row["state"]),
        region_key=row["region_key"],
        region_name=row["region_name"],
        is_demonstration=row["provenance"] == "DEMONSTRATION",
        version=row["terms_version"],
        terms=terms,
        kinds=(),
    )


async def _whole(views: Sequence[CampaignView], *, now: datetime) -> list[CampaignView]:
    """With their kinds and rounds, and their terms in sentences."""
    if not views:
        return []
    kinds = await _kinds([view.id for view in views], now)
    names = await _names(views)
    return [
        replace(
            view,
            kinds=kinds.get(view.id, ()),
            limits=limit_sentences(view.terms),
            rules=rule_sentences(view.terms, names=names),
        )
        for view in views
    ]


async def _kinds(campaign_ids: list[int], now: datetime) -> Mapping[int, Sequence[KindView]]:
    """By campaign, each with its next rounds of which there is anything."""
    found = await database.rows(
        f"""SELECT kind.campaign_id, kind.public_id, kind.title, kind.face_fen, kind.minimum_spend_fen,
                   offered.public_id AS round_id, offered.opens_at, offered.closes_at, offered.quantity,
                   offered.remaining
              FROM voucher_kind kind
              LEFT JOIN (SELECT voucher_round.*, ROW_NUMBER() OVER (PARTITION BY kind_id ORDER BY opens_at) AS place
                           FROM voucher_round
                          WHERE campaign_id = ANY($1::bigint[]) AND closes_at > $2 AND quantity > 0) offered
                     ON offered.kind_id = kind.id AND offered.place <= {ROUNDS_SHOWN}
             WHERE kind.campaign_id = ANY($1::bigint[]) ORDER BY kind.face_fen DESC, kind.id, offered.opens_at""",
        campaign_ids,
        now,
    )
    kinds: dict[str, tuple[Any, list[RoundView]]] = {}
    for row in found:
        _, rounds = kinds.setdefault(row["public_id"], (row, []))
        if row["round_id"] is not None:
            rounds.append(_round(row))
    by_campaign: dict[int, list[KindView]] = {}
    for row, rounds in kinds.values():
        by_campaign.setdefault(row["campaign_id"], []).append(
            KindView(
                public_id=row["public_id"],
                title=row["title"],
                face_fen=row["face_fen"],
                minimum_spend_fen=row["minimum_spend_fen"],
                rounds=rounds,
            )
        )
    return by_campaign


def _round(row: Any) -> RoundView:
    return RoundView(
        public_id=row["round_id"],
        kind_public_id=row["public_id"],
        opens_at=utc(row["opens_at"]),
        closes_at=utc(row["closes_at"]),
        quantity=row["quantity"],
        remaining=row["remaining"],
    )


async def _names(views: Collection[CampaignView]) -> Mapping[str, str]:
    """Of the regions and sports that their terms name."""
    return await names_of(
        key
        for view in views
        for key in (*view.terms.who.regions, *view.terms.where.regions, *view.terms.where.sports)
    )


async def _managed(found: Sequence[Any], *, now: datetime) -> list[ManagedView]:
    views = await _whole([_view(row) for row in found], now=now)
    pools = await _pools([view.id for view in views])
    return [
        ManagedView(
            campaign=view,
            reserve_fen=row["reserve_fen"],
            reserve_used_fen=row["reserve_used_fen"],
            created_at=utc(row["created_at"]),
            pools=pools.get(view.id, ()),
        )
        for view, row in zip(views, found, strict=True)
    ]


async def _pools(campaign_ids: list[int]) -> Mapping[int, Sequence[PoolView]]:
    found = await database.rows(
        """SELECT id, campaign_id, name, budget_fen, free_fen FROM voucher_pool
            WHERE campaign_id = ANY($1::bigint[]) ORDER BY id""",
        campaign_ids,
    )
    pools: dict[int, list[PoolView]] = {}
    for row in found:
        pools.setdefault(row["campaign_id"], []).append(
            PoolView(id=row["id"], name=row["name"], budget_fen=row["budget_fen"], free_fen=row["free_fen"])
        )
    return pools


async def _rounds(campaign_id: int) -> list[RoundView]:
    found = await database.rows(
        """SELECT kind.public_id, offered.public_id AS round_id, offered.opens_at, offered.closes_at,
                  offered.quantity, offered.remaining
             FROM voucher_round offered JOIN voucher_kind kind ON kind.id = offered.kind_id
            WHERE offered.campaign_id = $1 ORDER BY offered.opens_at, offered.id""",
        campaign_id,
    )
    return [_round(row) for row in found]


async def _steps(campaign_id: int) -> list[StepView]:
    """The last ones, the latest first."""
    found = await database.rows(
        f"""SELECT step.from_state, step.to_state, step.terms_version, step.reason, step.happened_at,
                   staff_member.display_name
              FROM campaign_step step LEFT JOIN staff_member ON staff_member.id = step.staff_id
             WHERE step.campaign_id = $1 ORDER BY step.id DESC LIMIT {STEPS_SHOWN}""",
        campaign_id,
    )
    return [
        StepView(
            from_state=row["from_state"],
            to_state=CampaignState(row["to_state"]),
            version=row["terms_version"],
            staff_name=row["display_name"],
            reason=row["reason"],
            happened_at=utc(row["happened_at"]),
        )
        for row in found
    ]
