from datetime import date, timedelta
from typing import Any

import pytest

from models import database
from models.errors import BadInput, DomainError, ErrorCode
from models.money import shares
from models.orders.tables import OrderLine
from models.staff.rules import Role, StaffSignedIn
from models.statistics.programme import (
    UNSAID,
    Asked,
    ProgrammeStatistics,
    Row,
    campaigns_seen,
    programme_statistics,
)
from models.statistics.rules import Claims, GroupedBy, PeriodKind, ProgrammeAge, Uses
from models.vouchers.rules import CampaignState, UseState, VoucherState
from models.vouchers.tables import VoucherUse
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.accounts import ID_KEYS, an_account, name
from tests.factories.booking import a_hall, a_person, an_order, at, wanted
from tests.factories.names import id_number
from tests.factories.people import a_clerk
from tests.factories.vouchers import a_campaign
from tests.models.statistics.town import JINJIANG, WUHOU, YUZHONG, Town, a_town

YESTERDAY_AT_20 = NOW - timedelta(hours=14)
TODAY = date(2026, 11, 20)


async def counted(
    clerk: StaffSignedIn,
    by: GroupedBy,
    *,
    k: int = 1,
    kind: PeriodKind = PeriodKind.MONTH,
    day: date = TODAY,
    campaign_id: str | None = None,
) -> ProgrammeStatistics:
    asked = Asked(by=by, kind=kind, day=day, campaign_id=campaign_id)
    return await programme_statistics(asked, clerk=clerk, smallest_group=k, now=NOW)


def by_key(found: ProgrammeStatistics) -> dict[Any, Row]:
    return {(row.key, row.age) if found.by is GroupedBy.AGE_AND_DISTRICT else row.key: row for row in found.rows}


async def a_regulator(region_key: str = "") -> StaffSignedIn:
    return await a_clerk(roles=(Role.REGULATOR,), region_key=region_key)


@pytest.fixture
async def town(db: Database) -> Town:
    """Three used: an elder twice in Wuhou (once swimming, at eight in the evening), a child and a stranger in Jinjiang."""
    town = await a_town()
    await town.uses("elder-1", town.wuhou, venue_share_fen=4_00)
    await town.uses("elder-1", town.wuhou, at=YESTERDAY_AT_20, sport_code="SWIMMING", bill_fen=80_00)
    await town.uses("child-1", town.jinjiang)
    await town.uses("nobody-1", town.jinjiang, used_fen=10_00, bill_fen=30_00)
    await town.claims("adult-1", JINJIANG, state=VoucherState.RETURNED)
    await town.claims("adult-2", state=VoucherState.EXPIRED)  # said nothing
    await town.claims("minor-1", "火星")  # which is nowhere
    await town.noted()
    return town


async def test_what_was_claimed_and_used_stands_under_its_district(town: Town) -> None:
    found = await counted(await a_regulator(), GroupedBy.DISTRICT)
    rows = by_key(found)
    assert list(rows) == [JINJIANG, WUHOU, UNSAID]
    assert [row.label for row in found.rows] == ["成都市锦江区", "成都市武侯区", "没有说明在哪里"]
    assert rows[WUHOU].claims == Claims(people=3, vouchers=4, face_fen=80_00, expired=0)
    assert rows[JINJIANG].claims == Claims(people=1, vouchers=1, face_fen=20_00, expired=1)
    assert rows[UNSAID].claims == Claims(people=2, vouchers=2, face_fen=40_00, expired=1)
    assert rows[WUHOU].uses == Uses(1, 2, used_fen=40_00, subsidised_fen=36_00 + 4_00, moved_fen=130_00)
    assert rows[JINJIANG].uses == Uses(2, 2, used_fen=30_00, subsidised_fen=30_00, moved_fen=80_00)
    assert found.total.claims == Claims(people=6, vouchers=7, face_fen=140_00, expired=2)
    assert found.total.uses is not None
    assert (found.total.uses.people, found.total.uses.used_fen, found.total.uses.moved_fen) == (3, 70_00, 210_00)
    assert found.ages_noted


