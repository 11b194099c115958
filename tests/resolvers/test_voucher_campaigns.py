"""Campaigns at the public door: what citizens find, what staff may do, and who may not."""

import secrets
from datetime import datetime, timedelta
from math import ceil
from typing import Any

import pytest

from bff.graphql.budgets import BUDGET_OF
from models.audit.tables import AuditLine
from models.staff import operations as staff
from models.staff.rules import Role
from models.vouchers.rules import CampaignState, Terms, Validity, Where, Who
from models.vouchers.tables import VoucherCampaign, VoucherRound
from tests.conftest import NOW
from tests.factories.feedback import a_venue_in, divisions
from tests.factories.places import TIANFU_SQUARE, a_court
from tests.factories.vouchers import a_campaign
from tests.house import PASSWORD, Clerk, House, nothing_changes
from tests.resolvers import documents_voucher_campaigns as documents

HOUR = timedelta(hours=1)
CHENGDU = "510100"
ROUNDS = {"fromDay": "2026-11-21", "untilDay": "2026-11-22", "times": ["10:00"], "openMinutes": 60, "quantity": 50}
KIND = {"title": "满40减20", "faceValue": 2000, "minimumSpend": 4000, "rounds": [ROUNDS]}
DRAFT = {
    "title": "成都全民健身消费券",
    "regionKey": CHENGDU,
    "reserve": 10000,
    "terms": {
        "limits": {"aWeek": 3},
        "who": {"realName": True, "ageGroups": ["ELDER"]},
        "where": {"regions": [CHENGDU]},
        "validity": {"days": 3, "untilDay": "2026-12-31"},
        "venueCap": 500000,
        "onRefund": "RETURNS",
    },
    "pools": [{"name": "总资金", "budget": 300000, "kinds": [KIND]}],
}


@pytest.fixture(autouse=True)
async def _places(house: House) -> None:
    await divisions()
    await a_court(await a_venue_in("510107", "武侯馆"), sport="BADMINTON")


async def official(house: House, region_key: str = CHENGDU, *, role: Role = Role.REGULATOR) -> Clerk:
    clerk = Clerk(house, f"clerk-{secrets.token_hex(4)}", f"desk-{secrets.token_hex(2)}")
    await staff.create_staff(
        username=clerk.username,
        display_name="王主任",
        password=PASSWORD,
        venue_public_ids=None,
        region_key=region_key,
        roles=(role,),
        now=house.now(),
    )
    await clerk.sign_in()
    return clerk


async def drafts(clerk: Clerk, **changed: Any) -> Any:
    answer = await clerk.ask(documents.DRAFT_CAMPAIGN, idempotencyKey="draft-1", campaign={**DRAFT, **changed})
    return answer.value["campaign"]


async def steps(clerk: Clerk, campaign: Any, to_state: str, **asked: Any) -> Any:
    wanted = {
        "campaignId": campaign["campaign"]["id"],
        "toState": to_state,
        "expectedVersion": campaign["version"],
        "reason": "按计划办理",
        "idempotencyKey": f"to-{to_state}",
        **asked,
    }
    return await clerk.ask(documents.STEP_CAMPAIGN, **wanted)


