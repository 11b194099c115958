"""Drafts of campaigns as staff write them, and the people who write, review and change them."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from models.settlement.closing import step_campaign
from models.staff.rules import StaffSignedIn
from models.vouchers.campaigns import draft_campaign
from models.vouchers.drafting import Draft, KindWanted, PoolWanted, RoundWanted
from models.vouchers.rules import CampaignState, Terms
from models.vouchers.tables import VoucherCampaign
from tests.conftest import NOW
from tests.factories.feedback import a_regulator, divisions

CHENGDU = "510100"


@dataclass(frozen=True)
class Office:
    """Two people of one administration: one drafts, the other reviews."""

    planner: StaffSignedIn
    reviewer: StaffSignedIn


async def an_office(region_key: str = CHENGDU, *, now: datetime = NOW) -> Office:
    await divisions()
    return Office(await a_regulator(region_key, now=now), await a_regulator(region_key, now=now))


def a_round(*, now: datetime = NOW, hours: int = 24, quantity: int = 100, **instants: datetime) -> RoundWanted:
    """Open from an hour ago for so many hours, unless its instants are given."""
    opens_at = instants.get("opens_at", now - timedelta(hours=1))
    closes_at = instants.get("closes_at", opens_at + timedelta(hours=hours))
    return RoundWanted(opens_at=opens_at, closes_at=closes_at, quantity=quantity)


def a_kind(
    *rounds: RoundWanted, title: str = "满40减20", face_fen: int = 20_00, spend_fen: int = 40_00
) -> KindWanted:
    return KindWanted(title=title, face_fen=face_fen, minimum_spend_fen=spend_fen, rounds=rounds or (a_round(),))


def a_draft(*kinds: KindWanted, budget_fen: int = 10_000_00, terms: Terms | None = None, **fields: Any) -> Draft:
    """¥10,000 of Chengdu for one denomination, unless it says otherwise."""
    return Draft(
        **{
            "title": "成都全民健身消费券",
            "region_key": CHENGDU,
            "terms": terms or Terms(),
            "pools": (PoolWanted(name="总资金", budget_fen=budget_fen, kinds=kinds or (a_kind(),)),),
            **fields,
        }
    )


async def drafted(office: Office, draft: Draft | None = None, *, key: str = "draft-1", now: datetime = NOW) -> str:
    return await draft_campaign(clerk=office.planner, draft=draft or a_draft(), idempotency_key=key, now=now)


async def step(
    clerk: StaffSignedIn,
    campaign_id: str,
    to_state: CampaignState,
    *,
    version: int | None = None,
    key: str = "",
    reason: str = "按计划办理",
    now: datetime = NOW,
) -> None:
    """The next state, of the version in force unless another is named."""
    campaign = await VoucherCampaign.get(public_id=campaign_id)
    await step_campaign(
        clerk=clerk,
        campaign_id=campaign_id,
        to_state=to_state,
        expected_version=campaign.terms_version if version is None else version,
        reason=reason,
        idempotency_key=key or f"to-{to_state}-{campaign.state}",
        now=now,
    )


async def opened(office: Office, draft: Draft | None = None, *, key: str = "draft-1", now: datetime = NOW) -> str:
    """Drafted, reviewed by the other one, and opened."""
    campaign_id = await drafted(office, draft, key=key, now=now)
    await step(office.reviewer, campaign_id, CampaignState.REVIEWED, now=now)
    await step(office.planner, campaign_id, CampaignState.OPEN, now=now)
    return campaign_id


def with_terms(draft: Draft, **terms: Any) -> Draft:
    return replace(draft, terms=replace(draft.terms, **terms))
