"""A campaign is settled when nothing of its money is left to move."""

from typing import Any

import pytest

from models.errors import ErrorCode
from models.settlement.closing import step_campaign
from models.vouchers.campaigns import campaign_step
from models.vouchers.rules import CampaignState
from models.vouchers.tables import VoucherCampaign, VoucherEvent
from tests.databases import Database
from tests.factories.settlements import (
    LATER,
    Programme,
    a_programme,
    a_redemption,
    an_account,
    approved,
    drafted,
    latest,
    paid_out,
    recorded,
    take_back,
)
from tests.models.settlement.test_deciding import refusal
from tests.models.settlement.test_drafting import open_case


async def settling(it: Programme, key: str = "settle") -> None:
    await step_campaign(
        clerk=it.proposer,
        campaign_id=it.campaign.public_id,
        to_state=CampaignState.SETTLED,
        expected_version=1,
        idempotency_key=key,
        now=LATER,
    )


async def state_of(it: Programme) -> str:
    return str((await VoucherCampaign.get(id=it.campaign.id)).state)


async def refused_as(it: Programme, words: str) -> None:
    refused = await refusal(settling(it))
    assert refused.code is ErrorCode.CAMPAIGN_STATE
    assert words in refused.message
    assert await state_of(it) == CampaignState.CLOSED


async def test_it_is_settled_only_once_everything_is_judged_settled_and_paid(db: Database) -> None:
    it = await a_programme()
    use = await a_redemption(it)
    await VoucherCampaign.filter(id=it.campaign.id).update(state=CampaignState.CLOSED)
    case = await open_case(use)
    await refused_as(it, "1笔核销在核查中")
    case.state = "CLEARED"
    await case.save()
    await refused_as(it, "1笔没有结算")
    await drafted(it)
    await refused_as(it, "1张结算单没有付款")
    await approved(it, await latest(it))
    await refused_as(it, "1张结算单没有付款")
    await an_account(it)
    await paid_out(it)
    await refused_as(it, "1张结算单没有付款")
    await recorded(it, await latest(it))
    await settling(it)
    await settling(it)
    assert await state_of(it) == CampaignState.SETTLED


async def test_what_sums_to_nothing_needs_no_payment_and_what_a_venue_owes_is_paid_back_first(
    db: Database,
) -> None:
    it = await a_programme()
    undone, fake = await a_redemption(it, it.other_venue), await a_redemption(it)
    await take_back(undone)
    await drafted(it)
    await approved(it, await latest(it))
    await approved(it, await latest(it, it.other_venue))
    await an_account(it)
    await paid_out(it)
    await recorded(it, await latest(it))
    await take_back(fake)
    await drafted(it)
    await approved(it, await latest(it))
    await VoucherCampaign.filter(id=it.campaign.id).update(state=CampaignState.CLOSED)
    await refused_as(it, "1家场馆应退回款项")
    await recorded(it, await latest(it), amount_fen=20_00)
    await settling(it)
    assert await state_of(it) == CampaignState.SETTLED


async def test_what_is_refunded_after_all_was_settled_is_still_drafted(db: Database) -> None:
    """An order may be cancelled long after: the venue pays it back."""
    it = await a_programme()
    use = await a_redemption(it)
    await drafted(it)
    await approved(it, await latest(it))
    await VoucherCampaign.filter(id=it.campaign.id).update(state=CampaignState.SETTLED)
    await take_back(use)
    assert (await drafted(it)).settlements == 1
    assert (await latest(it)).carried_out_fen == 20_00
    assert await VoucherEvent.all().count() == 2


async def test_nobody_settles_a_campaign_past_its_books(db: Database) -> None:
    it = await a_programme()
    await VoucherCampaign.filter(id=it.campaign.id).update(state=CampaignState.CLOSED)
    asked: dict[str, Any] = {"clerk": it.proposer, "campaign_id": it.campaign.public_id, "expected_version": 1}
    with pytest.raises(TypeError):
        await campaign_step(**asked, to_state=CampaignState.SETTLED, idempotency_key="past", now=LATER)
    assert await state_of(it) == CampaignState.CLOSED