async def test_a_campaign_is_drafted_saved_reviewed_opened_found_changed_and_closed(house: House) -> None:
    planner, reviewer = await official(house), await official(house)
    drafted = await drafts(planner)
    campaign_id = drafted["campaign"]["id"]
    assert (drafted["campaign"]["state"], drafted["version"], drafted["reserve"]) == ("DRAFT", 1, 10000)
    assert drafted["terms"]["limits"] == {
        "aRound": 1,
        "aDay": None,
        "aWeek": 3,
        "aMonth": None,
        "inAll": None,
        "held": None,
    }
    assert drafted["terms"]["who"]["ageGroups"] == ["ELDER"]
    assert (drafted["terms"]["venueCap"], drafted["terms"]["onRefund"]) == (500000, "RETURNS")
    assert drafted["pools"] == [{"name": "总资金", "budget": 300000, "free": 300000}]
    assert [one["opensAt"] for one in drafted["rounds"]] == [
        "2026-11-21T02:00:00+00:00",
        "2026-11-22T02:00:00+00:00",
    ]
    assert [(step["fromState"], step["toState"], step["by"]) for step in drafted["steps"]] == [
        (None, "DRAFT", "王主任")
    ]
    saving = {"campaignId": campaign_id, "expectedVersion": 1, "idempotencyKey": "save-1"}
    saved = await planner.ask(documents.SAVE_CAMPAIGN_DRAFT, **saving, campaign={**DRAFT, "title": "新名字"})
    campaign = saved.value["campaign"]
    assert (campaign["campaign"]["title"], campaign["version"]) == ("新名字", 2)
    assert (
        await house.ask(documents.VOUCHER_CAMPAIGN, {"id": campaign_id})
    ).value is None  # nobody's business yet

    assert (await steps(planner, campaign, "REVIEWED")).refusal.code == "NOT_ALLOWED"
    assert (await steps(reviewer, campaign, "REVIEWED")).value["campaign"]["campaign"]["state"] == "REVIEWED"
    assert (await steps(planner, campaign, "OPEN")).value["campaign"]["campaign"]["state"] == "OPEN"
    await house.travel(NOW + timedelta(minutes=2))  # the answer above was kept for a second
    found = (await house.ask(documents.VOUCHER_CAMPAIGN, {"id": campaign_id})).value
    assert found["nextOpensAt"] == "2026-11-21T02:00:00+00:00"
    assert found["limits"] == ["每人每轮最多领1张。", "每人每周最多领3张。", "每人每天最多用1张。"]
    assert found["rules"] == [
        "需要先实名认证。",
        "发给老年人。",
        "在成都市的场馆使用。",
        "领取后3天内有效。",
        "最晚用到2026年12月31日。",
        "一单只能用一张。",
        "退款后券退还给您，有效期内还能用。",
    ]

    change = {
        "budgets": [{"name": "总资金", "budget": 400000}],
        "rounds": [{"roundId": campaign["rounds"][0]["id"], "quantity": 60}],
        "newRounds": [{"kindId": found["kinds"][0]["id"], "rounds": [{**ROUNDS, "times": ["15:00"]}]}],
        "newKinds": [{"poolName": "总资金", "kind": {**KIND, "title": "满30减10", "faceValue": 1000}}],
    }
    asked = {"campaignId": campaign_id, "expectedVersion": 2, "change": change}
    effect = (await planner.ask(documents.PREVIEW_CAMPAIGN_CHANGE, **asked)).refusal
    assert "超出可用" in effect.message  # 100 more at 10 yuan and 110 more at 20 are worth more than was added
    change["budgets"] = [{"name": "总资金", "budget": 520000}]
    effect = (await planner.ask(documents.PREVIEW_CAMPAIGN_CHANGE, **asked)).value
    assert (effect["budgetMoved"], effect["vouchersAdded"], effect["held"]) == (220000, 210, 0)
    assert "资金池“总资金”增加2200.00元，共5200.00元。" in effect["sentences"]
    proposing = {**asked, "reason": "加发", "idempotencyKey": "change-1"}
    proposed = (await planner.ask(documents.PROPOSE_CAMPAIGN_CHANGE, **proposing)).value["campaign"]
    (waiting,) = proposed["changes"]
    assert (proposed["version"], waiting["state"], waiting["shown"]) == (2, "PROPOSED", effect)
    deciding = {"changeId": waiting["id"], "approves": True}
    assert (await planner.ask(documents.DECIDE_CAMPAIGN_CHANGE, **deciding)).refusal.code == "NOT_ALLOWED"
    changed = await reviewer.ask(documents.DECIDE_CAMPAIGN_CHANGE, **deciding)
    assert changed.value["campaign"]["version"] == 3
    assert changed.value["campaign"]["changes"][0]["state"] == "IN_FORCE"
    assert changed.value["campaign"]["pools"] == [{"name": "总资金", "budget": 520000, "free": 520000}]
    assert len(changed.value["campaign"]["rounds"]) == 6
    closed = await steps(planner, changed.value["campaign"], "CLOSED")
    assert [step["toState"] for step in closed.value["campaign"]["steps"]] == [
        *("CLOSED", "OPEN", "OPEN", "REVIEWED", "DRAFT", "DRAFT")
    ]


async def test_what_is_wrong_with_a_draft_is_said_by_its_field_and_nothing_is_written(house: House) -> None:
    planner = await official(house)
    for changed, field in (
        ({"title": ""}, "title"),
        ({"pools": [{"name": "总资金", "budget": 199999, "kinds": [KIND]}]}, "pools.0.budget"),
        ({"pools": [{**DRAFT["pools"][0], "kinds": [{**KIND, "faceValue": 4001}]}]}, "pools.0.kinds.0.faceValue"),  # type: ignore[index]
        (
            {"pools": [{**DRAFT["pools"][0], "kinds": [{**KIND, "rounds": [{**ROUNDS, "times": ["25:00"]}]}]}]},
            "times",
        ),  # type: ignore[index]
        ({"terms": {"who": {"ageGroups": ["ELDER"]}}}, "terms.who.ageGroups"),
        ({"terms": {"where": {"sports": ["CHESS"]}}}, "terms.where.sports"),
    ):
        async with nothing_changes():
            wanted = {"idempotencyKey": "k", "campaign": {**DRAFT, **changed}}
            refused = (await planner.ask(documents.DRAFT_CAMPAIGN, **wanted)).refusal
        assert (refused.code, refused.field) == ("TERMS_INVALID", field)


