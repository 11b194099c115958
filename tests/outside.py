"""WeChat Pay as the rooms' tests meet it: the real sandbox on loopback, our real client, and one clock for both.

    async def test_…(db, outside, now): …

`outside` begins at `now` with empty books. Notices land in its letter box, signed and sealed as they came; a test
hands them in when, in which order and as often as it likes. `travel` moves the clock of both sides.
"""

import asyncio
import contextlib
import secrets
import shutil
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from models.checkout.refunding import record_refund
from models.checkout.settling import Settled, settle_notice
from payments.port import (
    ChannelPayment,
    ChannelRefund,
    CloseResult,
    EchoNotice,
    PaymentChannel,
    PaymentNotice,
    Prepayment,
    PrepayRequest,
    RefundNotice,
    RefundRequest,
)
from payments.wechat_pay.client import WeChatPay
from payments.wechat_pay.merchant import Merchant
from sandbox import wechat_pay
from sandbox.keys import make_keys

WECHAT_PAY = "WECHAT_PAY"
LETTER_BOX = "/payments/wechat-pay/notices"
LONGEST_WAIT_S = 5.0

T = TypeVar("T")


@dataclass(frozen=True)
class Letter:
    """A notice as it came over the wire."""

    headers: Mapping[str, str]
    body: bytes


@dataclass
class Outside:
    """The simulated WeChat Pay, and us as its merchant."""

    http: httpx.AsyncClient
    letters: list[Letter]
    env: Mapping[str, str]
    folder: Path
    offset: timedelta = timedelta()
    channel: WeChatPay = field(init=False)

    def __post_init__(self) -> None:
        self.appid = self.env["WECHAT_MINI_PROGRAM_APPID"]
        self.mchid = self.env["WECHAT_PAY_MCHID"]
        self.channel = WeChatPay(
            self.http,
            base_url=str(self.http.base_url),
            merchant=Merchant(
                mchid=self.mchid,
                appid=self.appid,
                certificate_serial=self.env["WECHAT_PAY_MERCHANT_SERIAL"],
                private_key=_private_key(self.folder),
                apiv3_key=self.env["WECHAT_PAY_APIV3_KEY"].encode(),
                notify_url=f"{self.http.base_url}".rstrip("/") + LETTER_BOX,
            ),
            public_keys={self.env["WECHAT_PAY_PUBLIC_KEY_ID"]: _public_key(self.folder)},
            clock=self.now,
            nonce=lambda: secrets.token_hex(16),
            timeout_s=LONGEST_WAIT_S,
        )

    @property
    def channels(self) -> dict[str, PaymentChannel]:
        return {WECHAT_PAY: self.channel}

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    async def travel(self, to: datetime) -> None:
        """From here on it is `to`, for us and for WeChat Pay."""
        self.offset = to - datetime.now(UTC)
        await self._control("/_sandbox/clock", offset_seconds=self.offset.total_seconds())

    async def switch_on(self, **faults: Any) -> None:
        """Exactly these faults; without any, none."""
        await self._control("/_sandbox/faults", **faults)

    async def books(self) -> Any:
        """WeChat Pay's own books (sandbox/README.md)."""
        return (await self.http.get("/_sandbox/store")).json()

    async def pay(self, invocation: Mapping[str, str], **how: Any) -> None:
        """The citizen confirms in the payment sheet that these parameters of wx.requestPayment open."""
        answer = await self.try_to_pay(invocation, **how)
        assert answer.status_code == 200, answer.text

    async def try_to_pay(self, invocation: Mapping[str, str], **how: Any) -> httpx.Response:
        return await self.http.post("/_sandbox/pay", json={**invocation, **how})

    async def wait_for_letters(self, count: int) -> list[Letter]:
        """All letters, once there are `count`."""
        deadline = time.monotonic() + LONGEST_WAIT_S
        while len(self.letters) < count:
            assert time.monotonic() < deadline, f"{len(self.letters)} of {count} notices came in time"
            await asyncio.sleep(0.002)
        return self.letters

    async def read(self, letter: Letter) -> PaymentNotice | RefundNotice | EchoNotice:
        return await self.channel.parse_notice(letter.headers, letter.body, self.now())

    async def hand_in(self, letter: Letter, *, now: datetime) -> Settled | bool:
        """What the notice route does with one letter."""
        return await self.take(await self.read(letter), now=now)

    async def take(self, notice: PaymentNotice | RefundNotice | EchoNotice, *, now: datetime) -> Settled | bool:
        """What the notice route does once it has read one."""
        assert not isinstance(notice, EchoNotice)
        if isinstance(notice, RefundNotice):
            return await record_refund(notice.refund, now=now)
        return await settle_notice(notice, channel=WECHAT_PAY, mchid=self.mchid, now=now)

    async def quiet(self) -> None:
        """Wait until WeChat Pay has nothing more to do: refunds arrived, notices in the letter box."""
        deadline = time.monotonic() + LONGEST_WAIT_S
        while True:
            books = await self.books()
            waiting = [notice for notice in books["notices"] if notice["state"] == "PENDING"]
            if not waiting and not books["sums"]["refunding_fen"]:
                return
            assert time.monotonic() < deadline, f"still waiting: {waiting} {books['sums']}"
            await asyncio.sleep(0.003)

    async def _control(self, path: str, **wanted: Any) -> None:
        answer = await self.http.put(path, json=wanted)
        assert answer.status_code == 200, answer.text