async def test_and_under_sport_age_hour_and_both_of_age_and_district(town: Town) -> None:
    regulator = await a_regulator()
    sports = by_key(await counted(regulator, GroupedBy.SPORT))
    assert {key: row.uses and row.uses.vouchers for key, row in sports.items()} == {"BADMINTON": 3, "SWIMMING": 1}
    assert [row.claims for row in sports.values()] == [None, None]  # nobody claims for a sport

    ages = by_key(await counted(regulator, GroupedBy.AGE))
    assert {
        key: (row.claims and row.claims.vouchers, row.uses and row.uses.vouchers) for key, row in ages.items()
    } == {
        "CHILD": (1, 1),
        "MINOR": (1, 0),
        "ADULT": (2, 0),
        "ELDER": (2, 2),
        "UNKNOWN": (1, 1),
    }

    hours = by_key(await counted(regulator, GroupedBy.HOUR))
    assert len(hours) == 24
    assert {key: row.uses.vouchers for key, row in hours.items() if row.uses and row.uses.vouchers} == {
        "10": 3,
        "20": 1,
    }
    assert {key: row.claims.vouchers for key, row in hours.items() if row.claims and row.claims.vouchers} == {
        "10": 6,
        "20": 1,
    }

    both = by_key(await counted(regulator, GroupedBy.AGE_AND_DISTRICT))
    elders = both[WUHOU, ProgrammeAge.ELDER]
    assert (elders.uses and elders.uses.people, elders.claims and elders.claims.vouchers) == (1, 2)
    assert (WUHOU, ProgrammeAge.MINOR) not in both
    assert both[JINJIANG, None] == by_key(await counted(regulator, GroupedBy.DISTRICT))[JINJIANG]
    assert both[UNSAID, ProgrammeAge.ADULT].claims == Claims(1, 1, 20_00, 1)


async def test_only_what_stands_is_a_use(town: Town) -> None:
    regulator = await a_regulator()
    before = await counted(regulator, GroupedBy.DISTRICT)
    for state in (UseState.HELD, UseState.UNDONE, UseState.WAITING, UseState.REFUSED):
        await town.uses("adult-3", town.wuhou)
        await VoucherUse.filter(id=(await VoucherUse.all().order_by("-id").first()).id).update(state=state)  # type: ignore[union-attr]
    after = await counted(regulator, GroupedBy.DISTRICT)
    assert [row.uses for row in after.rows] == [row.uses for row in before.rows]


async def test_a_bill_that_several_vouchers_paid_moved_once_and_without_what_was_cancelled(town: Town) -> None:
    hall, second = await a_hall(), await a_campaign(budget_fen=1_000_00)
    order = await an_order(await a_person(), wanted(hall.full, at(11)), wanted(hall.full, at(13)))
    line = await OrderLine.filter(order_id=order.id).order_by("id").first()
    assert line is not None
    await OrderLine.filter(id=line.id).update(cancelled_at=NOW)
    first, other = shares(order.total_fen, [3, 1])  # as the uses of an order have it, by their face values
    of_first = {"order_id": order.id, "sport_code": "FENCING", "bill_fen": first}
    await town.uses("adult-4", hall.venue, **of_first)
    of_other = {"order_id": order.id, "sport_code": "FENCING", "bill_fen": other}
    use = await town.uses("adult-4", hall.venue, campaign=second, **of_other)
    left_fen = order.total_fen - line.price_fen
    assert left_fen > 0
    regulator = await a_regulator()

    async def moved(campaign_id: str | None) -> int:
        """Of this order."""
        found = await counted(regulator, GroupedBy.SPORT, campaign_id=campaign_id)
        assert found.total.uses is not None
        assert [row.uses.vouchers for row in found.rows if row.uses and row.label == "没有登记项目"] == []
        return found.total.uses.moved_fen - (0 if campaign_id == second.public_id else 210_00)

    assert await moved(None) == left_fen
    assert await moved(town.campaign.public_id) + await moved(second.public_id) == left_fen
    assert await moved(second.public_id) == left_fen // 4
    await VoucherUse.filter(id=use.id).update(
        state=UseState.UNDONE
    )  # it met its minimum no longer; the other stays
    assert (await moved(None), await moved(town.campaign.public_id)) == (left_fen, left_fen)


