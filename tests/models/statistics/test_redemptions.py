"""Down to the redemptions, page by page: the table that says which groups are shown is counted once for them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from models.errors import BadInput, DomainError, ErrorCode
from models.staff.rules import Role, StaffSignedIn
from models.statistics.programme import Asked, programme_statistics
from models.statistics.redemptions import TURNED_WITHIN_S, Redemption, redemptions
from models.statistics.rules import GroupedBy, PeriodKind
from models.vouchers.rules import UseState
from models.vouchers.tables import VoucherUse
from plans.keeping import Keeper
from tests.conftest import NOW
from tests.databases import Database
from tests.factories.people import a_clerk
from tests.models.statistics.town import JINJIANG, WUHOU, Town, a_town
from tests.statements import statements_of

DISTRICTS = Asked(by=GroupedBy.DISTRICT, kind=PeriodKind.MONTH, day=date(2026, 11, 20))
K = 3


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def town(db: Database) -> Town:
    """Six people used a voucher in Wuhou, four in Jinjiang, and one in Yuzhong, who is hidden, and Jinjiang with them."""
    town = await a_town()
    for number in range(6):
        await town.uses(f"nobody-{number}", town.wuhou)
    for number in range(10, 14):
        await town.uses(f"nobody-{number}", town.jinjiang)
    await town.uses("nobody-20", town.yuzhong)
    return town


async def listed(
    clerk: StaffSignedIn,
    key: str,
    *,
    keep: Keeper | None = None,
    first: int = 2,
    before_id: int | None = None,
    asked: Asked = DISTRICTS,
) -> Sequence[Redemption]:
    return await redemptions(
        asked, key, clerk=clerk, smallest_group=K, first=first, before_id=before_id, now=NOW, keep=keep
    )


async def a_regulator() -> StaffSignedIn:
    return await a_clerk(roles=(Role.REGULATOR,), region_key="")


async def test_the_table_is_counted_once_for_all_pages_that_are_turned_within_a_minute(town: Town) -> None:
    clerk, clock = await a_regulator(), Clock()
    keep, seen = Keeper(clock=clock), list[int]()

    async def turn() -> None:
        page = await listed(clerk, WUHOU, keep=keep, before_id=seen[-1] if seen else None)
        seen.extend(each.id for each in page[:2])

    for_the_first = await statements_of(turn)
    for_the_next = await statements_of(turn)
    assert for_the_next == 1  # the page itself
    assert for_the_first > for_the_next
    clock.now += TURNED_WITHIN_S
    assert await statements_of(turn) == for_the_first
    assert len(seen) == len({*seen}) == 6
    assert {*seen} == {use.id for use in await VoucherUse.filter(venue_id=town.wuhou.id)}


async def test_another_person_group_of_rules_or_loss_of_a_role_counts_anew(town: Town) -> None:
    clerk, keep = await a_regulator(), Keeper()
    assert len(await listed(clerk, WUHOU, keep=keep)) == 3
    other = await a_regulator()
    assert await statements_of(lambda: listed(other, WUHOU, keep=keep)) > 1
    assert await statements_of(lambda: listed(replace(clerk, roles=clerk.roles * 2), WUHOU, keep=keep)) > 1
    with pytest.raises(DomainError) as refused:
        await listed(replace(clerk, roles=()), WUHOU, keep=keep)
    assert refused.value.code is ErrorCode.NOT_ALLOWED
    await VoucherUse.filter(venue_id=town.wuhou.id).update(state=UseState.UNDONE)
    assert await listed(clerk, WUHOU, keep=keep) == []  # what is listed is what stands, whatever was counted


@pytest.mark.parametrize("by", [GroupedBy.DISTRICT, GroupedBy.SPORT, GroupedBy.HOUR])
async def test_a_group_leads_down_exactly_where_its_uses_are_shown(town: Town, by: GroupedBy) -> None:
    await town.uses("nobody-21", town.wuhou, sport_code="SWIMMING")
    clerk, asked = await a_regulator(), replace(DISTRICTS, by=by)
    shown = await programme_statistics(asked, clerk=clerk, smallest_group=K, now=NOW)
    leads = dict[str, bool]()
    for row in (shown.total, *shown.rows):
        try:
            found = await listed(clerk, row.key, keep=None, first=50, asked=asked)
        except BadInput:
            leads[row.key] = False
        else:
            leads[row.key] = True
            assert bool(found) == bool(row.uses and row.uses.vouchers)
    assert leads == {row.key: row.uses is not None for row in (shown.total, *shown.rows)}
    assert set(leads.values()) == ({True} if by is GroupedBy.HOUR else {True, False})


async def test_what_is_hidden_leads_nowhere_the_second_time_either(town: Town) -> None:
    clerk, keep = await a_regulator(), Keeper()
    for key in ("500103", JINJIANG, "火星"):
        for _ in range(2):
            with pytest.raises(BadInput) as refused:
                await listed(clerk, key, keep=keep)
            assert refused.value.field == "key"
