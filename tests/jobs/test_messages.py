"""Telling people outside, over the real wire of the simulated WeChat and SMS gateway: once, whatever breaks."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx

from bff import wiring
from jobs import ALL
from jobs.job import Tools
from jobs.messages import tell_people
from models import database
from models.members import phones
from models.members.tables import Identity, Member
from models.messages.queries import stuck
from models.messages.rules import LEASE, SubscribeAnswer
from tests.house import Citizen, House
from tests.models.messages.desk import consents_left, is_told, says, standing
from wechat.messages import SubscribeMessages

PHONE = "+8613800000001"


def tools(house: House) -> Tools:
    return wiring.tools(house.wired)


async def somebody(house: House, *, consents: int = 0, granted: int | None = None, follows: bool = False) -> int:
    """A member signed in by the mini-program. `granted`: how often WeChat knows of their yes, if not as often as we."""
    citizen = await house.citizen()
    found = await Member.get(public_id=citizen.tokens["memberId"])
    appid = house.wired.settings.wechat_mini_program_appid
    for number in range(consents):
        at = house.now() - timedelta(seconds=10 - number)
        await says(found.id, citizen.openid, "REFUND", SubscribeAnswer.ACCEPT, at, appid=appid)
    times = consents if granted is None else granted
    template = house.wired.settings.wechat_subscribe_templates["REFUND"]
    asked = {"openid": citizen.openid, "template_id": template, "times": times}
    assert (await house.wechat.post("/_sandbox/subscriptions", json=asked)).status_code == 200
    if follows:
        await _follows(house, citizen, found.id)
    return int(found.id)


async def _follows(house: House, citizen: Citizen, member_id: int) -> None:
    person = (await house.wechat.post("/_sandbox/people", json={"openid": citizen.openid})).json()
    await Identity.create(
        member_id=member_id,
        appid=house.wired.settings.wechat_official_account_appid,
        openid=person["official_openid"],
        door="OFFICIAL_ACCOUNT",
        created_at=house.now(),
    )


async def arrived(house: House) -> Sequence[Any]:
    """What WeChat brought to anybody."""
    found = (await house.wechat.get("/_sandbox/store")).json()["messages"]
    return [(message["kind"], message["given"]) for message in found]


async def fault(house: House, **faults: object) -> None:
    assert (await house.wechat.put("/_sandbox/faults", json=faults)).status_code == 200


async def test_it_is_one_of_the_workers_jobs_and_outlives_no_lease() -> None:
    (job,) = [job for job in ALL if job.name == "tell_people"]
    assert job.every_seconds == 5
    assert job.function is tell_people


async def test_a_subscribe_message_arrives_with_its_fields_and_the_page_and_once(house: House) -> None:
    await is_told(await somebody(house, consents=1, follows=True), no="O20261120ABC")
    assert await tell_people(tools(house)) == 1
    assert await tell_people(tools(house)) == 0
    assert await arrived(house) == [
        (
            "subscribe",
            {
                "character_string1": "O20261120ABC",
                "amount2": "40.00元",
                "phrase3": "暂未到账",
                "thing4": "工作人员会为您另行办理",
            },
        )
    ]
    (sent,) = (await house.wechat.get("/_sandbox/store")).json()["messages"]
    assert sent["target"] == "pages/orders/order?no=O20261120ABC"
    assert await standing() == {"SUBSCRIBE": "SENT", "OFFICIAL_ACCOUNT": "SKIPPED"}


async def test_who_used_up_their_yes_is_told_by_the_official_account_in_the_same_run(house: House) -> None:
    member_id = await somebody(house, consents=2, granted=0, follows=True)
    await is_told(member_id)
    assert await tell_people(tools(house)) == 2
    assert [kind for kind, _ in await arrived(house)] == ["official"]
    assert await standing() == {"SUBSCRIBE": "REFUSED", "OFFICIAL_ACCOUNT": "SENT"}
    assert await consents_left(member_id) == 0


async def test_a_busy_wechat_is_asked_again_a_minute_later(house: House) -> None:
    member_id = await somebody(house, consents=1)
    await is_told(member_id)
    await fault(house, busy=True)
    assert await tell_people(tools(house)) == 1
    assert (await standing(), await consents_left(member_id)) == ({"SUBSCRIBE": "WAITING"}, 1)
    await fault(house)
    assert await tell_people(tools(house)) == 0
    await house.travel(house.now() + timedelta(minutes=1))
    assert await tell_people(tools(house)) == 1
    assert (await standing(), len(await arrived(house))) == ({"SUBSCRIBE": "SENT"}, 1)


async def with_a_token(house: House) -> None:
    """WeChat's access token is at hand, so that the next call is the message itself."""
    await is_told(await somebody(house, consents=1, follows=True), no="before")
    await tell_people(tools(house))
    await database.rows("DELETE FROM message_sending")


async def test_while_wechat_is_not_there_at_all_nothing_is_lost(house: House) -> None:
    member_id = await somebody(house, consents=1)
    await is_told(member_id)
    async with httpx.AsyncClient(verify=False) as http:
        nobody = wiring.mini_program(
            replace(house.wired.settings, wechat_base_url="http://127.0.0.1:9"), http, house.wired.queue
        )
        away = replace(house.wired, subscribe_messages=SubscribeMessages(nobody.token))
        assert await tell_people(wiring.tools(away)) == 1
    assert (await standing(), await consents_left(member_id)) == ({"SUBSCRIBE": "WAITING"}, 1)
    await house.travel(house.now() + timedelta(minutes=1))
    assert await tell_people(tools(house)) == 1
    assert await standing() == {"SUBSCRIBE": "SENT"}


