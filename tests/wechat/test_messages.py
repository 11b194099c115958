"""Subscribe messages and template messages, against the sandbox's WeChat and against answers as documented."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.conformance.sandbox_houses import House
from tests.wechat.test_mini_program import TOKEN, Tokens, WeChat
from tests.wechat.test_official_account import account_of, code_of, person
from wechat.calls import Caller, StableToken, WeChatError, WeChatUnavailable
from wechat.messages import MessageRefused, MiniProgramPage, OfficialMessages, SubscribeMessages, Why

SUBSCRIBE, TEMPLATE = "/cgi-bin/message/subscribe/send", "/cgi-bin/message/template/send"
BOOKED = {"thing1": "羽毛球 3 号场", "date2": "2026年11月21日 09:00", "phrase3": "预订成功"}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:
        yield http


@pytest.fixture
def subscribed(http: httpx.AsyncClient, house: House) -> SubscribeMessages:
    token = StableToken(
        Caller(http, base_url=house.base_url),
        appid=house.env["WECHAT_MINI_PROGRAM_APPID"],
        secret=house.env["WECHAT_MINI_PROGRAM_SECRET"],
        tokens=Tokens(),
    )
    return SubscribeMessages(token)


@pytest.fixture
def official(http: httpx.AsyncClient, house: House) -> OfficialMessages:
    return OfficialMessages(account_of(http, house).token)


@pytest.fixture
async def wechat() -> AsyncIterator[WeChat]:
    wechat = WeChat()
    wechat.answers[TOKEN] = [{"access_token": "app-token", "expires_in": 7200}]
    yield wechat
    await wechat.http.aclose()


def played(wechat: WeChat) -> StableToken:
    caller = Caller(wechat.http, base_url="https://wechat.example")
    return StableToken(caller, appid="wx1", secret="secret", tokens=Tokens())


def sent_to(house: House, openid: str) -> list[Any]:
    messages = house.control("GET", "/_sandbox/store").json()["messages"]
    return [message for message in messages if message["openid"] == openid]


def says_yes(house: House, openid: str, times: int = 1) -> None:
    asked = {"openid": openid, "template_id": "T-BOOKED", "times": times}
    assert house.control("POST", "/_sandbox/subscriptions", asked).status_code == 200


async def refused(sending: Any) -> MessageRefused:
    with pytest.raises(MessageRefused) as error:
        await sending
    assert not error.value.retryable
    return error.value


@pytest.mark.parametrize("broken", [httpx.ReadTimeout("slow"), httpx.Response(502), {"access_token": "no life"}])
async def test_without_a_token_a_message_has_surely_not_left(wechat: WeChat, broken: Any) -> None:
    wechat.answers |= {TOKEN: [broken], SUBSCRIBE: [{"errcode": 0, "errmsg": "ok"}]}
    with pytest.raises(WeChatUnavailable) as error:
        await SubscribeMessages(played(wechat)).send(openid="o1", template_id="T-BOOKED", data=BOOKED)
    assert error.value.never_left
    assert wechat.asked(SUBSCRIBE) == []


async def test_a_message_that_was_refused_for_its_token_has_not_left_when_there_is_no_other_token(
    wechat: WeChat,
) -> None:
    wechat.answers[TOKEN].append(httpx.ReadTimeout("slow"))
    wechat.answers[SUBSCRIBE] = [{"errcode": 40001, "errmsg": "invalid credential"}]
    with pytest.raises(WeChatUnavailable) as error:
        await SubscribeMessages(played(wechat)).send(openid="o1", template_id="T-BOOKED", data=BOOKED)
    assert error.value.never_left
    assert (len(wechat.asked(SUBSCRIBE)), len(wechat.asked(TOKEN))) == (1, 2)


async def test_a_message_whose_own_answer_was_lost_may_have_left(wechat: WeChat) -> None:
    wechat.answers[SUBSCRIBE] = [httpx.ReadTimeout("slow")]
    with pytest.raises(WeChatUnavailable) as error:
        await SubscribeMessages(played(wechat)).send(openid="o1", template_id="T-BOOKED", data=BOOKED)
    assert not error.value.never_left


async def test_each_yes_is_good_for_one_message(subscribed: SubscribeMessages, house: House) -> None:
    openid = person(house)["openid"]
    no = await refused(subscribed.send(openid=openid, template_id="T-BOOKED", data=BOOKED))
    assert (no.reason, no.errcode) == (Why.NO_QUOTA, 43101)
    says_yes(house, openid)
    await subscribed.send(openid=openid, template_id="T-BOOKED", data=BOOKED, page="pages/orders/order?no=1")
    again = await refused(subscribed.send(openid=openid, template_id="T-BOOKED", data=BOOKED))
    assert again.reason is Why.NO_QUOTA
    (message,) = sent_to(house, openid)
    assert (message["given"], message["target"]) == (BOOKED, "pages/orders/order?no=1")


async def test_a_yes_to_one_template_is_none_to_another(subscribed: SubscribeMessages, house: House) -> None:
    openid = person(house)["openid"]
    says_yes(house, openid)
    no = await refused(subscribed.send(openid=openid, template_id="T-OTHER", data=BOOKED))
    assert no.reason is Why.NO_QUOTA


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({"data": {"thing1": "羽" * 21}}, 47003),
        ({"data": {"phrase1": "预订成功了"[:5] + "吗"}}, 47003),
        ({"data": {"phrase1": "OK"}}, 47003),
        ({"data": {"number1": "三"}}, 47003),
        ({"data": {"date1": "明天九点"}}, 47003),
        ({"data": {"thing1": ""}}, 47003),
        ({"data": {}}, 47003),
        ({"template_id": ""}, 40037),
        ({"page": "https://elsewhere.example"}, 41030),
    ],
)
async def test_what_does_not_fit_is_refused_and_uses_up_no_yes(
    subscribed: SubscribeMessages, house: House, changed: Any, errcode: int
) -> None:
    openid = person(house)["openid"]
    says_yes(house, openid)
    asked = {"openid": openid, "template_id": "T-BOOKED", "data": BOOKED}
    no = await refused(subscribed.send(**asked | changed))
    assert (no.reason, no.errcode) == (Why.BAD_TEMPLATE, errcode)
    await subscribed.send(**asked)  # type: ignore[arg-type]


async def test_nobody_by_that_openid_gets_anything(
    subscribed: SubscribeMessages, official: OfficialMessages
) -> None:
    no = await refused(subscribed.send(openid="oNobody", template_id="T-BOOKED", data=BOOKED))
    assert no.reason is Why.UNKNOWN_RECIPIENT
    no = await refused(official.send(openid="oNobody", template_id="T-BOOKED", data=BOOKED, client_msg_id="m-1"))
    assert no.reason is Why.UNKNOWN_RECIPIENT


async def test_the_same_template_message_comes_once(official: OfficialMessages, house: House) -> None:
    openid = person(house)["official_openid"]
    page = MiniProgramPage(appid=house.env["WECHAT_MINI_PROGRAM_APPID"], path="pages/orders/order?no=1")
    for _ in range(2):
        await official.send(openid=openid, template_id="T-1", data=BOOKED, client_msg_id="m-7", page=page)
    await official.send(openid=openid, template_id="T-1", data=BOOKED, client_msg_id="m-8", url="https://h5.test")
    first, second = sent_to(house, openid)
    assert "pages/orders/order?no=1" in first["target"]
    assert second["target"] == "https://h5.test"


async def test_who_does_not_follow_gets_no_template_message(official: OfficialMessages, house: House) -> None:
    openid = person(house)["official_openid"]
    house.control("POST", "/_sandbox/follow", {"openid": openid, "follows": False})
    no = await refused(official.send(openid=openid, template_id="T-1", data=BOOKED, client_msg_id="m-1"))
    assert (no.reason, no.errcode) == (Why.NO_QUOTA, 43004)


async def test_a_token_that_another_system_ended_is_fetched_anew(
    subscribed: SubscribeMessages, house: House
) -> None:
    openid = person(house)["openid"]
    says_yes(house, openid, 2)
    for _ in range(2):
        await subscribed.send(openid=openid, template_id="T-BOOKED", data=BOOKED)
        house.control("POST", "/_sandbox/revoke-access-tokens")
    assert len(sent_to(house, openid)) == 2


async def test_the_mini_programs_token_is_none_of_the_official_accounts(
    subscribed: SubscribeMessages, house: House
) -> None:
    openid = person(house)["official_openid"]
    with pytest.raises(WeChatError) as error:
        await OfficialMessages(subscribed._token).send(
            openid=openid, template_id="T-1", data=BOOKED, client_msg_id="m-1"
        )
    assert error.value.errcode == 40001


async def test_a_page_s_visitor_can_be_written_to(
    official: OfficialMessages, house: House, http: httpx.AsyncClient
) -> None:
    visitor = await account_of(http, house).person(code_of(house, person(house)["openid"]))
    await official.send(openid=visitor.openid, template_id="T-1", data=BOOKED, client_msg_id="m-1")
    assert len(sent_to(house, visitor.openid)) == 1


@pytest.mark.parametrize(
    ("errcode", "reason"),
    [
        (43101, Why.NO_QUOTA),
        (43107, Why.NO_QUOTA),
        (43004, Why.NO_QUOTA),
        (47003, Why.BAD_TEMPLATE),
        (40037, Why.BAD_TEMPLATE),
        (41030, Why.BAD_TEMPLATE),
        (40003, Why.UNKNOWN_RECIPIENT),
    ],
)
async def test_a_refusal_has_a_reason_and_repeats_no_value(wechat: WeChat, errcode: int, reason: Why) -> None:
    wechat.answers[SUBSCRIBE] = [
        {"errcode": errcode, "errmsg": "argument invalid! data.thing1.value 陈女士 invalid"}
    ]
    no = await refused(SubscribeMessages(played(wechat)).send(openid="o1", template_id="T", data=BOOKED))
    assert no.reason is reason
    assert "陈女士" not in str(no)


@pytest.mark.parametrize("errcode", [-1, 45009])
async def test_a_busy_wechat_may_be_asked_again(wechat: WeChat, errcode: int) -> None:
    wechat.answers[TEMPLATE] = [{"errcode": errcode, "errmsg": "later"}]
    sending = OfficialMessages(played(wechat)).send(openid="o1", template_id="T", data=BOOKED, client_msg_id="m-1")
    with pytest.raises(WeChatUnavailable) as error:
        await sending
    assert error.value.retryable