async def test_citizens_strangers_other_regions_and_clerks_without_the_power_manage_nothing(house: House) -> None:
    planner = await official(house)
    campaign = await drafts(planner)
    campaign_id = campaign["campaign"]["id"]
    version = {"campaignId": campaign_id, "expectedVersion": 1}
    change = {"change": {"reserve": 1}}
    asked = (
        (documents.MANAGED_CAMPAIGNS, {}),
        (documents.MANAGED_CAMPAIGN, {"campaignId": campaign_id}),
        (documents.PREVIEW_CAMPAIGN_CHANGE, {**version, **change}),
        (documents.DRAFT_CAMPAIGN, {"idempotencyKey": "k", "campaign": DRAFT}),
        (documents.SAVE_CAMPAIGN_DRAFT, {**version, "idempotencyKey": "k", "campaign": DRAFT}),
        (documents.STEP_CAMPAIGN, {**version, "idempotencyKey": "k", "toState": "REVIEWED", "reason": "复核"}),
        (documents.PROPOSE_CAMPAIGN_CHANGE, {**version, **change, "idempotencyKey": "k", "reason": "变更"}),
        (documents.DECIDE_CAMPAIGN_CHANGE, {"changeId": "chg_NOBODY", "approves": True}),
    )
    finance, across = await official(house, role=Role.FINANCE), await official(house, "500000")
    citizen = await house.citizen()
    for document, variables in asked:
        async with nothing_changes():
            assert (await house.ask(document, variables)).refusal.code == "NOT_SIGNED_IN"
            assert (await citizen.ask(document, **variables)).refusal.code == "NOT_SIGNED_IN"
    before = await VoucherCampaign.all().values()
    for document, variables in asked:
        assert (await finance.ask(document, **variables)).refusal.code == "NOT_ALLOWED"
    for document, variables in asked[2:]:
        writes_for_chengdu = document in (documents.DRAFT_CAMPAIGN, documents.SAVE_CAMPAIGN_DRAFT)
        wanted = "NOT_ALLOWED" if writes_for_chengdu else "CAMPAIGN_UNKNOWN"
        assert (await across.ask(document, **variables)).refusal.code == wanted
    assert (await across.ask(documents.MANAGED_CAMPAIGN, campaignId=campaign_id)).value is None
    assert (await across.ask(documents.MANAGED_CAMPAIGNS)).value["edges"] == []
    assert await VoucherCampaign.all().values() == before


async def test_each_act_of_staff_is_an_audit_line_about_the_campaign(house: House) -> None:
    planner = await official(house)
    campaign = await drafts(planner)
    await steps(planner, campaign, "REVIEWED")
    lines = {line.act: line for line in await AuditLine.filter(act__in=["draftCampaign", "stepCampaign"])}
    for act, outcome in (("draftCampaign", "OK"), ("stepCampaign", "NOT_ALLOWED")):
        assert (lines[act].subject_kind, lines[act].subject_id) == ("CAMPAIGN", campaign["campaign"]["id"])
        assert lines[act].outcome == outcome


async def test_staff_see_the_campaigns_of_their_regions_by_state_page_by_page(house: House) -> None:
    planner = await official(house)
    ours = [(await a_campaign(region_key=CHENGDU)).public_id for _ in range(3)]
    below = (await a_campaign(region_key="510107", state=CampaignState.PAUSED)).public_id
    await a_campaign(region_key="500000")
    await a_campaign()
    first = (await planner.ask(documents.MANAGED_CAMPAIGNS, first=3)).value
    ids = [edge["node"]["campaign"]["id"] for edge in first["edges"]]
    assert ids == [below, ours[2], ours[1]]
    assert first["pageInfo"]["hasNextPage"] is True
    rest = (await planner.ask(documents.MANAGED_CAMPAIGNS, first=3, after=first["edges"][-1]["cursor"])).value
    assert [edge["node"]["campaign"]["id"] for edge in rest["edges"]] == ours[:1]
    assert (rest["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasPreviousPage"]) == (False, True)
    paused = (await planner.ask(documents.MANAGED_CAMPAIGNS, first=3, state="PAUSED")).value
    assert [edge["node"]["campaign"]["id"] for edge in paused["edges"]] == [below]