async def test_a_token_that_could_not_be_fetched_uses_up_no_consent_and_the_message_is_sent_later(
    house: House,
) -> None:
    member_id = await somebody(house, consents=1)
    await is_told(member_id)
    await fault(house, http_500_after=True)
    assert await tell_people(tools(house)) == 1
    assert (await standing(), await consents_left(member_id)) == ({"SUBSCRIBE": "WAITING"}, 1)
    await fault(house)
    await house.travel(house.now() + timedelta(minutes=1))
    assert await tell_people(tools(house)) == 1
    assert (await standing(), len(await arrived(house))) == ({"SUBSCRIBE": "SENT"}, 1)


async def test_a_subscribe_message_whose_answer_was_lost_is_not_sent_again(house: House) -> None:
    await with_a_token(house)
    await is_told(await somebody(house, consents=2), no="O1")
    await fault(house, http_500_after=True)
    tool = tools(house)
    await tell_people(tool)
    await fault(house)
    for minutes in (1, 10, 60):
        await house.travel(house.now() + timedelta(minutes=minutes))
        await tell_people(tool)
    assert await standing() == {"SUBSCRIBE": "UNKNOWN"}
    assert [given["character_string1"] for _, given in await arrived(house)] == ["before", "O1"]


async def test_an_official_accounts_message_whose_answer_was_lost_is_sent_again_and_arrives_once(
    house: House,
) -> None:
    first, second = await somebody(house, follows=True), await somebody(house, follows=True)
    await is_told(first, no="O1")
    await tell_people(tools(house))  # so that the token is there
    await is_told(second, no="O2")
    await fault(house, http_500_after=True)
    await tell_people(tools(house))
    await fault(house)
    await house.travel(house.now() + timedelta(minutes=1))
    assert await tell_people(tools(house)) == 1
    found = await database.rows("SELECT status, attempts FROM message_sending ORDER BY id")
    assert [(row["status"], row["attempts"]) for row in found] == [("SENT", 1), ("SENT", 2)]
    assert [given["character_string1"] for _, given in await arrived(house)] == ["O1", "O2"]


async def test_an_sms_says_that_there_is_a_message_and_nothing_of_it_and_no_log_holds_the_number(
    house: House,
) -> None:
    member_id = await somebody(house)
    keys = wiring.phone_keys(house.wired.settings)
    await phones.bind_phone(member_id=member_id, phone=PHONE, keys=keys, now=house.now())
    await is_told(member_id, no="O20261120SECRET")
    assert await tell_people(tools(house)) == 1
    (sms,) = (await house.tencent.get("/_sandbox/messages", params={"phone": PHONE})).json()["messages"]
    assert "消息" in sms["text"]
    assert "SECRET" not in str(sms)
    found = await database.row("SELECT status, outside_id FROM message_sending")
    assert found is not None
    assert found["status"] == "SENT"
    assert found["outside_id"]
    assert "13800000001" not in house.log()


async def test_what_wechat_cannot_take_is_our_fault_loudly_and_the_next_way_is_tried(house: House) -> None:
    member_id = await somebody(house, consents=1)
    await is_told(member_id)
    await database.rows("""UPDATE message SET "values" = '{}'""")  # told with an older template's blanks
    assert await tell_people(tools(house)) == 1
    found = await database.row("SELECT status, problem FROM message_sending")
    assert found is not None
    assert found["status"] == "GAVE_UP"
    assert found["problem"].startswith("WeChat 47003 ")
    reference = found["problem"].split()[-1]
    (line,) = [line for line in house.log_lines() if line.get("reference") == reference]
    assert line["level"] == "error"
    assert await stuck(now=house.now()) == 1
    assert await consents_left(member_id) == 1  # nothing was sent


async def test_a_worker_that_dies_before_it_heard_the_answer_leaves_nothing_that_is_sent_twice(
    house: House,
) -> None:
    await with_a_token(house)
    await is_told(await somebody(house, consents=3), no="O1")
    await fault(house, slow=30)
    dying = asyncio.create_task(tell_people(tools(house)))
    async with asyncio.timeout(30):
        while len(await arrived(house)) < 2:
            await asyncio.sleep(0.01)
    assert await standing() == {"SUBSCRIBE": "SENDING"}  # written before WeChat was asked
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    await fault(house)
    assert await tell_people(tools(house)) == 0
    await house.travel(house.now() + LEASE)
    assert await tell_people(tools(house)) == 0
    assert await standing() == {"SUBSCRIBE": "UNKNOWN"}
    assert len(await arrived(house)) == 2


async def test_several_workers_tell_each_person_once(house: House) -> None:
    members = [await somebody(house, consents=2, follows=True) for _ in range(3)]
    for member_id in members:
        for no in range(3):
            await is_told(member_id, no=f"O{member_id}-{no}")
    await asyncio.gather(*(tell_people(tools(house)) for _ in range(4)))
    brought = [given["character_string1"] for _, given in await arrived(house)]
    assert len(set(brought)) == len(brought) == 9
    assert [kind for kind, _ in await arrived(house)].count("subscribe") == 6
