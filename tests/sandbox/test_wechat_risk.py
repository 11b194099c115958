"""WeChat's risk ranks: of whoever was there lately, and what it refuses."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox.keys import Secrets
from tests.sandbox.conftest import store_of
from tests.sandbox.test_wechat import App


@pytest.fixture
def app(weixin: httpx.AsyncClient, known: Secrets) -> App:
    return App(weixin, known)


async def rank(app: App, openid: str, /, **changed: Any) -> Any:
    token = (await app.token())["access_token"]
    asked = {"appid": app.known.mini_program_appid, "openid": openid, "scene": 1, "client_ip": "203.0.113.7"}
    return (await app.http.post(f"/wxa/getuserriskrank?access_token={token}", json=asked | changed)).json()


async def arrived(app: App) -> str:
    openid = await app.person()
    await app.sign_in(await app.code("login", openid))
    return openid


async def test_a_rank_is_nought_until_it_is_told(app: App) -> None:
    openid = await arrived(app)
    assert (await rank(app, openid))["risk_rank"] == 0
    await app.http.post("/_sandbox/risk-ranks", json={"openid": openid, "risk_rank": 3})
    answer = await rank(app, openid)
    assert (answer["errcode"], answer["risk_rank"]) == (0, 3)
    assert (await store_of(app.http))["risk_ranks"] == [{"openid": openid, "risk_rank": 3}]


async def test_two_hours_after_the_sign_in_wechat_knows_nothing_any_more(app: App) -> None:
    openid = await arrived(app)
    await app.move_clock(2 * 3600 - 60)
    assert (await rank(app, openid))["errcode"] == 0
    await app.move_clock(2 * 3600 + 60)
    assert (await rank(app, openid))["errcode"] == 61010


async def test_each_thing_that_is_missing_or_wrong_has_its_code(app: App) -> None:
    openid = await arrived(app)
    for changed, errcode in (
        ({"openid": ""}, 44002),
        ({"client_ip": ""}, 44002),
        ({"client_ip": "nowhere"}, 47001),
        ({"appid": "wx-another"}, 43104),
        ({"scene": 7}, 40129),
        ({"scene": "1"}, 40129),
        ({"openid": "o-nobody"}, 40003),
        ({"openid": await app.person()}, 61010),
    ):
        assert (await rank(app, openid, **changed))["errcode"] == errcode
    answer = await app.http.post("/wxa/getuserriskrank?access_token=none", json={})
    assert answer.json()["errcode"] == 40001
    for wrong in ({"openid": openid, "risk_rank": 5}, {"openid": openid}, {"risk_rank": 1}):
        assert (await app.http.post("/_sandbox/risk-ranks", json=wrong)).status_code == 400
