"""The bare routes are worth comparing with: the same answers, the same rows, the same statements.

Quick, on a small world and without processes; `make bench` asserts equality again over the wire before it measures.
"""

import logging
import os
import random
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import asyncpg
import httpx
import pytest
from starlette.applications import Starlette

from bff.app import create_app
from bff.graphql.rates import Rates
from bff.settings import read_settings
from models import database
from models.audit.rules import signed_text
from models.audit.tables import AuditLine
from models.keys import AuditKeys, code_keys
from models.venues.tables import Venue
from tests.bench import world
from tests.bench.__main__ import BESIDE_BARE, CACHED, NOTICES, READS
from tests.bench.equality import assert_equal
from tests.bench.letters import Letter, LetterWriter, apps_of
from tests.bench.processes import cpu_seconds, environment_of, with_parameters
from tests.bench.report import judge, read_marks
from tests.bench.servers.bare.app import routes
from tests.bench.servers.bare.house import House, channels
from tests.bench.workloads import Case, Workload, workloads
from tests.bench.world import World
from tests.databases import Database

pytestmark = pytest.mark.postgres

SMALL = world.Size(venues=800, halls=2, members=4, leavers=12, tickets=12, unpaid=12, desks=3)
OF_THE_POOL = ("BEGIN", "COMMIT", "SELECT pg_advisory_unlock_all")  # what asyncpg and Tortoise add by themselves
NAMES = ("venues_near", "venues_near_live", "slots", "sign_out", "place_order", "redeem", *NOTICES)


@dataclass(frozen=True)
class Sides:
    """Both, in this process; `said_by_bare` is what the bare routes have sent to PostgreSQL."""

    world: World
    workloads: dict[str, Workload]
    ours: httpx.AsyncClient
    bare: httpx.AsyncClient
    said_by_bare: list[str]
    audit_keys: AuditKeys

    async def ask_ours(self, workload: Workload, case: Case) -> Any:
        if case.letter:
            return await _hand_in(self.ours, workload, case.letter)
        body = {"documentId": workload.document_id, "variables": case.variables}
        return _data(await self.ours.post("/graphql", json=body, headers=_headers(case)))

    async def ask_bare(self, workload: Workload, case: Case) -> Any:
        if case.letter:
            return await _hand_in(self.bare, workload, case.letter)
        return _data(await self.bare.post(workload.bare_path, json=case.variables, headers=_headers(case)))


@pytest.fixture(scope="module")
async def sides(_database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sides]:
    await _database.clean()
    environment = environment_of(tmp_path_factory.mktemp("bench"), _database.url)
    settings = read_settings(environment)
    built = await world.build(SMALL, apps=apps_of(environment), now=datetime.now(UTC))
    keys = code_keys(settings.code_keys)
    said: list[str] = []
    async with _pool(_database.url, said) as pool:
        bare = Starlette(routes=routes())
        audit, rates = AuditKeys(settings.audit_keys), Rates(settings.redis_url)
        bare.state.house = House(pool, _wake_nobody, keys, audit, rates, *channels(settings))
        async with _client(create_app(settings)) as ours, _client(bare) as other:
            yield Sides(built, workloads(built, keys, LetterWriter(environment)), ours, other, said, audit)


def _pool(url: str, said: list[str]) -> Any:
    async def listen(connection: Any) -> None:
        connection.add_query_logger(lambda record: said.append(record.query))

    return asyncpg.create_pool(with_parameters(url), min_size=1, max_size=1, init=listen)


def _client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bench")


async def _hand_in(client: httpx.AsyncClient, workload: Workload, letter: Letter) -> Any:
    answer = await client.post(workload.bare_path, content=letter.body, headers=dict(letter.headers))
    assert answer.status_code == workload.status, answer
    return {"body": answer.text}


async def _wake_nobody(_job: str) -> None: ...


def _headers(case: Case) -> dict[str, str]:
    return {"Authorization": case.authorization}


def _data(response: httpx.Response) -> Any:
    said = response.json()
    assert "errors" not in said, said
    return said["data"]


@pytest.mark.parametrize("name", NAMES)
async def test_the_bare_route_answers_and_writes_what_ours_does(sides: Sides, name: str) -> None:
    await assert_equal(sides.workloads[name], sides.ask_ours, sides.ask_bare, cases=4)


async def test_the_bare_audit_line_holds_under_the_houses_key_as_ours_does(sides: Sides) -> None:
    """Equality cannot compare two MACs, since ids and moments differ: each is judged by itself, as an auditor would."""
    before = await AuditLine.all().count()
    await assert_equal(sides.workloads["redeem"], sides.ask_ours, sides.ask_bare, cases=1)
    lines = (await AuditLine.all().order_by("id").values())[before:]
    assert [line["act"] for line in lines] == ["redeem", "redeem"]
    for line in lines:
        assert sides.audit_keys.holds(signed_text(line), line["key_id"], line["mac"])
        assert not sides.audit_keys.holds(signed_text(line | {"detail": "REFUSED"}), line["key_id"], line["mac"])


