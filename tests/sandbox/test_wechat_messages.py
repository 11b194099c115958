"""Messages on WeChat's wire: who said yes how often, and what fits a field (参数值内容限制说明)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox.keys import Secrets
from sandbox.wechat.messages import FIELDS
from tests.sandbox.conftest import store_of

SUBSCRIBE, TEMPLATE = "/cgi-bin/message/subscribe/send", "/cgi-bin/message/template/send"


class Sender:
    def __init__(self, http: httpx.AsyncClient, known: Secrets) -> None:
        self.http, self.known = http, known

    async def token(self, *, official: bool = False) -> str:
        known = self.known
        app = (known.official_account_appid, known.official_account_secret)
        if not official:
            app = (known.mini_program_appid, known.mini_program_secret)
        asked = {"grant_type": "client_credential", "appid": app[0], "secret": app[1]}
        return str((await self.http.post("/cgi-bin/stable_token", json=asked)).json()["access_token"])

    async def person(self) -> dict[str, Any]:
        person: dict[str, Any] = (await self.http.post("/_sandbox/people", json={})).json()
        return person

    async def allowed(self, openid: str, times: int) -> Any:
        asked = {"openid": openid, "template_id": "T", "times": times}
        return (await self.http.post("/_sandbox/subscriptions", json=asked)).json()

    async def sends(self, path: str, openid: str, *, token: str = "", **changed: Any) -> Any:
        asked = {"touser": openid, "template_id": "T", "data": {"thing1": {"value": "您好"}}}
        query = {"access_token": token or await self.token(official=path == TEMPLATE)}
        return (await self.http.post(path, params=query, json=asked | changed)).json()["errcode"]


@pytest.fixture
def sender(weixin: httpx.AsyncClient, known: Secrets) -> Sender:
    return Sender(weixin, known)


async def test_yeses_add_up_and_may_all_be_taken_back(sender: Sender) -> None:
    openid = (await sender.person())["openid"]
    await sender.allowed(openid, 1)
    assert (await sender.allowed(openid, 1))["left_over"] == 2
    assert [await sender.sends(SUBSCRIBE, openid) for _ in range(3)] == [0, 0, 43101]
    await sender.allowed(openid, 5)
    assert (await sender.allowed(openid, 0))["left_over"] == 0
    assert await sender.sends(SUBSCRIBE, openid) == 43101
    kept = await store_of(sender.http)
    assert [message["given"] for message in kept["messages"]] == [{"thing1": "您好"}] * 2


async def test_each_app_sends_its_own_messages(sender: Sender) -> None:
    person = await sender.person()
    mine, others = await sender.token(), await sender.token(official=True)
    assert mine != others
    assert await sender.sends(SUBSCRIBE, person["openid"], token=others) == 40001
    assert await sender.sends(TEMPLATE, person["official_openid"], token=mine) == 40001
    assert await sender.sends(TEMPLATE, person["openid"]) == 40003
    assert await sender.sends(SUBSCRIBE, person["official_openid"]) == 40003
    assert await sender.sends(TEMPLATE, person["official_openid"]) == 0


async def test_a_client_msg_id_is_sent_once_in_ten_minutes_to_each(sender: Sender) -> None:
    first, second = [(await sender.person())["official_openid"] for _ in range(2)]
    for openid in (first, first, second):
        assert await sender.sends(TEMPLATE, openid, client_msg_id="m-1") == 0
    assert len((await store_of(sender.http))["messages"]) == 2
    await sender.http.put("/_sandbox/clock", json={"offset_seconds": 601})
    assert await sender.sends(TEMPLATE, first, client_msg_id="m-1") == 0
    assert len((await store_of(sender.http))["messages"]) == 3


@pytest.mark.parametrize(
    "changed",
    [{"data": None}, {"data": {}}, {"data": {"thing1": "您好"}}, {"data": {"song1": {"value": "您好"}}}],
    ids=str,
)
async def test_a_message_without_readable_values_is_refused(sender: Sender, changed: Any) -> None:
    openid = (await sender.person())["official_openid"]
    assert await sender.sends(TEMPLATE, openid, **changed) == 47003
    assert await sender.sends(TEMPLATE, openid, template_id="") == 40037


@pytest.mark.parametrize(
    ("kind", "fits", "does_not"),
    [
        ("thing", ["羽" * 20, "3 号场 A"], ["羽" * 21, "两\n行"]),
        ("number", ["3", "3.5", "1" * 32], ["三", "1" * 33, "3 个"]),
        ("letter", ["ABC"], ["A1", "甲", "A" * 33]),
        ("symbol", ["※"], ["A", "※※※※※※"]),
        ("character_string", ["P20261120-1"], ["订单1", "1" * 33, "a b"]),
        ("time", ["15:01", "2026年11月21日 09:00", "09:00~10:00", "2026-11-21 09:00"], ["九点", "9"]),
        ("date", ["2026年11月21日", "2026.11.21", "11月21日 09:00", "2026/11/21~2026/11/22"], ["明天", "11/21"]),
        ("amount", ["¥45.00", "45元", "45"], ["四十五元", "¥" + "1" * 11]),
        ("phone_number", ["+86-28-85551234"], ["1" * 18, "电话"]),
        ("name", ["李秀英", "A" * 20], ["李" * 11, "A" * 21]),
        ("phrase", ["预订成功", "已取消"], ["OK", "预订已经成功", "成功1"]),
        ("const", ["已取消"], ["已" * 21]),
    ],
)
def test_what_fits_a_field(kind: str, fits: list[str], does_not: list[str]) -> None:
    assert [value for value in fits if not FIELDS[kind](value)] == []
    assert [value for value in does_not if FIELDS[kind](value)] == []


async def test_nobody_says_yes_in_a_strangers_place(sender: Sender) -> None:
    assert "error" in await sender.allowed("oNobody", 1)
    openid = (await sender.person())["openid"]
    assert "error" in await sender.allowed(openid, -1)
