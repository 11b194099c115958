"""WeChat Pay and Alipay as the rooms' tests meet them: the real sandboxes on loopback, our real clients, one clock.

    async def test_…(db, outside, now): …
    async def test_…(db, outside, alipay, now): …

`outside` is WeChat Pay; with `alipay` beside it there are two channels. Each begins at `now` with empty books. Notices
land in a letter box, signed and sealed as they came; a test hands them in when, in which order and as often as it
likes. `travel` moves everybody's clock.
"""

import asyncio
import contextlib
import secrets
import shutil
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bff.wiring import authorities
from models.checkout.refunding import hasten_refund, record_refund
from models.checkout.settling import Settled, settle_notice
from payments import alipay as alipay_client
from payments.port import (
    BankCard,
    ChannelPayment,
    ChannelRefund,
    CloseResult,
    EchoNotice,
    Invocation,
    Notice,
    NoticeAnswer,
    PaymentChannel,
    PaymentNotice,
    Prepayment,
    PrepayRequest,
    RefundHint,
    RefundNotice,
    RefundRequest,
    Statement,
    Way,
)
from payments.wechat_pay import load_private_key
from payments.wechat_pay.client import WeChatPay
from payments.wechat_pay.merchant import Merchant
from sandbox import alipay as alipay_house
from sandbox import wechat_pay
from sandbox.keys import make_keys

WECHAT_PAY = "WECHAT_PAY"
ALIPAY = "ALIPAY"
LETTER_BOX = "/payments/wechat-pay/notices"
ALIPAY_LETTER_BOX = "/payments/alipay/notices"
LETTER_BOXES = {LETTER_BOX: Response(status_code=204), ALIPAY_LETTER_BOX: Response("success")}
LONGEST_WAIT_S = 60.0

T = TypeVar("T")


@dataclass(frozen=True)
class Letter:
    """A notice as it came over the wire."""

    headers: Mapping[str, str]
    body: bytes
    box: str = LETTER_BOX


@dataclass
class Sandbox:
    """One simulated house, and what a test may do to it."""

    http: httpx.AsyncClient
    letters: list[Letter]
    env: Mapping[str, str]
    folder: Path
    offset: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    async def travel(self, to: datetime) -> None:
        """From here on it is `to`, for us and for them."""
        self.offset = to - datetime.now(UTC)
        await self._control("/_sandbox/clock", offset_seconds=self.offset.total_seconds())

    async def switch_on(self, **faults: Any) -> None:
        """Exactly these faults; without any, none."""
        await self._control("/_sandbox/faults", **faults)

    async def books(self) -> Any:
        """Their own books (sandbox/README.md)."""
        return (await self.http.get("/_sandbox/store")).json()

    async def wait_for_letters(self, count: int) -> list[Letter]:
        """All letters, once there are `count`."""
        deadline = time.monotonic() + LONGEST_WAIT_S
        while len(self.letters) < count:
            assert time.monotonic() < deadline, f"{len(self.letters)} of {count} notices came in time"
            await asyncio.sleep(0.002)
        return self.letters

    async def quiet(self) -> None:
        """Wait until they have nothing more to do: refunds arrived, notices in the letter box."""
        deadline = time.monotonic() + LONGEST_WAIT_S
        while True:
            books = await self.books()
            waiting = [notice for notice in books["notices"] if notice["state"] == "PENDING"]
            if not waiting and not books["sums"].get("refunding_fen"):
                return
            assert time.monotonic() < deadline, f"still waiting: {waiting} {books['sums']}"
            await asyncio.sleep(0.003)

    async def _control(self, path: str, **wanted: Any) -> None:
        answer = await self.http.put(path, json=wanted)
        assert answer.status_code == 200, answer.text


@dataclass
class AlipayHouse(Sandbox):
    """The simulated Alipay, and us as its seller."""

    home: str = ""  # where notices go
    channel: alipay_client.Alipay = field(init=False)

    def __post_init__(self) -> None:
        public_key = alipay_client.load_public_key((self.folder / "alipay_public_key.pem").read_bytes())
        self.channel = alipay_client.Alipay(
            self.http,
            gateway_url=f"{self.http.base_url}".rstrip("/") + "/gateway.do",
            app=alipay_client.App(
                app_id=self.env["ALIPAY_APP_ID"],
                seller_id=self.env["ALIPAY_SELLER_ID"],
                private_key=alipay_client.load_private_key((self.folder / "alipay_app_key.pem").read_bytes()),
                trust=alipay_client.KeyTrust((public_key,)),
                notify_url=self.home + ALIPAY_LETTER_BOX,
            ),
            clock=self.now,
            timeout_s=LONGEST_WAIT_S,
        )

    async def pay(self, invocation: Invocation, **how: Any) -> None:
        """Somebody scans the code, or opens the page, and pays."""
        answer = await self.try_to_pay(invocation, **how)
        assert answer.status_code == 200, answer.text

    async def try_to_pay(self, invocation: Invocation, **how: Any) -> httpx.Response:
        asked = {"url": invocation.url} if invocation.url else {"qr_code": invocation.code}
        return await self.http.post("/_sandbox/pay", json={**asked, **how})

    async def auth_code(self, buyer_user_id: str | None = None) -> str:
        """What `my.getAuthCode` gives this person; nobody in particular is the first person there is."""
        asked = {"buyer_user_id": buyer_user_id} if buyer_user_id else {}
        return str((await self.http.post("/_sandbox/auth-codes", json=asked)).json()["auth_code"])