async def test_the_bare_grid_is_ours_at_real_venues_from_today_to_days_not_yet_released(sides: Sides) -> None:
    """Their published windows, Monday's prices, halls that divide: what the made-up halls do not have."""
    real = Venue.filter(is_open=True).exclude(ref__startswith="BENCH")
    published = await real.filter(price_from_provenance="PUBLISHED").values_list("public_id", flat=True)
    every = await real.values_list("public_id", flat=True)
    assert published
    chance = random.Random(4)
    days = [(sides.world.today + timedelta(days=ahead)).isoformat() for ahead in range(10)]
    asked = [(venue, day) for venue in published for day in days]
    asked += [(chance.choice(every), chance.choice(days)) for _ in range(20)]
    cases = iter([Case({"venueId": venue, "date": day}) for venue, day in asked])
    grids = replace(sides.workloads["slots"], cases=cases)
    await assert_equal(grids, sides.ask_ours, sides.ask_bare, cases=len(asked))


@pytest.mark.parametrize("name", NAMES)
async def test_both_sides_send_the_same_statements_in_the_same_order(sides: Sides, name: str) -> None:
    workload = sides.workloads[name]
    ours_case = next(workload.cases)
    bare_case = next(workload.cases) if workload.writes else ours_case
    with _statements_of_ours() as said_by_ours:
        await sides.ask_ours(workload, ours_case)
    sides.said_by_bare.clear()
    await sides.ask_bare(workload, bare_case)
    assert said_by_ours
    assert list(map(_words, said_by_ours)) == [
        _words(text) for text in sides.said_by_bare if not text.startswith(OF_THE_POOL)
    ]


async def test_both_sides_count_the_same_rates_of_a_sign_out(sides: Sides) -> None:
    workload = sides.workloads["sign_out"]
    our_case, bare_case = islice(workload.cases, 2)
    ours = await sides.ours.post("/graphql", json={"documentId": workload.document_id}, headers=_headers(our_case))
    bare = await sides.bare.post(workload.bare_path, json={}, headers=_headers(bare_case))
    for name in ("ratelimit-policy", "ratelimit"):
        assert ours.headers[name] == bare.headers[name]


@pytest.mark.parametrize("name", [name for name in CACHED if name != "venues_near_cached"])
async def test_what_is_stirred_between_two_questions_is_seen_in_the_answer(sides: Sides, name: str) -> None:
    """Else `make bench` would prove nothing when it finds a cached answer equal to a fresh one."""
    workload = sides.workloads[name]
    assert workload.stirred_by
    for case in islice(workload.cases, 3):
        before = await sides.ask_bare(workload, case)
        await database.rows(workload.stirred_by)
        assert await sides.ask_bare(workload, case) != before


@contextmanager
def _statements_of_ours() -> Iterator[list[str]]:
    """Tortoise logs each statement before it sends it."""
    said: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(str(record.args[0] if isinstance(record.args, tuple) else record.msg))

    ear, log = Ear(), logging.getLogger("tortoise.db_client")
    level = log.level
    log.addHandler(ear)
    log.setLevel(logging.DEBUG)
    yield said
    log.setLevel(level)
    log.removeHandler(ear)


def _words(statement: str) -> list[str]:
    """Without regard to blanks, nor to the order of columns, which Tortoise chooses anew in each process."""
    return sorted(re.findall(r"\w+|\S", statement))


def test_the_clock_of_a_process_tells_what_it_has_used() -> None:
    before = time.process_time()
    told = cpu_seconds(os.getpid())
    assert before <= told <= time.process_time()


def test_each_row_has_a_mark_or_a_floor() -> None:
    rows = {*READS, *(f"{name}_free" for name in READS), *BESIDE_BARE, *NOTICES, f"{NOTICES[0]}_unheard", *CACHED}
    marks = read_marks()
    assert set(marks.marks) ^ set(marks.floors) == rows


def test_a_ratio_below_its_mark_or_floor_fails_the_bench_and_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    marks = read_marks()
    rows = {name: {"cpu_ratio": least} for name, least in (marks.marks | marks.floors).items()}
    good = {"rows": rows, "compiling": {"cpu_seconds": 1.99}, "blocking": {}}
    assert judge(good, marks) == 0
    assert judge({**good, "rows": rows | {"slots": {"cpu_ratio": 0.799}}}, marks) == 1
    assert capsys.readouterr().err == "slots is below its mark 0.8: 0.799\n"
    assert judge({**good, "rows": rows | {"redeem": {"cpu_ratio": 0}}}, marks) == 1
    assert capsys.readouterr().err.startswith("redeem is below its floor")


def test_plans_that_take_too_long_to_compile_fail_the_bench(capsys: pytest.CaptureFixture[str]) -> None:
    assert judge({"rows": {}, "compiling": {"cpu_seconds": 2.0}, "blocking": {}}, read_marks()) == 1
    assert "2.0 are allowed" in capsys.readouterr().err


def test_a_loop_that_stands_still_for_too_long_fails_the_bench(capsys: pytest.CaptureFixture[str]) -> None:
    good = {"rows": {}, "compiling": {"cpu_seconds": 1.9}, "blocking": {"refunds": [30, 9.9, 9, 8, 99]}}
    assert judge(good, read_marks()) == 0
    assert judge({**good, "blocking": {"refunds": [30, 10, 9, 8, 99]}}, read_marks()) == 1
    assert capsys.readouterr().err == "the event loop stands still for 10 ms: refunds; 5.0 ms are allowed\n"
