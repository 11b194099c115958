"""Who came in by Alipay: alipay.system.oauth.token against the sandbox and against answers as documented."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import httpx
import pytest

from payments.alipay import Alipay, AlipayCodeRefused, App, KeyTrust, load_private_key, load_public_key
from payments.alipay.people import METHOD
from payments.port import PaymentError
from sandbox import alipay as alipay_house
from sandbox.keys import make_keys
from tests.payments.alipay_platform import GATEWAY, STRANGERS_KEY, answer, app, our_seal_holds, refused

TOKENS = {"access_token": "authbseB1", "expires_in": "1296000", "refresh_token": "authbseB2", "re_expires_in": "1"}


@dataclass
class Line:
    """Stands where the network would be."""

    says: bytes = b""
    requests: list[httpx.Request] = field(default_factory=list)

    def client(self) -> Alipay:
        http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        return Alipay(http, gateway_url=GATEWAY, app=app(), clock=lambda: datetime(2026, 11, 20, 2, 0, tzinfo=UTC))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(200, content=self.says)


def signed_without_code(**told: Any) -> bytes:
    """An answer of this old method, which has no code where it is no refusal."""
    return answer(METHOD, json.dumps({**TOKENS, **told}, separators=(",", ":")))


@pytest.fixture
def line() -> Line:
    return Line()


async def test_what_is_asked_are_parameters_of_their_own_and_the_code_is_in_no_address(line: Line) -> None:
    line.says = signed_without_code(user_id="2088102150477652")
    assert await line.client().person("4b203fe6c11548bcabd8da5bb087a83b") == "2088102150477652"
    (request,) = line.requests
    assert b"4b203fe6" not in request.url.query
    body = {name: text for name, [text] in parse_qs(request.content.decode()).items()}
    assert body == {"grant_type": "authorization_code", "code": "4b203fe6c11548bcabd8da5bb087a83b"}
    parameters = dict(parse_qsl(request.url.query.decode()))
    assert parameters["method"] == METHOD
    assert "biz_content" not in parameters
    assert our_seal_holds(parameters | body)


async def test_an_app_that_is_told_no_user_id_is_told_the_open_id(line: Line) -> None:
    line.says = signed_without_code(open_id="074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5")
    assert (await line.client().person("c1")).startswith("074a1CcTG1")
    line.says = signed_without_code(user_id="2088102150477652", open_id="074a1")
    assert await line.client().person("c1") == "2088102150477652"


async def test_a_code_that_alipay_refuses_has_a_refusal_of_its_own(line: Line) -> None:
    line.says = answer(METHOD, refused("isv.code-invalid", "40002"), node="error_response")
    with pytest.raises(AlipayCodeRefused) as error:
        await line.client().person("c1")
    assert (error.value.code, error.value.may_have_happened) == ("isv.code-invalid", False)


@pytest.mark.parametrize("code", ["", "c" * 41])
async def test_what_can_be_no_code_asks_nobody(line: Line, code: str) -> None:
    with pytest.raises(AlipayCodeRefused):
        await line.client().person(code)
    assert line.requests == []


@pytest.mark.parametrize(
    ("says", "code"),
    [
        (answer(METHOD, refused("isv.unmatched-app-id", "40002"), node="error_response"), "isv.unmatched-app-id"),
        (answer(METHOD, refused("aop.ACQ.SYSTEM_ERROR", "20000"), node="error_response"), "aop.ACQ.SYSTEM_ERROR"),
        (answer(METHOD, '{"user_id":"2088102150477652"}', key=STRANGERS_KEY), "FORGED_ANSWER"),
        (answer(METHOD, '{"user_id":"2088102150477652"}', key=None), "FORGED_ANSWER"),
        (answer(METHOD, '{"access_token":"t"}'), "UNREADABLE_ANSWER"),
        (answer(METHOD, '{"user_id":2088102150477652}'), "UNREADABLE_ANSWER"),
        (b"<html>", "UNREADABLE_ANSWER"),
    ],
    ids=range(7),
)
async def test_whatever_else_comes_is_nobody(line: Line, says: bytes, code: str) -> None:
    line.says = says
    with pytest.raises(PaymentError) as error:
        await line.client().person("c1")
    assert error.value.code == code
    assert not isinstance(error.value, AlipayCodeRefused)


# ---- at the sandbox


@dataclass
class Gateway:
    http: httpx.AsyncClient
    folder: Path

    def client(self) -> Alipay:
        env = dict(line.split("=", 1) for line in (self.folder / "product.env").read_text().splitlines())
        us = App(
            app_id=env["ALIPAY_APP_ID"],
            seller_id=env["ALIPAY_SELLER_ID"],
            private_key=load_private_key((self.folder / "alipay_app_key.pem").read_bytes()),
            trust=KeyTrust((load_public_key((self.folder / "alipay_public_key.pem").read_bytes()),)),
            notify_url="http://shop.test",
        )
        return Alipay(
            self.http, gateway_url="http://alipay.test/gateway.do", app=us, clock=lambda: datetime.now(UTC)
        )

    async def code(self, **who: str) -> str:
        return str((await self.http.post("/_sandbox/auth-codes", json=who)).json()["auth_code"])


@pytest.fixture(scope="module")
def _keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alipay-people")
    make_keys(folder)
    return folder


@pytest.fixture
async def gateway(_keys: Path) -> AsyncIterator[Gateway]:
    (_keys / "alipay.sqlite3").unlink(missing_ok=True)
    transport = httpx.ASGITransport(alipay_house.create_app(_keys))
    async with httpx.AsyncClient(transport=transport, base_url="http://alipay.test") as http:
        yield Gateway(http, _keys)


async def test_the_same_person_is_the_same_each_time_and_each_code_works_once(gateway: Gateway) -> None:
    people = [(await gateway.http.post("/_sandbox/people", json={})).json()["buyer_user_id"] for _ in range(2)]
    for person in people:
        code = await gateway.code(buyer_user_id=person)
        assert await gateway.client().person(code) == person
        with pytest.raises(AlipayCodeRefused):
            await gateway.client().person(code)
        assert await gateway.client().person(await gateway.code(buyer_user_id=person)) == person


async def test_a_code_lives_for_a_day(gateway: Gateway) -> None:
    code = await gateway.code()
    await gateway.http.put("/_sandbox/clock", json={"offset_seconds": -86_500})
    old = await gateway.code()
    await gateway.http.put("/_sandbox/clock", json={"offset_seconds": 0})
    with pytest.raises(AlipayCodeRefused):
        await gateway.client().person(old)
    assert await gateway.client().person(code)


async def test_at_an_app_of_open_ids_people_have_another_name(gateway: Gateway) -> None:
    person = (await gateway.http.post("/_sandbox/people", json={})).json()
    await gateway.http.put("/_sandbox/faults", json={"open_id_only": True})
    assert (
        await gateway.client().person(await gateway.code(buyer_user_id=person["buyer_user_id"]))
        == (person["buyer_open_id"])
    )


async def test_unknown_codes_and_kinds_of_asking_are_refused(gateway: Gateway) -> None:
    with pytest.raises(AlipayCodeRefused):
        await gateway.client().person("0" * 32)
    assert (await gateway.http.post("/_sandbox/auth-codes", json={"buyer_user_id": "2088"})).status_code == 404