@dataclass
class Outside(Sandbox):
    """The simulated WeChat Pay, and us as its merchant. Alipay stands beside it where a test wants it."""

    alipay: AlipayHouse | None = None
    others: list[httpx.AsyncClient] = field(default_factory=list)  # further simulated houses, who travel too
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
                official_account_appid=self.env["WECHAT_OFFICIAL_ACCOUNT_APPID"],
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
        channels: dict[str, PaymentChannel] = {WECHAT_PAY: self.channel}
        return channels | {ALIPAY: self.alipay.channel} if self.alipay else channels

    async def travel(self, to: datetime) -> None:
        await super().travel(to)
        if self.alipay:
            await self.alipay.travel(to)
        for other in self.others:
            await self.set_clock_of(other)

    async def set_clock_of(self, other: httpx.AsyncClient) -> None:
        """Let this further house believe in our time."""
        wanted = {"offset_seconds": self.offset.total_seconds()}
        assert (await other.put("/_sandbox/clock", json=wanted)).status_code == 200

    async def quiet(self) -> None:
        await super().quiet()
        if self.alipay:
            await self.alipay.quiet()

    async def pay(self, invocation: Mapping[str, str], **how: Any) -> None:
        """The citizen confirms in the payment sheet that these parameters of wx.requestPayment open."""
        answer = await self.try_to_pay(invocation, **how)
        assert answer.status_code == 200, answer.text

    async def try_to_pay(self, invocation: Mapping[str, str], **how: Any) -> httpx.Response:
        return await self.http.post("/_sandbox/pay", json={**invocation, **how})

    async def letter_of_a_payment(self, after: int) -> Letter:
        """The first that tells of one, of those that came after so many. What an earlier refund has to tell may come in
        between."""
        while True:
            letter = (await self.wait_for_letters(after + 1))[after]
            if isinstance(await self.read(letter), PaymentNotice):
                return letter
            after += 1

    def channel_of(self, letter: Letter) -> str:
        return ALIPAY if letter.box == ALIPAY_LETTER_BOX else WECHAT_PAY

    async def read(self, letter: Letter) -> Notice:
        channel = self.channels[self.channel_of(letter)]
        return await channel.parse_notice(letter.headers, letter.body, self.now())

    async def hand_in(self, letter: Letter, *, now: datetime) -> Settled | bool:
        """What the notice route does with one letter."""
        return await self.take(await self.read(letter), channel=self.channel_of(letter), now=now)

    async def take(self, notice: Notice, *, now: datetime, channel: str = WECHAT_PAY) -> Settled | bool:
        """What the notice route does once it has read one."""
        assert not isinstance(notice, EchoNotice)
        if isinstance(notice, RefundNotice):
            return await record_refund(notice.refund, now=now)
        if isinstance(notice, RefundHint):
            return await hasten_refund(notice.refund_no, notice.payment_no, now=now)
        return await settle_notice(notice, channel=channel, mchid=self.channels[channel].mchid, now=now)


Happening = Callable[[], Awaitable[None]]


class Killed(BaseException):
    """The process ended here; no `except Exception` hears of it."""


