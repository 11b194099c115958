"""The official account's OAuth as WeChat's wire has it, and the page where one chooses who one is."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from sandbox.keys import Secrets

PAGE = "/connect/oauth2/authorize"


class Account:
    """The official account's server side."""

    def __init__(self, http: httpx.AsyncClient, known: Secrets) -> None:
        self.http, self.known = http, known

    def query(self, **changed: str) -> dict[str, str]:
        return {
            "appid": self.known.official_account_appid,
            "redirect_uri": "http://h5.test/in",
            "response_type": "code",
            "scope": "snsapi_base",
            "state": "s1",
        } | changed

    async def person(self, **about: str) -> dict[str, Any]:
        person: dict[str, Any] = (await self.http.post("/_sandbox/people", json=about)).json()
        return person

    async def code(self, openid: str, **how: Any) -> str:
        return str(
            (await self.http.post("/_sandbox/official-codes", json={"openid": openid, **how})).json()["code"]
        )

    async def token(self, code: str, **changed: str) -> Any:
        query = {
            "appid": self.known.official_account_appid,
            "secret": self.known.official_account_secret,
            "code": code,
            "grant_type": "authorization_code",
        }
        return (await self.http.get("/sns/oauth2/access_token", params=query | changed)).json()

    async def userinfo(self, access_token: str, openid: str) -> Any:
        query = {"access_token": access_token, "openid": openid, "lang": "zh_CN"}
        return (await self.http.get("/sns/userinfo", params=query)).json()


@pytest.fixture
def account(weixin: httpx.AsyncClient, known: Secrets) -> Account:
    return Account(weixin, known)


async def test_somebody_new_may_come_in_by_the_page(account: Account) -> None:
    asked = await account.http.get(PAGE, params=account.query())
    assert "以新人进入" in asked.text
    sent_back = await account.http.post(PAGE, params=account.query())
    assert sent_back.status_code == 302
    query = parse_qs(urlsplit(sent_back.headers["location"]).query)
    assert query["state"] == ["s1"]
    assert (await account.token(query["code"][0]))["scope"] == "snsapi_base"


@pytest.mark.parametrize(
    "changed",
    [
        {"appid": "wx0"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": ""},
        {"response_type": "token"},
        {"scope": "snsapi_login"},
        {"state": "a b"},
        {"state": "s" * 129},
    ],
    ids=str,
)
async def test_the_page_sends_nobody_anywhere_when_its_address_is_wrong(
    account: Account, changed: dict[str, str]
) -> None:
    for answer in (
        await account.http.get(PAGE, params=account.query(**changed)),
        await account.http.post(PAGE, params=account.query(**changed)),
    ):
        assert answer.status_code == 400
        assert "暂时不能进入" in answer.text


async def test_a_code_is_good_for_five_minutes_once_and_for_this_account_only(account: Account) -> None:
    openid = (await account.person())["openid"]
    code = await account.code(openid)
    assert (await account.token(code, secret="wrong"))["errcode"] == 40125
    program = {"appid": account.known.mini_program_appid, "secret": account.known.mini_program_secret}
    assert (await account.token(code, **program))["errcode"] == 40013
    assert (await account.token(code, grant_type="password"))["errcode"] == 40002
    assert "openid" in await account.token(code)
    assert (await account.token(code))["errcode"] == 40163
    assert (await account.token(""))["errcode"] == 41008
    late = await account.code(openid)
    await account.http.put("/_sandbox/clock", json={"offset_seconds": 301})
    assert (await account.token(late))["errcode"] == 40029


async def test_one_person_has_two_openids_and_one_unionid(account: Account) -> None:
    person = await account.person(unionid="u-1")
    assert person["official_openid"] != person["openid"]
    assert (await account.person(openid=person["openid"]))["official_openid"] == person["official_openid"]
    given = await account.token(await account.code(person["openid"], scope="snsapi_userinfo"))
    assert (given["openid"], given["unionid"]) == (person["official_openid"], "u-1")
    assert (await account.userinfo(given["access_token"], given["openid"]))["unionid"] == "u-1"


async def test_who_was_not_asked_is_not_told_of(account: Account) -> None:
    person = await account.person(unionid="u-1")
    given = await account.token(await account.code(person["openid"]))
    assert "unionid" not in given
    assert (await account.userinfo(given["access_token"], given["openid"]))["errcode"] == 48001
    assert (await account.userinfo(given["access_token"], "oOther"))["errcode"] == 40003
    assert (await account.userinfo("wrong", given["openid"]))["errcode"] == 40001


async def test_in_a_snapshot_everybody_is_somebody_made_up(account: Account) -> None:
    person = await account.person(unionid="u-1")
    given = [
        await account.token(await account.code(person["openid"], scope="snsapi_userinfo", snapshot=True))
        for _ in range(2)
    ]
    assert [one["is_snapshotuser"] for one in given] == [1, 1]
    assert len({one["openid"] for one in given} | {person["official_openid"]}) == 3
    assert all("unionid" not in one for one in given)


async def test_codes_are_handed_out_for_people_only(account: Account) -> None:
    for asked in ({"openid": "oNobody"}, {}, {"openid": (await account.person())["openid"], "scope": "all"}):
        assert (await account.http.post("/_sandbox/official-codes", json=asked)).status_code == 400