async def test_a_person_is_one_whichever_account_they_had(town: Town) -> None:
    """The real name moved on to a new account; with the old one she had used a voucher in the same district."""
    from models.real_names.binding import unbind

    number = id_number("19520315", order=77)
    old, new = await an_account(), await an_account()
    await name(old, ("王秀兰", number))
    town.people |= {"old": old, "new": new}
    await town.uses("old", town.yuzhong)
    await town.noted()
    await unbind(member_id=old.member_id, keys=ID_KEYS, now=NOW)
    await name(new, ("王秀兰", number))
    await town.uses("new", town.yuzhong)
    row = by_key(await counted(await a_regulator(), GroupedBy.DISTRICT))[YUZHONG]
    assert row.uses is not None
    assert (row.uses.people, row.uses.vouchers) == (1, 2)


async def test_a_regulator_sees_their_own_subtree_and_nobody_at_a_venue_anything(town: Town) -> None:
    await town.uses("adult-5", town.yuzhong)
    chengdu, jinjiang = await a_regulator("510100"), await a_regulator(JINJIANG)
    everything = by_key(await counted(await a_regulator(), GroupedBy.DISTRICT))
    theirs = by_key(await counted(chengdu, GroupedBy.DISTRICT))
    assert {*everything} - {*theirs} == {YUZHONG, UNSAID}  # who said nothing claimed from both provinces' money
    assert {key: everything[key].uses for key in theirs} == {key: row.uses for key, row in theirs.items()}
    own = await counted(jinjiang, GroupedBy.DISTRICT)
    assert [row.key for row in own.rows] == [JINJIANG]
    assert own.total.uses == own.rows[0].uses

    local = await a_campaign(region_key="510100")
    await town.claims("adult-6", campaign=local)
    (unsaid,) = [row for row in (await counted(chengdu, GroupedBy.DISTRICT)).rows if row.key == UNSAID]
    assert unsaid.claims == Claims(1, 1, 20_00, 0)

    manager = await a_clerk(town.wuhou.public_id, roles=(Role.VENUE_MANAGER, Role.FINANCE))
    with pytest.raises(DomainError) as refused:
        await counted(manager, GroupedBy.DISTRICT)
    assert refused.value.code is ErrorCode.NOT_ALLOWED
    with pytest.raises(DomainError) as refused:
        await campaigns_seen(clerk=manager)
    assert refused.value.code is ErrorCode.NOT_ALLOWED


async def test_a_day_and_a_week_hold_what_lies_in_them(town: Town) -> None:
    regulator = await a_regulator()
    yesterday = await counted(regulator, GroupedBy.SPORT, kind=PeriodKind.DAY, day=TODAY - timedelta(days=1))
    assert [(row.key, row.uses and row.uses.vouchers) for row in yesterday.rows] == [("SWIMMING", 1)]
    week = await counted(regulator, GroupedBy.SPORT, kind=PeriodKind.WEEK)
    assert week.total.uses is not None
    assert week.total.uses.vouchers == 4
    last_week = await counted(regulator, GroupedBy.HOUR, kind=PeriodKind.WEEK, day=TODAY - timedelta(days=7))
    assert last_week.total.uses == Uses(0, 0, 0, 0, 0)