@dataclass
class Meddled:
    """Our channel, but things happen `before` a call, or `after` it was done and before we hear of it."""

    channel: PaymentChannel
    before: dict[str, Happening] = field(default_factory=dict)
    after: dict[str, Happening] = field(default_factory=dict)

    @property
    def mchid(self) -> str:
        return self.channel.mchid

    @property
    def appid(self) -> str:
        return self.channel.appid

    @property
    def ways(self) -> Collection[Way]:
        return self.channel.ways

    async def prepay(self, request: PrepayRequest) -> Prepayment:
        return await self._do("prepay", self.channel.prepay(request))

    async def charge(self, request: PrepayRequest, payer_code: str) -> ChannelPayment:
        return await self._do("charge", self.channel.charge(request, payer_code))

    async def query(self, payment_no: str) -> ChannelPayment | None:
        return await self._do("query", self.channel.query(payment_no))

    async def close(self, payment_no: str, way: Way, expires_at: datetime) -> CloseResult:
        return await self._do("close", self.channel.close(payment_no, way, expires_at))

    async def refund(self, request: RefundRequest) -> ChannelRefund:
        return await self._do("refund", self.channel.refund(request))

    async def query_refund(self, refund_no: str, payment_no: str) -> ChannelRefund | None:
        return await self._do("query_refund", self.channel.query_refund(refund_no, payment_no))

    async def redirect_refund(self, refund: ChannelRefund, card: BankCard | None) -> ChannelRefund:
        return await self._do("redirect_refund", self.channel.redirect_refund(refund, card))

    async def statement(self, day: date) -> Statement:
        return await self._do("statement", self.channel.statement(day))

    async def parse_notice(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Notice:
        return await self.channel.parse_notice(headers, body, now)

    def acknowledge(self) -> NoticeAnswer:
        return self.channel.acknowledge()

    def refuse(self, status: int, why: str) -> NoticeAnswer:
        return self.channel.refuse(status, why)

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
class Loopback:
    """A loopback server for all tests: the sandbox that plays now, and the merchant's letter boxes beside it."""

    url: str = ""
    playing: ASGIApp | None = None
    letters: list[Letter] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if answer := LETTER_BOXES.get(scope["path"]):
            request = Request(scope, receive)
            self.letters.append(Letter(dict(request.headers), await request.body(), scope["path"]))
            await answer(scope, receive, send)
            return
        assert self.playing is not None
        await self.playing(scope, receive, send)

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator["Loopback"]:
        # asyncio spares only sockets that say IPPROTO_TCP the 40 ms that Nagle and a delayed ACK make together.
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            config = uvicorn.Config(self, log_level="critical", lifespan="off", interface="asgi3")
            server = uvicorn.Server(config)
            task = asyncio.create_task(server._serve([listener]))  # serve() would take the test run's signals
            while not server.started:
                await asyncio.sleep(0.005)
            yield self
            server.should_exit = True
            await task

    @contextlib.asynccontextmanager
    async def plays(self, app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
        """This sandbox, with an empty letter box, until the block ends."""
        client = httpx.AsyncClient(base_url=self.url, verify=authorities(), trust_env=False)
        async with app.router.lifespan_context(app), client as http:
            self.playing, self.letters = app, []
            yield http
            self.playing = None


@dataclass
class Stage:
    """Where WeChat Pay and Alipay play for all tests."""

    keys: Path
    wechat: Loopback
    alipay_side: Loopback

    @contextlib.asynccontextmanager
    async def wechat_pay(self, folder: Path, *, now: datetime) -> AsyncIterator[Outside]:
        """A WeChat Pay with empty books and its clock at `now`, until the block ends."""
        shutil.copytree(self.keys, folder)
        async with self.wechat.plays(wechat_pay.create_app(folder, notice_time_scale=0.001)) as http:
            env = _env(folder) | {"ALIPAY_BASE_URL": self.alipay_side.url}
            outside = Outside(http, self.wechat.letters, env, folder)
            await outside.travel(now)
            yield outside

    @contextlib.asynccontextmanager
    async def alipay(self, outside: Outside) -> AsyncIterator[AlipayHouse]:
        """An Alipay with empty books beside this WeChat Pay, whose clock and letter box it shares."""
        app = alipay_house.create_app(outside.folder, notice_time_scale=0.001)
        async with self.alipay_side.plays(app) as http:
            home = f"{outside.http.base_url}".rstrip("/")
            house = AlipayHouse(http, outside.letters, outside.env, outside.folder, home=home)
            await house.travel(outside.now())
            outside.alipay = house
            yield house
            outside.alipay = None


def _env(folder: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (folder / "product.env").read_text().splitlines() if line)


@pytest.fixture(scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    keys = tmp_path_factory.mktemp("outside-keys")
    make_keys(keys)
    async with Loopback().served() as wechat, Loopback().served() as alipay_side:
        yield Stage(keys, wechat, alipay_side)


@pytest.fixture
async def outside(stage: Stage, tmp_path: Path, now: datetime) -> AsyncIterator[Outside]:
    async with stage.wechat_pay(tmp_path / "outside", now=now) as house:
        yield house


@pytest.fixture
async def alipay(stage: Stage, outside: Outside) -> AsyncIterator[AlipayHouse]:
    async with stage.alipay(outside) as house:
        yield house


def _private_key(folder: Path) -> RSAPrivateKey:
    return load_private_key((folder / "merchant_key.pem").read_bytes())


def _public_key(folder: Path) -> RSAPublicKey:
    key = load_pem_public_key((folder / "wechat_pay_public_key.pem").read_bytes())
    assert isinstance(key, RSAPublicKey)
    return key