Happening = Callable[[], Awaitable[None]]


class Killed(BaseException):
    """The process ended here; no `except Exception` hears of it."""


@dataclass
class Meddled:
    """Our channel, but things happen `before` a call, or `after` it was done and before we hear of it."""

    channel: PaymentChannel
    before: dict[str, Happening] = field(default_factory=dict)
    after: dict[str, Happening] = field(default_factory=dict)

    async def prepay(self, request: PrepayRequest) -> Prepayment:
        return await self._do("prepay", self.channel.prepay(request))

    def invocation(self, prepay_id: str) -> Mapping[str, str]:
        return self.channel.invocation(prepay_id)

    async def query(self, payment_no: str) -> ChannelPayment | None:
        return await self._do("query", self.channel.query(payment_no))

    async def close(self, payment_no: str) -> CloseResult:
        return await self._do("close", self.channel.close(payment_no))

    async def refund(self, request: RefundRequest) -> ChannelRefund:
        return await self._do("refund", self.channel.refund(request))

    async def query_refund(self, refund_no: str) -> ChannelRefund | None:
        return await self._do("query_refund", self.channel.query_refund(refund_no))

    async def parse_notice(
        self, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> PaymentNotice | RefundNotice | EchoNotice:
        return await self.channel.parse_notice(headers, body, now)

    async def _do(self, name: str, call: Coroutine[Any, Any, T]) -> T:
        with contextlib.closing(call):
            if name in self.before:
                await self.before[name]()
            answer = await call
        if name in self.after:
            await self.after[name]()
        return answer


async def killed() -> None:
    raise Killed


@dataclass
class Stage:
    """One loopback server for all tests: the sandbox that plays now, and the merchant's letter box beside it."""

    url: str
    keys: Path
    playing: ASGIApp | None = None
    letters: list[Letter] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == LETTER_BOX:
            request = Request(scope, receive)
            self.letters.append(Letter(dict(request.headers), await request.body()))
            await Response(status_code=204)(scope, receive, send)
            return
        assert self.playing is not None
        await self.playing(scope, receive, send)

    @contextlib.asynccontextmanager
    async def wechat_pay(self, folder: Path, *, now: datetime) -> AsyncIterator[Outside]:
        """A sandbox with empty books and its clock at `now`, until the block ends."""
        shutil.copytree(self.keys, folder)
        app = wechat_pay.create_app(folder, notice_time_scale=0.001)
        self.letters = []
        env = dict(line.split("=", 1) for line in (folder / "product.env").read_text().splitlines() if line)
        async with app.router.lifespan_context(app), httpx.AsyncClient(base_url=self.url, trust_env=False) as http:
            self.playing = app
            outside = Outside(http, self.letters, env, folder)
            await outside.travel(now)
            yield outside
            self.playing = None


@pytest.fixture(scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    keys = tmp_path_factory.mktemp("outside-keys")
    make_keys(keys)
    # asyncio spares only sockets that say IPPROTO_TCP the 40 ms that Nagle and a delayed ACK make together.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        stage = Stage(f"http://127.0.0.1:{listener.getsockname()[1]}", keys)
        config = uvicorn.Config(stage, log_level="critical", lifespan="off", interface="asgi3")
        server = uvicorn.Server(config)
        task = asyncio.create_task(server._serve([listener]))  # serve() would take the test run's signals
        while not server.started:
            await asyncio.sleep(0.005)
        yield stage
        server.should_exit = True
        await task


@pytest.fixture
async def outside(stage: Stage, tmp_path: Path, now: datetime) -> AsyncIterator[Outside]:
    async with stage.wechat_pay(tmp_path / "wechat-pay", now=now) as house:
        yield house


def _private_key(folder: Path) -> RSAPrivateKey:
    key = load_pem_private_key((folder / "merchant_key.pem").read_bytes(), None)
    assert isinstance(key, RSAPrivateKey)
    return key


def _public_key(folder: Path) -> RSAPublicKey:
    key = load_pem_public_key((folder / "wechat_pay_public_key.pem").read_bytes())
    assert isinstance(key, RSAPublicKey)
    return key