async def test_only_a_campaign_that_was_opened_is_counted_and_no_other_s_vouchers(town: Town) -> None:
    regulator = await a_regulator()
    other, draft = await a_campaign(), await a_campaign(state=CampaignState.DRAFT)
    await town.claims("adult-7", WUHOU, campaign=other)
    found = await counted(regulator, GroupedBy.DISTRICT, kind=PeriodKind.WHOLE, campaign_id=other.public_id)
    assert found.total.claims == Claims(1, 1, 20_00, 0)
    assert [seen.public_id for seen in await campaigns_seen(clerk=regulator)] == [
        other.public_id,
        town.campaign.public_id,
    ]
    for campaign_id in (draft.public_id, "cam_0000000000"):
        with pytest.raises(DomainError) as refused:
            await counted(regulator, GroupedBy.DISTRICT, campaign_id=campaign_id)
        assert refused.value.code is ErrorCode.CAMPAIGN_UNKNOWN
    with pytest.raises(BadInput):
        await counted(regulator, GroupedBy.DISTRICT, kind=PeriodKind.WHOLE)


async def test_a_few_people_are_hidden_with_whatever_would_give_them_away(db: Database) -> None:
    """Three elders and one child in Wuhou, three elders and four children in Jinjiang: the one child is hidden, and so
    are the elders beside and the children below, but no total."""
    town = await a_town()
    for who in ("elder-1", "elder-2", "elder-3", "child-1"):
        await town.uses(who, town.wuhou)
    for who in ("elder-4", "elder-5", "elder-6", "child-2", "child-3", "child-4", "child-5"):
        await town.uses(who, town.jinjiang)
    await town.noted()
    regulator = await a_regulator()
    both = by_key(await counted(regulator, GroupedBy.AGE_AND_DISTRICT, k=3))
    assert {key for key, row in both.items() if row.uses is None} == {
        (WUHOU, ProgrammeAge.CHILD),
        (WUHOU, ProgrammeAge.ELDER),
        (JINJIANG, ProgrammeAge.CHILD),
        (JINJIANG, ProgrammeAge.ELDER),
    }
    assert both[WUHOU, None].uses == Uses(
        3, 3, 90_00, 90_00, 210_00
    )  # of 4 people, ¥80 and ¥200, to the next 3 and ¥30
    for by in (GroupedBy.AGE, GroupedBy.DISTRICT):
        assert all(row.uses is not None for row in (await counted(regulator, by, k=3)).rows)


async def test_what_the_one_table_hides_the_others_hide_too(db: Database) -> None:
    """One child in all, in Wuhou. Ages hide the children's total, so districts may not give it away, nor the table."""
    town = await a_town()
    for who in ("elder-1", "elder-2", "elder-3", "child-1"):
        await town.uses(who, town.wuhou)
    await town.noted()
    regulator = await a_regulator()
    ages = by_key(await counted(regulator, GroupedBy.AGE, k=3))
    assert (ages["CHILD"].uses, ages["ELDER"].uses) == (None, None)
    both = by_key(await counted(regulator, GroupedBy.AGE_AND_DISTRICT, k=3))
    assert {key for key, row in both.items() if row.uses is not None} == {(WUHOU, None)}
    lonely = await counted(regulator, GroupedBy.DISTRICT, k=5)
    assert [row.uses for row in (*lonely.rows, lonely.total)] == [None, None]


async def test_all_that_is_counted_is_what_the_books_come_to(town: Town) -> None:
    found = await counted(await a_regulator(), GroupedBy.HOUR)
    books = await database.row(
        """SELECT SUM(CASE WHEN kind = 'USED' THEN amount_fen ELSE -amount_fen END) AS used,
                  SUM(CASE WHEN kind = 'USED' THEN venue_share_fen ELSE -venue_share_fen END) AS share
             FROM voucher_event WHERE kind IN ('USED', 'TAKEN_BACK')"""
    )
    assert books is not None
    assert found.total.uses is not None
    assert found.total.uses.used_fen == int(books["used"])
    assert abs(found.total.uses.subsidised_fen - (int(books["used"]) - int(books["share"]))) <= 5_00
