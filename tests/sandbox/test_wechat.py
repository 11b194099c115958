"""WeChat's sign-in wire: codes, session keys, access tokens, phone numbers."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox.keys import Secrets
from tests.sandbox.conftest import store_of, switch_on


class App:
    """The mini-program's server side."""

    def __init__(self, http: httpx.AsyncClient, known: Secrets) -> None:
        self.http, self.known = http, known

    async def code(self, kind: str, openid: str) -> str:
        answer = await self.http.post(f"/_sandbox/{kind}-codes", json={"openid": openid})
        return str(answer.json()["code"])

    async def person(self, **about: str) -> str:
        return str((await self.http.post("/_sandbox/people", json=about)).json()["openid"])

    async def sign_in(self, code: str, **changed: str) -> Any:
        query = {
            "appid": self.known.mini_program_appid,
            "secret": self.known.mini_program_secret,
            "js_code": code,
            "grant_type": "authorization_code",
        }
        answer = await self.http.get("/sns/jscode2session", params=query | changed)
        assert answer.status_code == 200
        return answer.json()

    async def token(self, **changed: Any) -> Any:
        asked = {
            "appid": self.known.mini_program_appid,
            "secret": self.known.mini_program_secret,
            "grant_type": "client_credential",
        }
        return (await self.http.post("/cgi-bin/stable_token", json=asked | changed)).json()

    async def phone(self, code: Any, token: str) -> Any:
        url = f"/wxa/business/getuserphonenumber?access_token={token}"
        return (await self.http.post(url, json={"code": code})).json()

    async def move_clock(self, seconds: float) -> None:
        await self.http.put("/_sandbox/clock", json={"offset_seconds": seconds})


@pytest.fixture
def app(weixin: httpx.AsyncClient, known: Secrets) -> App:
    return App(weixin, known)


async def test_each_sign_in_needs_a_fresh_code_and_rotates_the_session_key(app: App) -> None:
    openid = await app.person(unionid="u1")
    code = await app.code("login", openid)
    first = await app.sign_in(code)
    assert (await app.sign_in(code))["errcode"] == 40163
    second = await app.sign_in(await app.code("login", openid))
    assert first["openid"] == second["openid"] == openid
    assert first["unionid"] == "u1"
    assert first["session_key"] != second["session_key"]
    assert "errcode" not in first


async def test_someone_without_unionid_signs_in_without_one(app: App) -> None:
    assert "unionid" not in await app.sign_in(await app.code("login", await app.person()))


async def test_a_refused_sign_in_leaves_the_code_unused(app: App) -> None:
    code = await app.code("login", await app.person())
    assert (await app.sign_in(code, appid="wx0"))["errcode"] == 40013
    assert (await app.sign_in(code, secret="wrong"))["errcode"] == 40125
    assert (await app.sign_in(code, grant_type="password"))["errcode"] == 40002
    await switch_on(app.http, rate_limited=True)
    assert (await app.sign_in(code))["errcode"] == 45011
    await switch_on(app.http, busy=True)
    assert (await app.sign_in(code))["errcode"] == -1
    await switch_on(app.http, http_500=True)
    assert (await app.http.get("/sns/jscode2session")).status_code == 500
    await switch_on(app.http)
    assert "openid" in await app.sign_in(code)


async def test_unknown_old_and_foreign_codes_are_invalid(app: App) -> None:
    openid = await app.person(phone="13800000000")
    old, phone_code = await app.code("login", openid), await app.code("phone", openid)
    assert (await app.sign_in("nonsense"))["errcode"] == 40029
    assert (await app.sign_in(phone_code))["errcode"] == 40029
    assert (await app.sign_in(""))["errcode"] == 41008
    await app.move_clock(301)
    assert (await app.sign_in(old))["errcode"] == 40029


async def test_a_phone_code_gives_the_number_once(app: App) -> None:
    openid = await app.person(phone="13800000000")
    token = (await app.token())["access_token"]
    code = await app.code("phone", openid)
    info = (await app.phone(code, token))["phone_info"]
    assert (info["phoneNumber"], info["countryCode"]) == ("13800000000", 86)
    assert (await app.phone(code, token))["errcode"] == 40163
    assert (await app.phone(await app.code("login", openid), token))["errcode"] == 40029
    assert (await app.phone(5, token))["errcode"] == 40029


async def test_a_wrong_access_token_leaves_the_phone_code_unused(app: App) -> None:
    code = await app.code("phone", await app.person(phone="13800000000"))
    token = (await app.token())["access_token"]
    assert (await app.phone(code, ""))["errcode"] == 41001
    assert (await app.phone(code, "wrong"))["errcode"] == 40001
    await app.http.post("/_sandbox/revoke-access-tokens")
    assert (await app.phone(code, token))["errcode"] == 40001
    assert (await app.phone(code, (await app.token())["access_token"]))["errcode"] == 0


async def test_the_stable_token_is_renewed_five_minutes_early_and_the_old_one_lives_on(app: App) -> None:
    first = await app.token()
    assert (first["expires_in"], len(first["access_token"])) == (7200, 511)
    await app.move_clock(6890)
    assert (await app.token())["access_token"] == first["access_token"]
    await app.move_clock(6910)
    second = await app.token()
    assert second["access_token"] != first["access_token"]
    assert (await app.phone("nonsense", first["access_token"]))["errcode"] == 40029
    await app.move_clock(7201)
    assert (await app.phone("nonsense", first["access_token"]))["errcode"] == 42001


async def test_a_forced_refresh_ends_the_old_token_at_most_every_30_seconds_and_20_times_a_day(app: App) -> None:
    first = (await app.token())["access_token"]
    second = (await app.token(force_refresh=True))["access_token"]
    assert second != first
    assert (await app.phone("nonsense", first))["errcode"] == 40001
    assert (await app.token(force_refresh=True))["access_token"] == second
    for minute in range(1, 20):
        await app.move_clock(60 * minute)
        assert "access_token" in await app.token(force_refresh=True)
    await app.move_clock(60 * 20)
    assert (await app.token(force_refresh=True))["errcode"] == 45009
    assert "access_token" in await app.token()


async def test_a_hundred_sign_ins_a_minute_are_enough(app: App) -> None:
    openid = await app.person()
    for _ in range(100):
        assert "openid" in await app.sign_in(await app.code("login", openid))
    code = await app.code("login", openid)
    assert (await app.sign_in(code))["errcode"] == 45011
    await app.move_clock(61)
    assert "openid" in await app.sign_in(code)


async def test_malformed_bodies_are_refused_and_controls_say_what_is_missing(app: App) -> None:
    for body in ("null", "{", "[" * 100_000):
        assert (await app.http.post("/cgi-bin/stable_token", content=body)).json()["errcode"] == 47001
        assert (await app.http.post("/_sandbox/people", content=body)).status_code == 400
    no_phone = await app.http.post("/_sandbox/phone-codes", json={"openid": await app.person()})
    nobody = await app.http.post("/_sandbox/login-codes", json={"openid": "o0"})
    assert (no_phone.status_code, nobody.status_code) == (400, 400)
    assert (await app.http.post("/_sandbox/people", json={"phone": "138 0000"})).status_code == 400
    assert len((await store_of(app.http))["people"]) == 1


async def test_what_is_learned_of_a_person_is_added(app: App) -> None:
    openid = await app.person(unionid="u1")
    await app.person(openid=openid, phone="13800000000")
    [person] = (await store_of(app.http))["people"]
    assert (person["unionid"], person["phone"]) == ("u1", "13800000000")
