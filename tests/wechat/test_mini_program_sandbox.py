"""Signing in against the sandbox's WeChat, a process that shares no code with us."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.conformance.sandbox_houses import House
from tests.wechat.test_mini_program import Tokens
from wechat.mini_program import MiniProgram, WeChatCodeRefused, WeChatRefused, WeChatUnavailable


@pytest.fixture(autouse=True)
def _no_faults(house: House) -> Iterator[None]:
    yield
    house.switch_on()


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:
        yield http


@pytest.fixture
def shared() -> Tokens:
    return Tokens()


def client(
    http: httpx.AsyncClient, house: House, tokens: Tokens, *, secret: str = "", timeout_s: float = 10
) -> MiniProgram:
    return MiniProgram(
        http,
        base_url=house.base_url,
        appid=house.env["WECHAT_MINI_PROGRAM_APPID"],
        secret=secret or house.env["WECHAT_MINI_PROGRAM_SECRET"],
        tokens=tokens,
        timeout_s=timeout_s,
    )


@pytest.fixture
def real_program(http: httpx.AsyncClient, house: House, shared: Tokens) -> MiniProgram:
    return client(http, house, shared)


def person(house: House, **known: str) -> str:
    return str(house.control("POST", "/_sandbox/people", known).json()["openid"])


def code_of(house: House, kind: str, openid: str) -> str:
    return str(house.control("POST", f"/_sandbox/{kind}-codes", {"openid": openid}).json()["code"])


async def test_a_login_code_works_once_and_each_sign_in_has_its_own_session_key(
    real_program: MiniProgram, house: House
) -> None:
    openid = person(house, unionid="u-1")
    code = code_of(house, "login", openid)
    first = await real_program.code_to_session(code)
    assert (first.openid, first.unionid) == (openid, "u-1")
    with pytest.raises(WeChatCodeRefused) as failure:
        await real_program.code_to_session(code)
    assert (failure.value.errcode, failure.value.retryable) == (40163, True)
    second = await real_program.code_to_session(code_of(house, "login", openid))
    assert second.openid == openid
    assert second.session_key != first.session_key


async def test_a_person_without_unionid_has_none(real_program: MiniProgram, house: House) -> None:
    openid = person(house)
    assert (await real_program.code_to_session(code_of(house, "login", openid))).unionid is None


@pytest.mark.parametrize(("code", "errcode"), [("never-given-out", 40029), ("", 41008)])
async def test_a_code_nobody_gave_out_is_refused(real_program: MiniProgram, code: str, errcode: int) -> None:
    with pytest.raises(WeChatCodeRefused) as failure:
        await real_program.code_to_session(code)
    assert failure.value.errcode == errcode


async def test_a_phone_code_gives_the_number_once(real_program: MiniProgram, house: House) -> None:
    openid = person(house, phone="13800000000")
    code = code_of(house, "phone", openid)
    assert await real_program.phone_number(code) == "+8613800000000"
    with pytest.raises(WeChatCodeRefused):
        await real_program.phone_number(code)


async def test_a_login_code_is_no_phone_code(real_program: MiniProgram, house: House) -> None:
    openid = person(house, phone="13800000000")
    with pytest.raises(WeChatCodeRefused):
        await real_program.phone_number(code_of(house, "login", openid))


async def test_a_token_that_suddenly_fails_is_replaced_without_force(
    real_program: MiniProgram, house: House, shared: Tokens
) -> None:
    openid = person(house, phone="13800000000")
    await real_program.phone_number(code_of(house, "phone", openid))
    before = shared.token
    house.control("POST", "/_sandbox/revoke-access-tokens")
    assert await real_program.phone_number(code_of(house, "phone", openid)) == "+8613800000000"
    assert shared.token != before
    tokens = house.control("GET", "/_sandbox/store").json()["access_tokens"]
    assert not any(token["forced"] for token in tokens)


async def test_a_wrong_secret_is_our_own_fault(http: httpx.AsyncClient, house: House) -> None:
    wrong = client(http, house, Tokens(), secret="wrong")
    for asking in (wrong.code_to_session("x"), wrong.phone_number("x")):
        with pytest.raises(WeChatRefused) as failure:
            await asking
        assert (failure.value.errcode, failure.value.retryable) == (40125, False)


@pytest.mark.parametrize(
    ("fault", "errcode"),
    [
        ({"busy": True}, -1),
        ({"rate_limited": True}, 45011),
        ({"http_500": True}, 0),
        ({"slow": 3}, 0),
        ({"drop_connection": True}, 0),
    ],
)
async def test_when_wechat_is_in_trouble_the_citizen_may_try_again(
    http: httpx.AsyncClient,
    real_program: MiniProgram,
    house: House,
    shared: Tokens,
    fault: dict[str, object],
    errcode: int,
) -> None:
    openid = person(house)
    house.switch_on(**fault)
    hasty = client(http, house, shared, timeout_s=1.5)
    with pytest.raises(WeChatUnavailable) as failure:
        await hasty.code_to_session(code_of(house, "login", openid))
    assert (failure.value.errcode, failure.value.retryable) == (errcode, True)
    house.switch_on()
    fresh = code_of(house, "login", openid)
    assert (await real_program.code_to_session(fresh)).openid == openid
