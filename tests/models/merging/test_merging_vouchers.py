"""Vouchers go with the person there and back, and what both have claimed counts together while they are one."""

from datetime import datetime, timedelta

import pytest

from models.errors import DomainError, ErrorCode
from models.vouchers.claiming import claim_one
from models.vouchers.claims import Claim
from models.vouchers.rules import ClaimLimits, Terms, VoucherState
from models.vouchers.tables import Voucher, VoucherUse
from tests.databases import Database
from tests.factories.accounts import ID_KEYS, Account, an_account, join, part
from tests.factories.booking import a_hall
from tests.factories.vouchers import ACampaign, a_campaign, a_voucher


async def claim(campaign: ACampaign, account: Account, key: str, now: datetime) -> str:
    asked = Claim(member_id=account.member_id, member_public_id=account.public_id, key=key)
    given = await claim_one(campaign_id=campaign.public_id, claim=asked, id_keys=ID_KEYS, now=now)
    return given.public_id


async def holders() -> dict[str, int]:
    return {voucher.public_id: voucher.member_id for voucher in await Voucher.all()}


async def test_vouchers_and_their_uses_move_and_what_moved_goes_back(db: Database, now: datetime) -> None:
    hall = await a_hall()
    campaign = await a_campaign(hall.venue)
    mine, other = await an_account(), await an_account()
    own = await a_voucher(mine.member_id, campaign)
    theirs = await a_voucher(other.member_id, campaign)
    used = await a_voucher(other.member_id, campaign, VoucherState.USED, venue=hall.venue)
    merge_id = await join(mine, other)
    assert set((await holders()).values()) == {mine.member_id}
    assert (await VoucherUse.get()).member_id == mine.member_id
    await part(mine, merge_id, now=now + timedelta(minutes=1))
    assert await holders() == {
        own.public_id: mine.member_id,
        theirs.public_id: other.member_id,
        used.public_id: other.member_id,
    }
    assert (await VoucherUse.get()).member_id == other.member_id


async def test_limits_count_what_both_have_claimed_while_they_are_one(db: Database, now: datetime) -> None:
    campaign = await a_campaign(terms=Terms(limits=ClaimLimits(a_round=None, in_all=3)))
    mine, other = await an_account(), await an_account()
    await claim(campaign, mine, "mine", now)
    await claim(campaign, other, "theirs", now)
    merge_id = await join(mine, other)
    third = await claim(campaign, mine, "third", now)
    with pytest.raises(DomainError) as refused:
        await claim(campaign, mine, "fourth", now)
    assert refused.value.code is ErrorCode.CLAIM_LIMIT
    assert "您已领过3张" in refused.value.message
    assert len(await holders()) == 3

    await part(mine, merge_id, now=now + timedelta(minutes=1))
    assert (await holders())[third] == mine.member_id, "what is new stays"
    assert await claim(campaign, mine, "fourth", now), "two of the three are left with them"
    assert len(await holders()) == 4
