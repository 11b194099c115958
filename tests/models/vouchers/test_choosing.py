"""Which of somebody's vouchers help, asked with few questions."""

import logging

import pytest

from models.vouchers.choosing import best, candidates
from models.vouchers.reserving import basket_at
from models.vouchers.rules import Terms, VoucherState
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.booking import a_hall, a_person
from tests.factories.vouchers import a_campaign, a_voucher


async def test_the_limits_are_asked_for_once_a_campaign_and_not_once_a_voucher(
    db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    hall, person = await a_hall(), await a_person()
    limited, free = await a_campaign(), await a_campaign(terms=Terms(uses_a_day=None))
    for campaign in (limited, free):
        for _ in range(4):
            await a_voucher(person.member_id, campaign)
    await a_voucher(person.member_id, free, VoucherState.RESERVED)
    basket = await basket_at(hall.venue.id, sports=frozenset({"BADMINTON"}), total_fen=80_00)
    with caplog.at_level(logging.DEBUG, logger="tortoise.db_client"):
        found = await candidates(member_id=person.member_id, basket=basket, now=NOW)
    counting = [record for record in caplog.records if "AS today" in record.getMessage()]
    assert len(counting) == 1
    assert [each.refusal is None for each in found] == [True] * 8 + [False]

    await a_voucher(person.member_id, limited, VoucherState.USED, venue=hall.venue, now=NOW)
    choice = await best(member_id=person.member_id, basket=basket, now=NOW)
    assert [each.voucher.campaign_id for each in choice.chosen] == [free.id]
    assert sum("今天已用完" in why for _, why in choice.others) == 4
