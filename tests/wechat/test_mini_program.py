"""Signing in and phone numbers, against answers as WeChat's documentation gives them."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from wechat.mini_program import (
    MiniProgram,
    WeChatCodeRefused,
    WeChatError,
    WeChatRefused,
    WeChatUnavailable,
)

APPID, SECRET = "wx8888888888888888", "the-app-secret-of-32-characters-"
SESSION = "/sns/jscode2session"
TOKEN = "/cgi-bin/stable_token"
PHONE = "/wxa/business/getuserphonenumber"
SIGNED_IN = {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "session_key": "tiihtNczf5v6AKRyjwEUhQ==", "unionid": "u1"}


class WeChat:
    """Answers as told, a path's last answer for ever, and keeps what it was asked."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.answers: dict[str, list[Any]] = {}
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def asked(self, path: str) -> list[httpx.Request]:
        return [request for request in self.requests if request.url.path == path]

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        self.requests.append(request)
        answers = self.answers[request.url.path]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            answer = answer()
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)


class Tokens:
    """The store that all processes share."""

    def __init__(self) -> None:
        self.token: str | None = None
        self.lives: list[timedelta] = []
        self._lock = asyncio.Lock()

    async def get(self) -> str | None:
        return self.token

    async def set(self, token: str, life: timedelta) -> None:
        self.token = token
        self.lives.append(life)

    def lock(self) -> AbstractAsyncContextManager[object]:
        return self._lock


@pytest.fixture
async def wechat() -> AsyncIterator[WeChat]:
    wechat = WeChat()
    yield wechat
    await wechat.http.aclose()


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def mini_program(wechat: WeChat, tokens: Tokens) -> MiniProgram:
    return another_process(wechat, tokens)


def another_process(wechat: WeChat, tokens: Tokens) -> MiniProgram:
    return MiniProgram(wechat.http, base_url="https://wechat.example", appid=APPID, secret=SECRET, tokens=tokens)


def phone(country: object = "86", number: str = "13800000000", appid: str = APPID) -> dict[str, Any]:
    return {
        "errcode": 0,
        "errmsg": "ok",
        "phone_info": {
            "phoneNumber": number,
            "purePhoneNumber": number,
            "countryCode": country,
            "watermark": {"timestamp": 1637744274, "appid": appid},
        },
    }


async def test_a_code_becomes_an_identity(mini_program: MiniProgram, wechat: WeChat) -> None:
    wechat.answers[SESSION] = [SIGNED_IN]
    session = await mini_program.code_to_session("0a1b")
    assert (session.openid, session.unionid) == ("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "u1")
    assert session.session_key == "tiihtNczf5v6AKRyjwEUhQ=="
    (request,) = wechat.requests
    assert request.method == "GET"
    assert dict(request.url.params) == {
        "appid": APPID,
        "secret": SECRET,
        "js_code": "0a1b",
        "grant_type": "authorization_code",
    }


async def test_unionid_may_be_absent(mini_program: MiniProgram, wechat: WeChat) -> None:
    wechat.answers[SESSION] = [{name: text for name, text in SIGNED_IN.items() if name != "unionid"}]
    assert (await mini_program.code_to_session("0a1b")).unionid is None


async def test_a_code_with_odd_characters_stays_one_parameter(mini_program: MiniProgram, wechat: WeChat) -> None:
    wechat.answers[SESSION] = [SIGNED_IN]
    await mini_program.code_to_session("a&secret=x#?/中")
    assert wechat.requests[0].url.params["js_code"] == "a&secret=x#?/中"
    assert wechat.requests[0].url.params["secret"] == SECRET


async def test_a_code_longer_than_any_of_wechats_is_refused_unasked(
    mini_program: MiniProgram, wechat: WeChat
) -> None:
    with pytest.raises(WeChatCodeRefused):
        await mini_program.code_to_session("x" * 100_000)
    assert wechat.requests == []


@pytest.mark.parametrize(
    ("errcode", "kind", "retryable"),
    [
        (40029, WeChatCodeRefused, True),
        (40163, WeChatCodeRefused, True),
        (45011, WeChatUnavailable, True),
        (-1, WeChatUnavailable, True),
        (40013, WeChatRefused, False),
        (40125, WeChatRefused, False),
        (40226, WeChatRefused, False),
    ],
)
async def test_a_refusal_keeps_wechats_code_and_says_whether_the_citizen_may_try_again(
    mini_program: MiniProgram, wechat: WeChat, errcode: int, kind: type[WeChatError], retryable: bool
) -> None:
    wechat.answers[SESSION] = [{"errcode": errcode, "errmsg": "reason, rid: 1-2-3"}]
    with pytest.raises(WeChatError) as failure:
        await mini_program.code_to_session("0a1b")
    assert type(failure.value) is kind
    assert (failure.value.errcode, failure.value.retryable) == (errcode, retryable)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("no route"),
        httpx.ReadTimeout("slow"),
        httpx.Response(502, content=b"<html>"),
        httpx.Response(500, json={}),
        httpx.Response(200, content=b"\xff"),
        httpx.Response(200, content=b"[" * 100_000),
        [],
        None,
        1,
        {},
        {"openid": "", "session_key": "k"},
        {"openid": 1, "session_key": "k"},
        {"openid": "o"},
    ],
)
async def test_anything_but_an_identity_means_unavailable(
    mini_program: MiniProgram, wechat: WeChat, answer: Any
) -> None:
    wechat.answers[SESSION] = [answer]
    with pytest.raises(WeChatUnavailable) as failure:
        await mini_program.code_to_session("0a1b")
    assert failure.value.retryable


