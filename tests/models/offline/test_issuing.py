"""A pass for a voucher: for whom and when, the same one for a while, and gone after half a year."""

from datetime import timedelta

import pytest

from models.errors import DomainError
from models.keys import AuditKeys
from models.offline.tables import OfflineEntry, VoucherPass
from models.privacy.retention import purge_old
from models.vouchers.rules import Terms
from models.vouchers.tables import Voucher
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.vouchers import a_campaign
from tests.models.offline.halls import MINUTE, a_town

HOUR = timedelta(hours=1)
MORE = Terms(uses_a_day=None)


async def test_a_pass_asked_for_again_is_the_same_and_later_a_new_one(db: Database) -> None:
    town = await a_town(counters=0)
    first = await town.a_pass()
    assert await town.a_pass(NOW + 59 * MINUTE) == first
    assert await town.a_pass(NOW + 60 * MINUTE) != first
    assert await VoucherPass.all().count() == 2


async def test_no_pass_is_made_for_what_cannot_be_used_or_not_today(db: Database) -> None:
    town = await a_town(counters=0)
    second = await town.a_voucher()
    assert await town.a_pass()
    states = {"RESERVED": "VOUCHER_RESERVED", "USED": "VOUCHER_USED", "FORFEITED": "VOUCHER_ENDED"}
    for state, code in {"CLAIMED": "VOUCHER_DAY_LIMIT", **states}.items():
        await Voucher.filter(public_id=second).update(state=state)
        with pytest.raises(DomainError) as refused:
            await town.a_pass(voucher_id=second)
        assert refused.value.code == code
    assert await VoucherPass.all().count() == 1
    stranger = await a_town(counters=0)
    with pytest.raises(DomainError) as unknown:
        await stranger.a_pass(voucher_id=town.voucher_id)
    assert unknown.value.code == "VOUCHER_UNKNOWN"


async def test_a_voucher_that_a_pass_cannot_say_gets_none(db: Database) -> None:
    town = await a_town(counters=0)
    town.campaign = await a_campaign(face_fen=2000, minimum_spend_fen=10**7, title="大额")
    with pytest.raises(DomainError) as refused:
        await town.a_pass(voucher_id=await town.a_voucher())
    assert refused.value.code == "PASS_NOT_POSSIBLE"


async def test_passes_go_after_half_a_year_and_what_was_done_with_them_stays(db: Database) -> None:
    town = await a_town(counters=1)
    (counter,) = town.counters
    counter.takes(await town.a_pass(), NOW + MINUTE)
    assert await counter.outcome(NOW + HOUR) == "DONE"
    keys = AuditKeys({"1": b"a" * 32})
    for days, gone in ((183, 0), (184, 1)):
        purged = await purge_old(keys=keys, now=NOW + timedelta(days=days))
        assert purged["voucher_passes"] == gone
    assert await OfflineEntry.all().count() == 1
