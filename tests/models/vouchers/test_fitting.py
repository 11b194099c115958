"""The limits on using a campaign's vouchers count people, and each no says what is true."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from models.errors import DomainError, ErrorCode
from models.vouchers import fitting
from models.vouchers.rules import VoucherState
from models.vouchers.tables import Voucher, VoucherUse
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import a_hall, a_person, an_order, at, wanted
from tests.factories.vouchers import a_campaign, a_voucher
from tests.models.vouchers.test_at_desk import Desk, a_desk, outcomes

PERSON = 4711
"""Whose real name one account had, and another has now."""


async def _two_accounts(desk: Desk, **columns: Any) -> Sequence[Desk]:
    """The desk, serving a voucher of each of one person's two accounts."""
    await Voucher.filter(public_id=desk.voucher_id).update(person_id=PERSON)
    other = await a_person()
    second = await a_voucher(other.member_id, desk.campaign, person_id=PERSON, **columns)
    return desk, Desk(desk.venue, desk.campaign, desk.clerk, other.member_id, second.public_id)


async def test_what_was_claimed_before_a_real_name_was_asked_for_counts_as_well(db: Database) -> None:
    desk = await a_desk()
    named = await a_voucher(desk.member_id, desk.campaign, person_id=PERSON)
    first, desk.voucher_id = desk.voucher_id, named.public_id
    for earlier, later in ((first, named.public_id), (named.public_id, first)):
        desk.voucher_id = earlier
        await desk.says(waiting := (await desk.scans()).use_no, agrees=True)
        desk.voucher_id = later
        assert (await desk.scans()).outcome == "VOUCHER_DAY_LIMIT"
        use = await VoucherUse.get(use_no=waiting)
        await VoucherUse.filter(id=use.id).update(state="UNDONE")
        await Voucher.filter(id=use.voucher_id).update(state="CLAIMED", ended_at=None)


async def test_two_accounts_of_one_person_have_one_use_a_day(db: Database) -> None:
    first, second = await _two_accounts(await a_desk())
    assert (await first.scans()).outcome == "WAITING"
    assert (await second.scans()).outcome == "VOUCHER_DAY_LIMIT"


@pytest.mark.postgres
async def test_two_accounts_of_one_person_at_the_same_instant_have_one_use_a_day(db: Database) -> None:
    for _ in range(6):
        first, second = await _two_accounts(await a_desk())
        codes = [await each.code() for each in (first, second)]
        said = await outcomes(*(each.scans(code) for each, code in zip((first, second), codes, strict=True)))
        assert sorted(said) == ["VOUCHER_DAY_LIMIT", "WAITING"]


@pytest.mark.postgres
async def test_two_orders_of_one_persons_accounts_at_the_same_instant_are_one_use_a_day(db: Database) -> None:
    for _ in range(4):
        hall, campaign = await a_hall(), await a_campaign()
        buyer, walker = await a_person(), await a_person()
        mine = await a_voucher(buyer.member_id, campaign, person_id=PERSON)
        theirs = await a_voucher(walker.member_id, campaign, person_id=PERSON)
        orders = await asyncio.gather(
            an_order(buyer, wanted(hall.badminton, at(9)), vouchers=[mine.public_id]),
            an_order(walker, wanted(hall.badminton, at(10)), vouchers=[theirs.public_id]),
            return_exceptions=True,
        )
        refused = [each for each in orders if isinstance(each, DomainError)]
        assert [each.code for each in refused] == [ErrorCode.VOUCHER_DAY_LIMIT]
        assert await Voucher.filter(campaign_id=campaign.id, state="RESERVED").count() == 1


@pytest.mark.parametrize(
    ("state", "ended", "says"),
    [
        (VoucherState.CLAIMED, True, "这张券已失效，有效期到11月19日 10:00为止。"),
        (VoucherState.EXPIRED, True, "这张券已失效，有效期到11月19日 10:00为止。"),
        (VoucherState.RETURNED, False, "这张券已经作废，不能再用。"),
        (VoucherState.FORFEITED, False, "这张券已经作废，不能再用。"),
    ],
)
def test_a_voucher_that_ended_before_its_time_does_not_say_that_its_time_is_over(
    state: VoucherState, ended: bool, says: str
) -> None:
    refusal = fitting.over(state, NOW - timedelta(days=1) if ended else NOW + timedelta(days=1), NOW)
    assert refusal is not None
    assert (refusal.code, refusal.message) == (ErrorCode.VOUCHER_ENDED, says)
