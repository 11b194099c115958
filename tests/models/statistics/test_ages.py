from datetime import UTC, datetime, timedelta

import pytest

from models import database
from models.statistics import ages
from models.statistics.tables import ClaimAge
from models.vouchers.rules import VoucherState
from tests.databases import Database
from tests.factories.accounts import an_account, name
from tests.factories.names import id_number
from tests.models.statistics.town import WUHOU, a_town


async def test_each_claim_gets_its_band_once_and_keeps_it(db: Database) -> None:
    town = await a_town()
    vouchers = {who: await town.claims(who) for who in ("child-1", "minor-1", "adult-1", "elder-1", "nobody-1")}
    assert await town.noted() == 5
    noted = {row.voucher_id: row.from_age for row in await ClaimAge.all()}
    assert noted == {
        voucher.id: band for voucher, band in zip(vouchers.values(), (0, 14, 18, 60, None), strict=True)
    }
    await name(town.people["nobody-1"], ("王秀兰", id_number("19520315")))
    assert await town.noted() == 0
    assert (await ClaimAge.get(voucher_id=vouchers["nobody-1"].id)).from_age is None  # as it was known then


async def test_the_day_of_the_claim_decides(db: Database) -> None:
    """Fourteen on 20 November: claimed late on the evening before in Shanghai she was a child still."""
    town = await a_town()
    account = await an_account()
    await name(account, ("王秀兰", id_number("20121120")))
    town.people["her"] = account
    midnight = datetime(2026, 11, 19, 16, 0, tzinfo=UTC)
    await town.claims("her", at=midnight - timedelta(minutes=1))
    await town.claims("her", at=midnight)
    await town.noted()
    assert [row.from_age for row in await ClaimAge.all().order_by("voucher_id")] == [0, 14]


async def test_what_one_run_leaves_the_next_one_finds(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    town = await a_town()
    for _ in range(5):
        await town.claims("adult-1", WUHOU, state=VoucherState.RETURNED)
    monkeypatch.setattr(ages, "CLAIMS_A_BATCH", 2)
    monkeypatch.setattr(ages, "BATCHES_A_RUN", 1)
    assert not await ages.all_noted(None)
    assert [await town.noted() for _ in range(4)] == [2, 2, 1, 0]
    assert await ages.all_noted(town.campaign.id)


async def test_a_row_that_was_late_to_be_seen_is_noted_too(db: Database) -> None:
    """Its number is lower than one that was noted already, as when another transaction committed first."""
    town = await a_town()
    late, early = await town.claims("adult-1"), await town.claims("elder-1")
    await database.rows("INSERT INTO claim_age (voucher_id, from_age) VALUES ($1, 60)", early.id)
    assert await town.noted() == 1
    assert (await ClaimAge.get(voucher_id=late.id)).from_age == 18
