"""The whole town as real processes on loopback, each of which a test may kill and start again: web, worker, Valkey
and the sandbox's four. What they are started with is what `make run` starts them with (bff.run.plan)."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import asyncpg
import httpx

from bff import embedded
from bff.run import plan
from bff.settings import read_settings
from demo.stack import Stack
from models.calendar import SHANGHAI
from tests import databases
from tests.bff.conftest import clean_environment
from tests.conftest import OwnDatabase

ROOT = Path(__file__).parents[2]
START_S = 120


def until(holds: Callable[[], Any], what: str, seconds: float = 90) -> Any:
    """Waits until it holds, and gives what it gave."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, f"did not happen within {seconds:.0f} s: {what}"
        time.sleep(0.05)
    return found


def the_next_morning() -> datetime:
    """Nine o'clock on the next day that is no Monday: most venues are open, and all of it is released."""
    morning = datetime.now(SHANGHAI).replace(hour=9, minute=0, second=0, microsecond=0)
    while morning < datetime.now(SHANGHAI) or morning.weekday() == 0:
        morning += timedelta(days=1)
    return morning


@dataclass
class Town:
    """`ahead` is how far the town's clocks run before the machine's. `own` is what single processes are told instead."""

    folder: Path
    database_url: str
    commands: dict[str, list[str]]
    environment: dict[str, str]
    ahead: timedelta
    own: dict[str, dict[str, str]] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def stack(self) -> Stack:
        """As the demo's people know it."""
        return Stack(
            house=f"http://127.0.0.1:{self.environment['PORT']}",
            wechat=self.environment["WECHAT_BASE_URL"],
            wechat_pay=self.environment["WECHAT_PAY_BASE_URL"],
            alipay=self.environment["ALIPAY_BASE_URL"],
            tencent_cloud=self.environment["TENCENT_CLOUD_SMS_BASE_URL"],
            platform=self.environment["GOVERNMENT_PLATFORM_BASE_URL"],
            folder=self.folder,
            environment=self.environment,
        )

    @property
    def today(self) -> date:
        return (datetime.now(UTC) + self.ahead).astimezone(SHANGHAI).date()

    def start(self, *names: str, ahead: timedelta | None = None) -> None:
        """Starts them, and waits until they answer. `ahead`: by a clock of their own."""
        for name in names:
            seconds = int((self.ahead if ahead is None else ahead).total_seconds())
            with (self.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    self.commands[name],
                    env=self.environment | {"CLOCK_AHEAD_SECONDS": str(seconds)} | self.own.get(name, {}),
                    cwd=ROOT,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        for name in names:
            until(partial(self._is_up, name), f"{name} answers", START_S)

    def kill(self, *names: str) -> None:
        """SIGKILL: no last word, nothing put in order."""
        for name in names:
            process = self.processes.pop(name)
            process.kill()
            process.wait()

    def turn_clocks(self, ahead: timedelta) -> None:
        """Of the sandbox at once, of the house at its next start."""
        self.ahead = ahead
        stack = self.stack
        for outside in (stack.wechat, stack.wechat_pay, stack.alipay, stack.tencent_cloud, stack.platform):
            self._put(f"{outside}/_sandbox/clock", {"offset_seconds": ahead.total_seconds()})

    def faults(self, outside: str, **wanted: Any) -> None:
        """Exactly these faults; without any, none."""
        self._put(f"{outside}/_sandbox/faults", wanted)

    def store(self, outside: str) -> Any:
        return httpx.get(f"{outside}/_sandbox/store", timeout=30, trust_env=False, verify=False).json()

    def said(self, name: str) -> str:
        log = self.folder / f"{name}.log"
        return log.read_text() if log.exists() else ""

    def run(self, *words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "bff", *words],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=START_S,
        )
        assert done.returncode == 0, done.stderr

    def _is_up(self, name: str) -> bool:
        assert self.processes[name].poll() is None, f"{name} ended by itself: {self.said(name)[-2000:]}"
        if name == "worker":
            return "working" in self.said(name)
        if name == "valkey":
            return embedded.answers(int(urlsplit(self.environment["REDIS_URL"]).port or 0))
        outside = {
            "wechat": self.stack.wechat,
            "wechat-pay": self.stack.wechat_pay,
            "alipay": self.stack.alipay,
            "tencent-cloud": self.stack.tencent_cloud,
            "government-platform": self.stack.platform,
        }
        port = self.own.get(name, {}).get("PORT", self.environment["PORT"])
        try:
            url = outside.get(name, f"http://127.0.0.1:{port}")
            return httpx.get(f"{url}/healthz", timeout=5, trust_env=False, verify=False).is_success
        except httpx.TransportError:
            return False

    def _put(self, url: str, body: Any) -> None:
        httpx.put(url, json=body, timeout=30, trust_env=False, verify=False).raise_for_status()

    async def rows(self, sql: str) -> list[dict[str, Any]]:
        """What the house's database holds, read past the house."""
        if databases.KIND == "sqlite":
            connection = sqlite3.connect(self.database_url.removeprefix("sqlite://"))
            connection.row_factory = sqlite3.Row
            try:
                return [dict(row) for row in connection.execute(sql)]
            finally:
                connection.close()
        parts = urlsplit(self.database_url)
        kept = [(name, value) for name, value in parse_qsl(parts.query) if name not in ("minsize", "maxsize")]
        asked = await asyncpg.connect(parts._replace(query=urlencode(kept)).geturl())
        try:
            return [dict(row) for row in await asked.fetch(sql)]
        finally:
            await asked.close()


@asynccontextmanager
async def a_town(
    own_database: OwnDatabase, folder: Path, prepare: Callable[[Town], None] = lambda _: None
) -> AsyncIterator[Town]:
    """Up and running on the next morning, with the real venues; gone afterwards, whatever happened. `prepare` comes
    before web and worker."""
    folder.mkdir(parents=True, exist_ok=True)
    async with own_database(folder, migrated=True) as url:
        given = clean_environment(
            DATA_DIR=str(folder / "data"),
            PORT=str(embedded.own_port()),
            DATABASE_URL=url,
            SANDBOX_NOTICE_TIME_SCALE="0.01",
        )
        settings = read_settings(given)
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        planned = plan(settings, given)
        ahead = timedelta(seconds=int((the_next_morning() - datetime.now(UTC)).total_seconds()))
        town = Town(folder, url, dict(planned.commands), dict(planned.environment), ahead)
        try:
            town.run("import")
            town.start("valkey", "wechat", "wechat-pay", "alipay", "tencent-cloud", "government-platform")
            town.turn_clocks(ahead)
            prepare(town)
            town.start("web", "worker")
            yield town
        finally:
            town.kill(*town.processes)
