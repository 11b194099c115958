from datetime import date, timedelta

import pytest

from models.errors import DomainError, ErrorCode
from models.settlement.tables import PaymentReceipt, PaymentRecord, Settlement, SettlementDraft
from models.staff.rules import Role
from models.statistics.subsidies import Subsidies, subsidies
from models.vouchers.rules import EventKind
from models.vouchers.tables import VoucherEvent
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.people import a_clerk
from tests.factories.places import a_region, a_venue
from tests.factories.vouchers import a_campaign
from tests.models.statistics.town import Town, a_town

TODAY = date(2026, 11, 20)


async def listed(town: Town, region_key: str = "", *, k: int = 1, month: date = TODAY) -> Subsidies:
    clerk = await a_clerk(roles=(Role.REGULATOR,), region_key=region_key)
    return await subsidies(
        clerk=clerk, campaign_id=town.campaign.public_id, month=month, smallest_group=k, now=NOW
    )


async def paid(town: Town, *, until: date, fen: int, number: int, is_repayment: bool = False) -> None:
    """As the settlement room records it: what its own tests prove is not asked again here."""
    clerk = await a_clerk(roles=(Role.REGULATOR,), region_key="")
    from_day = until.replace(day=1)
    draft = await SettlementDraft.create(
        campaign_id=town.campaign.id,
        staff_id=clerk.staff_id,
        request_key=f"draft-{number}",
        request_hash="x",
        drafted_at=NOW,
        from_day=from_day,
        until_day=until,
    )
    settlement = await Settlement.create(
        settlement_no=f"S{number}",
        draft_id=draft.id,
        campaign_id=town.campaign.id,
        venue_id=town.wuhou.id,
        state="PAID",
        used_fen=0 if is_repayment else fen,
        taken_back_fen=fen if is_repayment else 0,
        payable_fen=0 if is_repayment else fen,
        carried_out_fen=fen if is_repayment else 0,
        drafted_at=NOW,
        from_day=from_day,
        until_day=until,
    )
    receipt = await PaymentReceipt.create(
        sha256=f"{number}",
        media_type="application/pdf",
        content=b"%PDF",
        uploaded_by_id=clerk.staff_id,
        uploaded_at=NOW,
    )
    await PaymentRecord.create(
        settlement_id=settlement.id,
        is_repayment=is_repayment,
        amount_fen=fen,
        paid_on=TODAY,
        bank_reference=f"B{number}",
        receipt_id=receipt.id,
        recorded_by_id=clerk.staff_id,
        recorded_at=NOW,
    )


async def test_a_venue_s_subsidy_is_what_its_books_come_to_in_that_month(db: Database) -> None:
    town = await a_town()
    use = await town.uses("elder-1", town.wuhou, venue_share_fen=4_00)
    await town.uses("elder-2", town.wuhou)
    await town.uses("elder-2", town.wuhou, at=NOW - timedelta(days=30))  # October's
    await town.uses("elder-3", town.jinjiang)
    other = await a_campaign()
    await town.uses("elder-3", town.jinjiang, campaign=other)
    booked = {"use_id": use.id, "campaign_id": use.campaign_id, "venue_id": use.venue_id, "happened_at": NOW}
    await VoucherEvent.create(
        kind=EventKind.TAKEN_BACK, about_no=f"{use.use_no}-1", amount_fen=5_00, venue_share_fen=1_00, **booked
    )
    await VoucherEvent.create(kind=EventKind.CONFLICT, about_no="conflict", amount_fen=20_00, **booked)
    await paid(town, until=date(2026, 11, 30), fen=30_00, number=1)
    await paid(town, until=date(2026, 11, 19), fen=2_00, number=2, is_repayment=True)
    await paid(town, until=date(2026, 10, 31), fen=20_00, number=3)
    found = await listed(town)
    first, second = found.venues
    assert (first.venue_name, first.region_name) == ("武侯馆", "成都市武侯区")
    assert (first.used_fen, first.taken_back_fen, first.share_fen) == (60_00, 5_00, 3_00)
    assert (first.subsidy_fen, first.paid_fen) == (52_00, 28_00)
    assert (second.venue_name, second.subsidy_fen, second.paid_fen) == ("锦江馆", 20_00, 0)
    assert (found.unlisted, found.total_fen) == (False, 70_00)  # 72 rounded to ten
    (october,) = (await listed(town, month=date(2026, 10, 1))).venues
    assert (october.subsidy_fen, october.paid_fen) == (20_00, 20_00)


async def test_whoever_oversees_a_district_sees_its_venues_only(db: Database) -> None:
    town = await a_town()
    for who, venue in (("elder-1", town.wuhou), ("elder-2", town.jinjiang), ("elder-3", town.yuzhong)):
        await town.uses(who, venue)
    assert [venue.venue_name for venue in (await listed(town, "510104")).venues] == ["锦江馆"]
    assert {venue.venue_name for venue in (await listed(town, "510100")).venues} == {"武侯馆", "锦江馆"}
    manager = await a_clerk(town.wuhou.public_id, roles=(Role.VENUE_MANAGER, Role.FINANCE))
    with pytest.raises(DomainError) as refused:
        await subsidies(clerk=manager, campaign_id=town.campaign.public_id, month=TODAY, smallest_group=1, now=NOW)
    assert refused.value.code is ErrorCode.NOT_ALLOWED


async def test_a_venue_of_a_few_people_is_not_listed_nor_what_would_give_it_away(db: Database) -> None:
    """Wuhou has a venue of two people and two of three. The least of the larger ones goes with it, whoever asks; no
    sum of money is left over that is the small one's."""
    town = await a_town()
    small = await a_venue(name="小馆", region=await a_region())
    middle = await a_venue(name="中馆", region=await a_region())
    for n in range(2):
        await town.uses(f"elder-{n}", small)
    for n in range(3):
        await town.uses(f"adult-{n}", middle)
    for n in range(4):
        await town.uses(f"child-{n}", town.wuhou)
        await town.uses(f"minor-{n}", town.jinjiang)
    for region_key in ("", "510100", "510107"):
        found = await listed(town, region_key, k=3)
        assert {venue.venue_name for venue in found.venues} == {"武侯馆"} | (
            {"锦江馆"} - {region_key == "510107" and "锦江馆"}
        )
        assert found.unlisted
        assert found.total_fen is not None
        assert found.total_fen % 30_00 == 0
    alone = await listed(town, "510107", k=10)
    assert (alone.venues, alone.unlisted, alone.total_fen) == ([], True, None)
