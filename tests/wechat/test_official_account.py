"""Who opened a page of the official account, against the sandbox's WeChat and against answers as documented."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.conformance.sandbox_houses import House
from tests.wechat.test_mini_program import Tokens, WeChat
from wechat.calls import WeChatCodeRefused, WeChatError, WeChatRefused, WeChatUnavailable
from wechat.official_account import OfficialAccount, WeChatSnapshotVisitor

TOKEN, USERINFO = "/sns/oauth2/access_token", "/sns/userinfo"
ANSWER = {
    "access_token": "page-token",
    "expires_in": 7200,
    "refresh_token": "refresh",
    "openid": "oOfficial",
    "scope": "snsapi_base",
}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:
        yield http


@pytest.fixture
def account(http: httpx.AsyncClient, house: House) -> OfficialAccount:
    return account_of(http, house)


def account_of(http: httpx.AsyncClient, house: House, *, secret: str = "") -> OfficialAccount:
    return OfficialAccount(
        http,
        base_url=house.base_url,
        open_url=house.base_url,
        appid=house.env["WECHAT_OFFICIAL_ACCOUNT_APPID"],
        secret=secret or house.env["WECHAT_OFFICIAL_ACCOUNT_SECRET"],
        tokens=Tokens(),
    )


@pytest.fixture
async def wechat() -> AsyncIterator[WeChat]:
    wechat = WeChat()
    yield wechat
    await wechat.http.aclose()


def played(wechat: WeChat) -> OfficialAccount:
    return OfficialAccount(
        wechat.http,
        base_url="https://wechat.example",
        open_url="https://open.example/",
        appid="wxofficial",
        secret="secret",
        tokens=Tokens(),
    )


def person(house: House, **known: str) -> Any:
    return house.control("POST", "/_sandbox/people", known).json()


def code_of(house: House, openid: str, **how: Any) -> str:
    return str(house.control("POST", "/_sandbox/official-codes", {"openid": openid, **how}).json()["code"])


def test_the_address_has_the_order_and_the_end_that_wechat_demands(wechat: WeChat) -> None:
    address = played(wechat).authorize_url(
        redirect_uri="https://h5.example.cn/in?from=a&b=1", state="s1", with_userinfo=False
    )
    assert address == (
        "https://open.example/connect/oauth2/authorize?appid=wxofficial"
        "&redirect_uri=https%3A%2F%2Fh5.example.cn%2Fin%3Ffrom%3Da%26b%3D1"
        "&response_type=code&scope=snsapi_base&state=s1#wechat_redirect"
    )
    assert "scope=snsapi_userinfo" in played(wechat).authorize_url(
        redirect_uri="https://h5.example.cn", state="", with_userinfo=True
    )


async def test_a_visitor_comes_back_with_a_code_that_says_who_they_are(
    account: OfficialAccount, house: House, http: httpx.AsyncClient
) -> None:
    known = person(house, phone="13800000001")
    address = account.authorize_url(redirect_uri="http://h5.test/in?x=1", state="s1", with_userinfo=False)
    asking = address.partition("#")[0]
    assert known["openid"] in (await http.get(asking)).text
    sent_back = await http.post(asking, data={"openid": known["openid"]})
    assert sent_back.status_code == 302
    target = urlsplit(sent_back.headers["location"])
    assert (target.netloc, target.path) == ("h5.test", "/in")
    query = parse_qs(target.query)
    assert (query["x"], query["state"]) == (["1"], ["s1"])
    found = await account.person(query["code"][0])
    assert (found.openid, found.unionid) == (known["official_openid"], None)
    assert found.openid != known["openid"]


async def test_a_code_works_once(account: OfficialAccount, house: House) -> None:
    code = code_of(house, person(house)["openid"])
    await account.person(code)
    with pytest.raises(WeChatCodeRefused):
        await account.person(code)
    for never in ("", "nonsense", "x" * 100_000):
        with pytest.raises(WeChatCodeRefused):
            await account.person(never)


async def test_the_unionid_is_the_mini_programs_and_comes_with_userinfo_only(
    account: OfficialAccount, house: House
) -> None:
    known = person(house, unionid="u-1")
    silent = await account.person(code_of(house, known["openid"], scope="snsapi_base"))
    asked = await account.person(code_of(house, known["openid"], scope="snsapi_userinfo"))
    assert (silent.unionid, asked.unionid) == (None, "u-1")
    assert silent.openid == asked.openid


async def test_a_visitor_of_a_snapshot_is_nobody(account: OfficialAccount, house: House) -> None:
    code = code_of(house, person(house)["openid"], snapshot=True)
    with pytest.raises(WeChatSnapshotVisitor):
        await account.person(code)


async def test_a_wrong_secret_is_our_fault(http: httpx.AsyncClient, house: House) -> None:
    with pytest.raises(WeChatRefused) as refused:
        await account_of(http, house, secret="wrong").person(code_of(house, person(house)["openid"]))
    assert (refused.value.errcode, refused.value.retryable) == (40125, False)


async def test_a_unionid_that_the_token_does_not_bring_is_asked_for(wechat: WeChat) -> None:
    wechat.answers[TOKEN] = [ANSWER | {"scope": "snsapi_userinfo"}]
    wechat.answers[USERINFO] = [{"openid": "oOfficial", "nickname": "微信用户", "unionid": "u-2"}]
    assert (await played(wechat).person("0a1b")).unionid == "u-2"
    assert dict(wechat.asked(USERINFO)[0].url.params)["access_token"] == "page-token"
    assert "nickname" not in repr(await played(wechat).person("0a1b"))


async def test_without_userinfo_nothing_more_is_asked(wechat: WeChat) -> None:
    wechat.answers[TOKEN] = [ANSWER]
    assert (await played(wechat).person("0a1b")).unionid is None
    assert len(wechat.requests) == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"errcode": 40029, "errmsg": "invalid code"}, WeChatCodeRefused),
        ({"errcode": -1, "errmsg": "system error"}, WeChatUnavailable),
        ({"errcode": 40013, "errmsg": "invalid appid"}, WeChatRefused),
        ({"access_token": "t", "scope": "snsapi_base"}, WeChatUnavailable),
        (httpx.ReadTimeout("late"), WeChatUnavailable),
    ],
    ids=str,
)
async def test_what_wechat_refuses_is_known_by_its_kind(
    wechat: WeChat, answer: Any, kind: type[WeChatError]
) -> None:
    wechat.answers[TOKEN] = [answer]
    with pytest.raises(kind) as refused:
        await played(wechat).person("0a1b")
    assert "secret" not in str(refused.value)
