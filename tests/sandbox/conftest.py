"""Each test has its own stores; the keys, slow to make, are made once. Servers listen on loopback for real."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from bff.embedded import own_port
from sandbox import alipay as alipay_house
from sandbox import government_platform, tencent_cloud, wechat, wechat_pay
from sandbox.keys import Secrets, load_secrets, make_keys
from tests.sandbox.alipay_merchant import AlipayDoor, AlipayMerchant
from tests.sandbox.merchant import Merchant, Notice

BEIJING = timezone(timedelta(hours=8))


@pytest.fixture(scope="session")
def keys_made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sandbox-keys")
    make_keys(folder)
    return folder


@pytest.fixture
def folder(keys_made_once: Path, tmp_path: Path) -> Path:
    """A fresh data folder with keys and empty stores."""
    return Path(shutil.copytree(keys_made_once, tmp_path / "sandbox"))


@pytest.fixture
def known(folder: Path) -> Secrets:
    return load_secrets(folder)


class Stage:
    """A loopback server that outlives the tests; each test puts its own app on it (starting one takes 0.2 s)."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.app: Starlette | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)

    @contextlib.asynccontextmanager
    async def playing(self, app: Starlette) -> AsyncIterator[str]:
        """The app with its lifespan; yields the base URL."""
        async with app.router.lifespan_context(app):
            self.app = app
            yield self.url
            self.app = None


@pytest.fixture(scope="session")
async def stages() -> AsyncIterator[dict[str, Stage]]:
    async with contextlib.AsyncExitStack() as open_until_the_end:
        names = ("pay", "alipay", "weixin", "cloud", "platform", "merchant")
        yield {name: await open_until_the_end.enter_async_context(_stage()) for name in names}


@contextlib.asynccontextmanager
async def _stage() -> AsyncIterator[Stage]:
    # asyncio spares only sockets that say IPPROTO_TCP the 40 ms that Nagle and a delayed ACK make together.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        stage = Stage(listener.getsockname()[1])
        config = uvicorn.Config(
            stage, log_level="critical", lifespan="off", timeout_graceful_shutdown=1, interface="asgi3"
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server._serve([listener]))  # serve() would take the test run's signals
        while not server.started:
            await asyncio.sleep(0.005)
        yield stage
        server.should_exit = True
        await task


@pytest.fixture
async def pay(folder: Path, stages: dict[str, Stage]) -> AsyncIterator[httpx.AsyncClient]:
    """WeChat Pay, with notice retries a hundred times as fast."""
    app = wechat_pay.create_app(folder, notice_time_scale=0.01)
    async with stages["pay"].playing(app) as url, client(url) as http:
        yield http


@pytest.fixture
async def unhurried_pay(folder: Path, stages: dict[str, Stage]) -> AsyncIterator[httpx.AsyncClient]:
    """WeChat Pay whose notice retries take as long as in life, by its own clock."""
    async with stages["pay"].playing(wechat_pay.create_app(folder)) as url, client(url) as http:
        yield http


@pytest.fixture
async def alipay(folder: Path, stages: dict[str, Stage]) -> AsyncIterator[httpx.AsyncClient]:
    """Alipay, with notice retries a thousand times as fast."""
    app = alipay_house.create_app(folder, notice_time_scale=0.001)
    async with stages["alipay"].playing(app) as url, client(url) as http:
        yield http


@pytest.fixture
async def weixin(folder: Path, stages: dict[str, Stage]) -> AsyncIterator[httpx.AsyncClient]:
    async with stages["weixin"].playing(wechat.create_app(folder)) as url, client(url) as http:
        yield http


@pytest.fixture
async def cloud(folder: Path, stages: dict[str, Stage]) -> AsyncIterator[httpx.AsyncClient]:
    """Tencent Cloud."""
    async with stages["cloud"].playing(tencent_cloud.create_app(folder)) as url, client(url) as http:
        yield http


@pytest.fixture
async def platform(folder: Path, stages: dict[str, Stage]) -> AsyncIterator[httpx.AsyncClient]:
    app = government_platform.create_app(folder)
    async with stages["platform"].playing(app) as url, client(url) as http:
        yield http


def client(base_url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=base_url, trust_env=False, verify=False, timeout=30)


@dataclass
class NoticeDoor:
    """The merchant's notice route: keeps every notice and answers as told."""

    url: str = ""
    answer_with: list[int] = field(default_factory=list)  # statuses for the next notices; then 204
    notices: list[Notice] = field(default_factory=list)

    async def receive(self, request: Request) -> Response:
        self.notices.append(Notice(dict(request.headers), await request.body()))
        return PlainTextResponse("", self.answer_with.pop(0) if self.answer_with else 204)

    async def wait_for(self, count: int) -> list[Notice]:
        await until(lambda: len(self.notices) >= count)
        return self.notices


@pytest.fixture
async def notice_door(stages: dict[str, Stage]) -> AsyncIterator[NoticeDoor]:
    door = NoticeDoor()
    app = Starlette(routes=[Route("/notices", door.receive, methods=["POST"])])
    async with stages["merchant"].playing(app) as url:
        door.url = f"{url}/notices"
        yield door


@pytest.fixture
async def alipay_door(stages: dict[str, Stage]) -> AsyncIterator[AlipayDoor]:
    door = AlipayDoor()
    app = Starlette(routes=[Route("/alipay-notices", door.receive, methods=["POST"])])
    async with stages["merchant"].playing(app) as url:
        door.url = f"{url}/alipay-notices"
        yield door


@pytest.fixture
def alipay_merchant(folder: Path, alipay: httpx.AsyncClient, alipay_door: AlipayDoor) -> AlipayMerchant:
    return AlipayMerchant(folder, alipay, alipay_door.url)


@pytest.fixture
def merchant(folder: Path, pay: httpx.AsyncClient, notice_door: NoticeDoor) -> Merchant:
    return Merchant(folder, pay, notice_door.url)


@pytest.fixture
async def noon(merchant: Merchant) -> date:
    """It is noon in Beijing today, for WeChat Pay and for us, so that no test meets midnight."""
    now = datetime.now(BEIJING)
    await merchant.move_clock((now.replace(hour=12, minute=0, second=0) - now).total_seconds())
    return now.date()


async def until(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until `holds()`, for at most `seconds`."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.01)


async def switch_on(http: httpx.AsyncClient, **faults: Any) -> None:
    """Exactly these faults; without any, none."""
    answer = await http.put("/_sandbox/faults", content=json.dumps(faults))
    assert answer.status_code == 200, answer.text


async def store_of(http: httpx.AsyncClient, **query: str) -> Any:
    return (await http.get("/_sandbox/store", params=query)).json()


@dataclass
class Process:
    """A sandbox house as a process of its own, which can be killed and started again."""

    name: str
    folder: Path
    port: int
    running: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "sandbox", self.name, "--port", str(self.port)]
        self.running = subprocess.Popen([*command, "--dir", str(self.folder)])
        deadline = time.monotonic() + 60
        while not self._answers():
            assert self.running.poll() is None, "the process ended by itself"
            assert time.monotonic() < deadline, "the process did not come up in time"
            time.sleep(0.03)

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/healthz", trust_env=False, verify=False, timeout=1).status_code == 200
        return False

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        if self.running is not None:
            self.running.kill()
            self.running.wait(10)
            self.running = None


@pytest.fixture
def process(folder: Path) -> Iterator[Callable[[str], Process]]:
    started: list[Process] = []

    def start(name: str) -> Process:
        started.append(Process(name, folder, own_port()))
        started[-1].start()
        return started[-1]

    yield start
    for each in started:
        each.kill()
