"""The programme's figures as clients ask for them."""

from typing import Any

import pytest

from models.staff.rules import Role
from models.vouchers.tables import VoucherUse
from tests.house import House
from tests.models.audit.lines import all_lines
from tests.models.statistics.town import JINJIANG, WUHOU, Town, a_town
from tests.resolvers.documents_statistics import PROGRAMME_REDEMPTIONS, PROGRAMME_STATISTICS, SUBSIDIES


@pytest.fixture
async def town(house: House) -> Town:
    """Twelve people used ¥20 in Wuhou, eleven of them in Jinjiang too, and one in Chongqing."""
    town = await a_town()
    for n in range(12):
        await town.uses(f"nobody-{n}", town.wuhou, venue_share_fen=4_00)
    for n in range(11):
        await town.uses(f"nobody-{n}", town.jinjiang)
    await town.uses("nobody-0", town.yuzhong)
    return town


async def test_figures_are_rounded_and_a_few_people_s_are_null(house: House, town: Town) -> None:
    regulator = await house.clerk(roles=(Role.REGULATOR,), region_key="", device_id="office")
    found = (await regulator.ask(PROGRAMME_STATISTICS, by="DISTRICT", campaignId=town.campaign.public_id)).value
    assert (found["smallestGroup"], found["agesNoted"], found["lastDay"]) == (10, False, "2026-11-30")
    uses = {row["key"]: row["uses"] for row in found["rows"]}
    assert uses["500103"] is None
    assert [key for key, said in uses.items() if said] == [WUHOU]  # the smaller one is hidden beside Chongqing's
    assert uses[WUHOU] == {
        "people": 10,
        "vouchers": 10,
        "used": 200_00,
        "subsidised": 200_00,
        "moved": 600_00,
        "movedPercent": 300,
    }
    assert found["total"]["uses"]["vouchers"] == 20

    venues = (await regulator.ask(SUBSIDIES, campaignId=town.campaign.public_id)).value
    assert venues["venues"] == []  # with two venues besides, either would give Chongqing's one person away
    assert (venues["unlisted"], venues["total"]) == (True, 400_00)
    for n in range(1, 12):
        await town.uses(f"nobody-{n}", town.yuzhong)
    venues = (await regulator.ask(SUBSIDIES, campaignId=town.campaign.public_id)).value
    assert [(venue["venueName"], venue["subsidy"]) for venue in venues["venues"]] == [
        ("渝中馆", 240_00),
        ("锦江馆", 220_00),
        ("武侯馆", 192_00),
    ]
    assert not venues["unlisted"]

    chengdu = await house.clerk(roles=(Role.REGULATOR,), region_key="510100", device_id="city")
    found = (await chengdu.ask(PROGRAMME_STATISTICS, by="DISTRICT")).value
    assert {row["key"]: bool(row["uses"]) for row in found["rows"]} == {JINJIANG: True, WUHOU: True}
    said = [line for line in await all_lines() if line["act"] in ("programmeStatistics", "subsidies")]
    assert [line["detail"] for line in said] == [
        "DISTRICT MONTH 2026-11-01 2026-12-01",
        *["SUBSIDIES 2026-11-01 2026-12-01"] * 2,
        "DISTRICT MONTH 2026-11-01 2026-12-01",
    ]


async def test_a_figure_that_is_shown_leads_to_its_redemptions_and_a_hidden_one_nowhere(
    house: House, town: Town
) -> None:
    regulator = await house.clerk(roles=(Role.REGULATOR,), region_key="", device_id="office")

    async def listed(by: str, key: str, **more: Any) -> Any:
        return (await regulator.ask(PROGRAMME_REDEMPTIONS, by=by, key=key, **more)).value

    wuhou = {use.use_no for use in await VoucherUse.filter(venue_id=town.wuhou.id)}
    page = await listed("DISTRICT", WUHOU, campaignId=town.campaign.public_id, first=5)
    seen = [edge["node"] for edge in page["edges"]]
    while page["pageInfo"]["hasNextPage"]:
        page = await listed("DISTRICT", WUHOU, first=5, after=page["pageInfo"]["endCursor"])
        seen += [edge["node"] for edge in page["edges"]]
    assert (len(seen), {each["useNo"] for each in seen}) == (12, wuhou)
    assert {(each["venueName"], each["bill"], each["used"], each["settlementNo"]) for each in seen} == {
        ("武侯馆", 50_00, 20_00, "")
    }
    for by, key in (("DISTRICT", ""), ("SPORT", "BADMINTON"), ("HOUR", "10")):
        assert len((await listed(by, key))["edges"]) == await VoucherUse.all().count() == 24
    said = [line["detail"] for line in await all_lines() if line["act"] == "programmeRedemptions"]
    assert said[0] == "DISTRICT MONTH 2026-11-01 2026-12-01"

    for by, key, field in (
        ("DISTRICT", "500103", "key"),  # one person, hidden
        ("DISTRICT", JINJIANG, "key"),  # hidden beside them
        ("DISTRICT", "510108", "key"),  # nobody
        ("AGE", "UNKNOWN", "by"),
        ("AGE_AND_DISTRICT", WUHOU, "by"),
    ):
        refusal = (await regulator.ask(PROGRAMME_REDEMPTIONS, by=by, key=key)).refusal
        assert (refusal.code, refusal.field) == ("BAD_INPUT", field), (by, key)
    finance = await house.clerk(town.wuhou.public_id, roles=(Role.FINANCE,), device_id="books")
    assert (await finance.ask(PROGRAMME_REDEMPTIONS, by="DISTRICT", key=WUHOU)).refusal.code == "NOT_ALLOWED"


async def test_nobody_at_a_venue_and_no_citizen_sees_any(house: House, town: Town) -> None:
    roles = (Role.VENUE_MANAGER, Role.FINANCE)
    manager = await house.clerk(town.wuhou.public_id, roles=roles, device_id="desk")
    asked = {"campaignId": town.campaign.public_id}
    assert (await manager.ask(PROGRAMME_STATISTICS, by="AGE", **asked)).refusal.code == "NOT_ALLOWED"
    assert (await manager.ask(SUBSIDIES, **asked)).refusal.code == "NOT_ALLOWED"
    citizen = await house.citizen()
    assert (await citizen.ask(SUBSIDIES, **asked)).refusal.code == "NOT_SIGNED_IN"
