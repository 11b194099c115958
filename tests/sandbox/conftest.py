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
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sandbox import government_platform, wechat, wechat_pay
from sandbox.keys import Secrets, load_secrets, make_keys
from tests.sandbox.merchant import Merchant, Notice


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


@contextlib.asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    """The app on a free loopback port, with its lifespan; yields the base URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="critical", access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    with contextlib.ExitStack() as stack:
        stack.enter_context(listener)
        task = asyncio.create_task(server._serve([listener]))  # serve() would take the test run's signals
        while not server.started:
            await asyncio.sleep(0.005)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await task


@pytest.fixture
async def pay(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """WeChat Pay, with notice retries a hundred times as fast."""
    app = wechat_pay.create_app(folder, notice_time_scale=0.01)
    async with serving(app) as url, client(url) as http:
        yield http


@pytest.fixture
async def weixin(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(wechat.create_app(folder)) as url, client(url) as http:
        yield http


@pytest.fixture
async def platform(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(government_platform.create_app(folder)) as url, client(url) as http:
        yield http


def client(base_url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=base_url, trust_env=False, timeout=5)


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
async def notice_door() -> AsyncIterator[NoticeDoor]:
    door = NoticeDoor()
    async with serving(Starlette(routes=[Route("/notices", door.receive, methods=["POST"])])) as url:
        door.url = f"{url}/notices"
        yield door


@pytest.fixture
def merchant(folder: Path, pay: httpx.AsyncClient, notice_door: NoticeDoor) -> Merchant:
    return Merchant(folder, pay, notice_door.url)


async def until(holds: Callable[[], bool], seconds: float = 5) -> None:
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
        deadline = time.monotonic() + 15
        while not self._answers():
            assert self.running.poll() is None, "the process ended by itself"
            assert time.monotonic() < deadline, "the process did not come up in time"
            time.sleep(0.03)

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/healthz", trust_env=False, timeout=1).status_code == 200
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
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        started.append(Process(name, folder, port))
        started[-1].start()
        return started[-1]

    yield start
    for each in started:
        each.kill()