async def test_citizens_find_campaigns_by_region_and_by_where_they_are(house: House) -> None:
    tennis = await a_venue_in("500103", "渝中馆")
    await a_court(tennis, sport="TENNIS")
    tennis.lon, tennis.lat = 106.57, 29.55
    await tennis.save()
    everywhere = await a_campaign()
    chengdu = await a_campaign(terms=Terms(where=Where(regions=frozenset({"510000"}))))
    chongqing = await a_campaign(tennis, state=CampaignState.PAUSED)
    tennis_only = await a_campaign(terms=Terms(where=Where(sports=frozenset({"TENNIS"}))))
    for state in (CampaignState.DRAFT, CampaignState.REVIEWED, CampaignState.CLOSED, CampaignState.SETTLED):
        await a_campaign(state=state)

    async def ids(**asked: Any) -> list[str]:
        found = (await house.ask(documents.VOUCHER_CAMPAIGNS, asked)).value["edges"]
        return [edge["node"]["id"] for edge in found]

    of_chengdu = [chengdu.public_id, everywhere.public_id]
    of_chongqing = [tennis_only.public_id, chongqing.public_id, everywhere.public_id]
    assert await ids() == [one.public_id for one in (tennis_only, chongqing, chengdu, everywhere)]
    assert await ids(regionKey="510107") == await ids(regionKey=CHENGDU) == of_chengdu
    assert await ids(regionKey="510104") == []  # no venue there
    assert await ids(regionKey="500103") == of_chongqing
    lon, lat = TIANFU_SQUARE
    assert await ids(near={"lon": lon, "lat": lat, "system": "WGS84"}) == of_chengdu
    assert await ids(near={"lon": 106.6, "lat": 29.5, "system": "WGS84"}) == of_chongqing
    both = {"near": {"lon": lon, "lat": lat}, "regionKey": CHENGDU}
    assert (await house.ask(documents.VOUCHER_CAMPAIGNS, both)).refusal.code == "BAD_INPUT"
    page = (await house.ask(documents.VOUCHER_CAMPAIGNS, {"first": 1, "regionKey": "500103"})).value
    assert page["pageInfo"]["hasNextPage"] is True
    after = page["edges"][0]["cursor"]
    assert await ids(first=2, regionKey="500103", after=after) == of_chongqing[1:]
    assert (await house.ask(documents.VOUCHER_CAMPAIGNS, {"first": 21})).refusal.code == "BAD_INPUT"


async def test_rounds_say_how_they_stand_and_count_down_by_the_servers_clock(house: House) -> None:
    campaign = await a_campaign(
        rounds=[
            (NOW - 3 * HOUR, NOW - 2 * HOUR, 5),
            (NOW - HOUR, NOW + HOUR, 1),
            *((NOW + n * HOUR, NOW + (n + 1) * HOUR, 9) for n in (2, 3, 4, 5)),
        ]
    )
    await VoucherRound.filter(opens_at=NOW - HOUR).update(remaining=0)

    async def look() -> Any:
        return (await house.ask(documents.VOUCHER_CAMPAIGN, {"id": campaign.public_id})).value

    found = await look()
    (rounds,) = [kind["rounds"] for kind in found["kinds"]]
    assert [(one["status"], one["remaining"]) for one in rounds] == [
        ("SOLD_OUT", 0),
        *[("UPCOMING", 9)] * 3,
    ]
    clock = datetime.fromisoformat(found["serverNow"])
    assert abs(clock - house.now()) < timedelta(seconds=10)
    for number, one in zip((2, 3, 4), rounds[1:], strict=True):
        assert one["opensInSeconds"] == ceil((NOW + number * HOUR - clock).total_seconds())
    assert found["nextOpensAt"] == rounds[1]["opensAt"] == "2026-11-20T04:00:00+00:00"
    await house.travel(NOW + 2 * HOUR)
    found = await look()
    (rounds,) = [kind["rounds"] for kind in found["kinds"]]
    assert (rounds[0]["status"], rounds[0]["opensInSeconds"]) == ("OPEN", 0)
    assert found["nextOpensAt"] == "2026-11-20T05:00:00+00:00"
    await VoucherCampaign.all().update(state="CLOSED")
    await house.travel(NOW + 9 * HOUR)
    found = await look()
    assert (found["state"], found["kinds"][0]["rounds"], found["nextOpensAt"]) == ("CLOSED", [], None)


