"""Risk ranks against the sandbox's WeChat, a process that shares no code with us."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.conformance.sandbox_houses import House
from tests.wechat.test_mini_program import Tokens
from tests.wechat.test_mini_program_sandbox import client, code_of, person
from wechat.mini_program import MiniProgram
from wechat.risk import ABOUT_THE_PERSON, RiskRanks, WeChatRefused, WeChatUnavailable

OURS = "203.0.113.7"


@pytest.fixture(autouse=True)
def _no_faults(house: House) -> Iterator[None]:
    yield
    house.switch_on()


@pytest.fixture
async def program(house: House) -> AsyncIterator[MiniProgram]:
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:
        yield client(http, house, Tokens())


def asking(program: MiniProgram, *, appid: str = "", client_ip: str = OURS) -> RiskRanks:
    return RiskRanks(program.token, appid=appid or program.appid, client_ip=client_ip)


async def somebody(program: MiniProgram, house: House) -> str:
    """Who signed in just now."""
    openid = person(house)
    await program.code_to_session(code_of(house, "login", openid))
    return openid


async def test_whoever_was_there_just_now_has_a_rank(program: MiniProgram, house: House) -> None:
    openid = await somebody(program, house)
    assert await asking(program).rank_of(openid) == 0
    house.control("POST", "/_sandbox/risk-ranks", {"openid": openid, "risk_rank": 4})
    assert await asking(program).rank_of(openid) == 4


async def test_what_wechat_does_not_know_of_a_person_is_told_apart_from_wrong_settings(
    program: MiniProgram, house: House
) -> None:
    openid = await somebody(program, house)
    for asker, whose, errcode in (
        (asking(program), person(house), 61010),  # never came
        (asking(program), "o-nobody", 40003),
        (asking(program, appid="wx-another"), openid, 43104),
    ):
        with pytest.raises(WeChatRefused) as refused:
            await asker.rank_of(whose)
        assert refused.value.errcode == errcode
        assert errcode in ABOUT_THE_PERSON
    with pytest.raises(WeChatRefused) as refused:
        await asking(program, client_ip="nowhere").rank_of(openid)
    assert refused.value.errcode not in ABOUT_THE_PERSON


@pytest.mark.parametrize("fault", ["busy", "rate_limited", "drop_connection"])
async def test_a_wechat_that_has_no_time_is_unavailable(program: MiniProgram, house: House, fault: str) -> None:
    openid = await somebody(program, house)
    house.switch_on(**{fault: True})
    with pytest.raises(WeChatUnavailable):
        await asking(program).rank_of(openid)


@pytest.mark.parametrize(
    "answer", [b'{"errcode":0}', b'{"risk_rank":5}', b'{"risk_rank":true}', b'{"risk_rank":"1"}']
)
async def test_an_answer_without_a_rank_is_none(answer: bytes) -> None:
    async def answered(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=answer)

    tokens = Tokens()
    await tokens.set("a token", life=None)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=httpx.MockTransport(answered)) as http:
        program = MiniProgram(http, base_url="http://wechat", appid="wx1", secret="s", tokens=tokens)
        with pytest.raises(WeChatUnavailable):
            await asking(program).rank_of("o1")
