"""Web and worker for real, over a PostgreSQL that hangs, dies and comes back: every door says that we are busy."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from bff.graphql import CLIENTS
from bff.settings import read_env_file
from bff.wiring import WEB_STATEMENT_SECONDS
from models.asyncpg_engine import TIDY_SECONDS
from tests.bff.conftest import Valkey
from tests.bff.test_stack import ROOT, STOP_SECONDS, House, begin_a_request, migrate, ready, until
from tests.unsteady import UnsteadyPostgres, unsteady_postgres

pytestmark = [pytest.mark.postgres, pytest.mark.stack]

PATIENCE = WEB_STATEMENT_SECONDS + TIDY_SECONDS + 2  # the last for a loaded machine
SPORTS = {"query": "{ sports { code } }"}
SIGN_IN = {
    "query": (CLIENTS / "desk" / "StaffSignIn.graphql").read_text(),
    "variables": {"username": "somebody", "password": "Nothing-2026", "deviceId": "desk-1"},
}
DESK = {"Cookie": "desk_sign_in=somebody", "Accept": "text/html"}


@pytest.fixture
def postgres() -> Iterator[UnsteadyPostgres]:
    with unsteady_postgres() as server:
        yield server


@pytest.fixture
async def house(postgres: UnsteadyPostgres, valkey: Valkey, tmp_path: Path) -> AsyncIterator[House]:
    """A web process and a worker, ready."""
    house = House(tmp_path, f"{postgres.url}{'&' if '?' in postgres.url else '?'}minsize=2&maxsize=6")
    migrate(house)
    with processes(house, valkey):
        await until(lambda: ready(house) == 200)
        yield house


@contextmanager
def processes(house: House, valkey: Valkey) -> Iterator[None]:
    sandbox = house.folder / "sandbox"
    subprocess.run([sys.executable, "-m", "sandbox", "keys", "--dir", sandbox], check=True, cwd=ROOT)
    given = {"REDIS_URL": valkey.url, "GOVERNMENT_PLATFORM_BASE_URL": "http://127.0.0.1:1"}
    environment = house.environment | read_env_file(sandbox / "product.env") | given
    started = []
    with house.log.open("wb") as log:
        for name in ("web", "worker"):
            command = [sys.executable, "-m", "bff", name]
            started.append(subprocess.Popen(command, env=environment, cwd=ROOT, stdout=log, stderr=log))
    house.web, house.worker = started  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


async def every_door_says_that_we_are_busy(house: House, *, within: float) -> None:
    started = time.monotonic()
    async with httpx.AsyncClient(base_url=house.url, timeout=within + 5, verify=False) as http:
        answers = await asyncio.gather(
            http.post("/graphql", json=SPORTS),
            http.post("/graphql", json=SIGN_IN),
            http.post("/gates/somebody", content=b"123"),
            http.get("/desk", headers=DESK),
            http.get("/readyz"),
            http.get("/healthz"),
            http.get("/metrics"),
        )
    assert time.monotonic() - started < within, (
        "one that hangs is noticed after a statement's time, one that refuses before"
    )
    sports, sign_in, gate, desk, readiness, health, metrics = answers
    (error,) = sports.json()["errors"]
    assert (error["extensions"]["code"], "reference" in error["extensions"]) == ("BUSY", False)
    assert error["message"].startswith("系统繁忙（编号 ")
    (refused,) = sign_in.json()["data"]["staffSignIn"]["userErrors"]
    assert refused["code"] == "BUSY", sign_in.text
    assert (gate.status_code, gate.text[:15]) == (503, "code=0001&&desc")
    assert (desk.status_code, desk.headers["Retry-After"]) == (503, "5")
    assert "系统繁忙" in desk.text
    assert "打开前台" in desk.text
    assert readiness.status_code == 503
    assert readiness.json()["checks"]["database"] == "failed"
    assert (health.status_code, metrics.status_code) == (200, 200)


def answered(house: House) -> Any:
    """At the first try: nothing has to be waited for once the database is back."""
    answer = httpx.post(f"{house.url}/graphql", json=SPORTS, timeout=5, verify=False)
    return answer.json()


async def test_while_the_database_is_away_everybody_is_told_to_come_back_and_then_all_goes_on(
    house: House, postgres: UnsteadyPostgres
) -> None:
    for away, back, within in (
        (postgres.hang, postgres.go_on, PATIENCE),
        (postgres.shut_down, postgres.start, WEB_STATEMENT_SECONDS),
        (postgres.crash, postgres.start, WEB_STATEMENT_SECONDS),
    ):
        away()
        await every_door_says_that_we_are_busy(house, within=within)
        await asyncio.sleep(1.5)  # the worker's jobs meet it too
        back()
        assert answered(house) == {"data": {"sports": []}}
        assert ready(house) == 200
    told = httpx.get(f"{house.url}/metrics", verify=False).text
    assert 'graphql_operations_total{kind="query",operation="free",outcome="BUSY"} 3.0' in told
    assert "unexpected_errors_total 0.0" in told
    said = house.said()
    assert "Traceback" not in said
    assert "unexpected error" not in said
    lines = [line for line in said.splitlines() if "the database does not answer" in line]
    assert 2 <= len(lines) <= 6, said  # web and worker, once for each time that it was away
    assert all("warning" in line and "reference=" in line for line in lines), lines


async def test_processes_stop_in_time_though_the_database_hangs(house: House, postgres: UnsteadyPostgres) -> None:
    postgres.hang()
    under_way, rest = begin_a_request(house, json.dumps(SPORTS).encode())
    under_way.send(rest)
    for process in (house.web, house.worker):  # type: ignore[attr-defined]
        process.send_signal(signal.SIGTERM)
    answer = json.loads(under_way.getresponse().read())
    assert answer["errors"][0]["extensions"]["code"] == "BUSY"
    for process in (house.web, house.worker):  # type: ignore[attr-defined]
        assert process.wait(STOP_SECONDS + 2) in (0, -signal.SIGTERM)