async def test_sentences_say_what_the_terms_say(house: House) -> None:
    campaign = await a_campaign(
        terms=Terms(
            who=Who(regions=frozenset({"510107"}), first_timers=True, account_days=7),
            validity=Validity(days=None, from_day=NOW.date(), until_day=NOW.date() + timedelta(days=9)),
            uses_a_day=None,
            uses_a_venue_a_day=2,
        )
    )
    found = (await house.ask(documents.VOUCHER_CAMPAIGN, {"id": campaign.public_id})).value
    assert found["limits"] == ["每人每轮最多领1张。", "每人每天在同一家场馆最多用2张。"]
    assert found["rules"] == [
        "领取时人要在武侯区。",
        "只发给第一次使用本平台消费券的人。",
        "注册满7天才能领。",
        "所有参加的场馆和项目都能使用。",
        "2026年11月20日起可以使用。",
        "最晚用到2026年11月29日。",
        "一单只能用一张。",
        "退款后券不退还。",
    ]


def test_each_root_field_counts_as_what_it_is() -> None:
    for name in ("voucherCampaigns", "voucherCampaign"):
        assert BUDGET_OF[name].name == "reading"
    for name in ("managedCampaigns", "managedCampaign", "previewCampaignChange", "draftCampaign"):
        assert BUDGET_OF[name].name == "voucher-planning"
    for name in ("saveCampaignDraft", "stepCampaign", "proposeCampaignChange", "decideCampaignChange"):
        assert BUDGET_OF[name].name == "voucher-planning"


async def test_odd_words_are_refused_or_found_to_be_nothing(house: House) -> None:
    planner = await official(house)
    campaign = await a_campaign(region_key=CHENGDU)
    of_one = {"campaignId": campaign.public_id, "expectedVersion": 1}
    key = {"idempotencyKey": "k"}
    change = {"rounds": [{"roundId": campaign.round_public_id, "closesAt": "2026-11-23T10:00:00+08:00"}]}
    usual: list[tuple[str, dict[str, Any], str]] = [
        (documents.VOUCHER_CAMPAIGN, {"id": campaign.public_id}, ""),
        (documents.VOUCHER_CAMPAIGNS, {"regionKey": CHENGDU, "after": "v1"}, ""),
        (documents.MANAGED_CAMPAIGNS, {"after": "v1"}, planner.authorization),
        (documents.MANAGED_CAMPAIGN, {"campaignId": campaign.public_id}, planner.authorization),
        (documents.PREVIEW_CAMPAIGN_CHANGE, {**of_one, "change": change}, planner.authorization),
        (documents.DRAFT_CAMPAIGN, {**key, "campaign": DRAFT}, planner.authorization),
        (documents.SAVE_CAMPAIGN_DRAFT, {**key, **of_one, "campaign": DRAFT}, planner.authorization),
        (
            documents.STEP_CAMPAIGN,
            {**key, **of_one, "toState": "SETTLED", "reason": "结清"},
            planner.authorization,
        ),
        (
            documents.PROPOSE_CAMPAIGN_CHANGE,
            {**key, **of_one, "change": {"newRounds": [{"kindId": campaign.kind_public_id, "rounds": [ROUNDS]}]}}
            | {"reason": "加发"},
            planner.authorization,
        ),
        (
            documents.DECIDE_CAMPAIGN_CHANGE,
            {"changeId": "chg_NOBODY", "approves": False, "reason": "另行安排"},
            planner.authorization,
        ),
    ]
    for document, variables, authorization in usual:
        for place in texts_in(variables):
            for word in ODD:
                answer = await house.ask(document, replaced(variables, place, word), authorization)
                assert "INTERNAL" not in answer.text, (document[:60], place, word[:40], answer.text)
    assert not [said for said in house.log_lines() if said["event"] == "unexpected error"]


ODD = (
    "",
    " ",
    "x" * 33,
    "x" * 5000,
    "%_'\"\\;--",
    "\x00",
    "\u202e\u200b",
    "\r\n",
    "１２３",
    "v999999999999999999",
)
ODD += ("-1", "null", "0001-01-01", "9999-12-31", "2026-11-23T10:00:00", "24:00")


def texts_in(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where texts stand in some variables."""
    if isinstance(value, str):
        return [place]
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, part in below for found in texts_in(part, (*place, key))]


def replaced(value: Any, place: tuple[Any, ...], word: str) -> Any:
    """The same variables with another word in one place."""
    if not place:
        return word
    first, *rest = place
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[first] = replaced(value[first], tuple(rest), word)
    return copy
