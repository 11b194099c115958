"""Judging and asking WeChat, over the real wire of the simulated one: nobody is ever kept waiting by either."""

from dataclasses import replace
from datetime import timedelta

from bff import wiring
from jobs.job import Tools
from jobs.risk import ask_risk_ranks, judge_uses
from models.members.tables import Member
from models.risk.tables import RiskCase, RiskScore, WeChatRiskRank
from tests.factories.places import a_venue
from tests.factories.risk import a_write_off, the_rules
from tests.factories.vouchers import a_campaign, a_voucher
from tests.house import House
from wechat.risk import RiskRanks


def tools(house: House, *, client_ip: str = "203.0.113.7") -> Tools:
    program = house.wired.mini_program
    asker = RiskRanks(program.token, appid=program.appid, client_ip=client_ip)
    return replace(wiring.tools(house.wired), risk_ranks=asker)


async def a_claimant(house: House, rank: int = 0) -> int:
    """Signed in and claimed just now."""
    citizen = await house.citizen()
    await house.wechat.post("/_sandbox/risk-ranks", json={"openid": citizen.openid, "risk_rank": rank})
    member = await Member.get(public_id=citizen.tokens["memberId"])
    await a_voucher(member.id, await a_campaign(), claimed_at=house.now())
    return int(member.id)


async def ranks() -> dict[int, tuple[int | None, str]]:
    return {each.member_id: (each.rank, each.outcome) for each in await WeChatRiskRank.all()}


async def test_whoever_claimed_just_now_is_asked_about_once_a_week(house: House) -> None:
    suspect, honest = await a_claimant(house, rank=4), await a_claimant(house)
    assert await ask_risk_ranks(tools(house)) == 2
    assert (await ranks()) == {suspect: (4, "ANSWERED"), honest: (0, "ANSWERED")}
    assert await ask_risk_ranks(tools(house)) == 0
    assert await WeChatRiskRank.all().count() == 2


async def test_who_claimed_long_ago_or_has_no_mini_program_is_not_asked_about(house: House) -> None:
    citizen = await house.citizen()
    member = await Member.get(public_id=citizen.tokens["memberId"])
    long_ago = house.now() - timedelta(hours=3)
    await a_voucher(member.id, await a_campaign(now=long_ago), claimed_at=long_ago)
    nowhere = await Member.create(public_id="mem_NOWHERE", created_at=house.now())
    await a_voucher(nowhere.id, await a_campaign(), claimed_at=house.now())
    assert await ask_risk_ranks(tools(house)) == 0
    assert await ranks() == {}


async def test_a_house_that_does_not_ask_asks_nobody(house: House) -> None:
    await a_claimant(house)
    assert await ask_risk_ranks(wiring.tools(house.wired)) == 0
    assert await ranks() == {}


async def test_a_wechat_that_fails_is_asked_again_half_an_hour_later_and_nobody_waits(house: House) -> None:
    first, second = await a_claimant(house), await a_claimant(house)
    await house.wechat.put("/_sandbox/faults", json={"busy": True})
    assert await ask_risk_ranks(tools(house)) == 0
    assert await ranks() == {first: (None, "UNAVAILABLE")}  # the rest is left alone meanwhile
    await house.wechat.put("/_sandbox/faults", json={})
    assert await ask_risk_ranks(tools(house)) == 1
    assert (await ranks())[second] == (0, "ANSWERED")
    await WeChatRiskRank.filter(member_id=first).update(asked_at=house.now() - timedelta(minutes=31))
    assert await ask_risk_ranks(tools(house)) == 1
    assert [each.outcome for each in await WeChatRiskRank.filter(member_id=first).order_by("id")] == [
        "UNAVAILABLE",
        "ANSWERED",
    ]


async def test_settings_that_wechat_refuses_leave_no_mark_on_anybody(house: House) -> None:
    await a_claimant(house)
    assert await ask_risk_ranks(tools(house, client_ip="nowhere")) == 0
    assert await ranks() == {}


async def test_the_job_judges_opens_cases_and_does_nothing_the_second_time(house: House) -> None:
    now = house.now()
    await the_rules(now)
    venue, campaign = await a_venue(), await a_campaign(now=now)
    then = now - timedelta(days=3)
    await a_write_off(venue, campaign, used_at=then)
    fake = await a_write_off(
        venue, campaign, used_at=then, claimed=timedelta(seconds=9), bill_fen=40_00, denied_at=then
    )
    for opened in (1, 0):
        assert await judge_uses(tools(house)) == opened
    assert await RiskScore.all().count() == 2
    assert [case.use_id for case in await RiskCase.all()] == [fake.use_id]


async def test_the_wiring_asks_where_an_address_is_set_and_else_not(house: House) -> None:
    assert wiring.risk_ranks(house.wired) is None
    settings = replace(house.wired.settings, wechat_risk_client_address="203.0.113.7")
    asker = wiring.risk_ranks(replace(house.wired, settings=settings))
    assert asker is not None
    assert asker.appid == settings.wechat_mini_program_appid