async def test_neither_session_key_nor_secret_nor_token_shows_anywhere(
    mini_program: MiniProgram, wechat: WeChat, tokens: Tokens, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    tokens.token = "the-access-token"
    wechat.answers[SESSION] = [SIGNED_IN, httpx.ReadTimeout("slow")]
    wechat.answers[PHONE] = [phone()]
    session = await mini_program.code_to_session("the-login-code")
    await mini_program.phone_number("the-phone-code")
    with pytest.raises(WeChatUnavailable) as failure:
        await mini_program.code_to_session("the-login-code")
    assert failure.value.__cause__ is None
    shown = caplog.text + repr(session) + repr(mini_program) + repr(failure.value)
    assert "HTTP Request: GET https://wechat.example/sns/jscode2session" in caplog.text
    for hidden in (session.session_key, SECRET, "the-access-token", "the-login-code", "the-phone-code"):
        assert hidden not in shown


@pytest.mark.parametrize(
    ("country", "number", "expected"),
    [
        ("86", "13800000000", "+8613800000000"),
        (86, "13800000000", "+8613800000000"),
        (852, "51234567", "+85251234567"),
        (1, "2025550123", "+12025550123"),
    ],
)
async def test_a_phone_code_becomes_a_number_with_its_country(
    mini_program: MiniProgram, wechat: WeChat, country: object, number: str, expected: str
) -> None:
    wechat.answers[TOKEN] = [{"access_token": "t1", "expires_in": 7200}]
    wechat.answers[PHONE] = [phone(country, number)]
    assert await mini_program.phone_number("e31968") == expected
    (request,) = wechat.asked(PHONE)
    assert request.url.params["access_token"] == "t1"
    assert json.loads(request.content) == {"code": "e31968"}


@pytest.mark.parametrize(
    "answer",
    [
        phone(appid="wx0000000000000000"),
        phone(country=None),
        phone(country=True),
        phone(number="138 0000"),
        phone(number=""),
        {"errcode": 0, "phone_info": None},
        {"errcode": 0},
    ],
)
async def test_no_phone_number_of_this_app_means_unavailable(
    mini_program: MiniProgram, wechat: WeChat, tokens: Tokens, answer: Any
) -> None:
    tokens.token = "t1"
    wechat.answers[PHONE] = [answer]
    with pytest.raises(WeChatUnavailable):
        await mini_program.phone_number("e31968")


async def test_a_used_phone_code_is_refused_without_touching_the_token(
    mini_program: MiniProgram, wechat: WeChat, tokens: Tokens
) -> None:
    tokens.token = "t1"
    wechat.answers[PHONE] = [{"errcode": 40029, "errmsg": "invalid code"}]
    with pytest.raises(WeChatCodeRefused):
        await mini_program.phone_number("e31968")
    assert wechat.asked(TOKEN) == []


async def test_the_token_is_asked_for_in_stable_mode_and_never_by_force(
    mini_program: MiniProgram, wechat: WeChat, tokens: Tokens
) -> None:
    wechat.answers[TOKEN] = [{"access_token": "t" * 512, "expires_in": 7200}]
    wechat.answers[PHONE] = [phone()]
    await mini_program.phone_number("e31968")
    (request,) = wechat.asked(TOKEN)
    assert json.loads(request.content) == {
        "grant_type": "client_credential",
        "appid": APPID,
        "secret": SECRET,
    }
    assert tokens.token == "t" * 512


@pytest.mark.parametrize(("expires_in", "minutes"), [(7200, 115), (300, 1), (60, 1)])
async def test_a_token_is_kept_until_five_minutes_before_its_end(
    mini_program: MiniProgram, wechat: WeChat, tokens: Tokens, expires_in: int, minutes: int
) -> None:
    wechat.answers[TOKEN] = [{"access_token": "t1", "expires_in": expires_in}]
    wechat.answers[PHONE] = [phone()]
    await mini_program.phone_number("e31968")
    assert tokens.lives == [timedelta(minutes=minutes)]


async def test_many_askers_in_two_processes_refresh_the_token_once(wechat: WeChat, tokens: Tokens) -> None:
    wechat.answers[TOKEN] = [{"access_token": "t1", "expires_in": 7200}]
    wechat.answers[PHONE] = [phone()]
    processes = [another_process(wechat, tokens), another_process(wechat, tokens)]
    await asyncio.gather(*(process.phone_number(f"code{n}") for process in processes for n in range(10)))
    assert len(wechat.asked(TOKEN)) == 1
    assert len(wechat.asked(PHONE)) == 20


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
async def test_a_refused_token_that_another_process_has_replaced_is_just_read_again(
    wechat: WeChat, mini_program: MiniProgram, tokens: Tokens, errcode: int
) -> None:
    tokens.token = "old"

    def replaced() -> httpx.Response:
        tokens.token = "new"
        return httpx.Response(200, json={"errcode": errcode, "errmsg": "invalid credential"})

    wechat.answers[PHONE] = [replaced, phone()]
    assert await mini_program.phone_number("e31968") == "+8613800000000"
    assert [request.url.params["access_token"] for request in wechat.asked(PHONE)] == ["old", "new"]
    assert wechat.asked(TOKEN) == []


async def test_a_refused_token_that_nobody_has_replaced_is_refreshed_once(
    wechat: WeChat, mini_program: MiniProgram, tokens: Tokens
) -> None:
    tokens.token = "old"
    wechat.answers[TOKEN] = [{"access_token": "new", "expires_in": 7200}]
    wechat.answers[PHONE] = [{"errcode": 40001, "errmsg": "invalid credential"}, phone()]
    assert await mini_program.phone_number("e31968") == "+8613800000000"
    assert len(wechat.asked(TOKEN)) == 1
    assert tokens.token == "new"


async def test_a_token_that_stays_refused_ends_the_trying(
    wechat: WeChat, mini_program: MiniProgram, tokens: Tokens
) -> None:
    tokens.token = "old"
    wechat.answers[TOKEN] = [{"access_token": "old", "expires_in": 7200}]
    wechat.answers[PHONE] = [{"errcode": 40001, "errmsg": "invalid credential"}]
    with pytest.raises(WeChatRefused) as failure:
        await mini_program.phone_number("e31968")
    assert failure.value.errcode == 40001
    assert (len(wechat.asked(PHONE)), len(wechat.asked(TOKEN))) == (2, 1)


async def test_a_failed_refresh_frees_the_lock(wechat: WeChat, mini_program: MiniProgram, tokens: Tokens) -> None:
    wechat.answers[TOKEN] = [httpx.ReadTimeout("slow"), {"access_token": "t1", "expires_in": 7200}]
    wechat.answers[PHONE] = [phone()]
    with pytest.raises(WeChatUnavailable):
        await mini_program.phone_number("e31968")
    assert await mini_program.phone_number("e31968") == "+8613800000000"
