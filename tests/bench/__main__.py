"""`make bench`: our web process beside bare routes, on the same PostgreSQL, in one run (docs/decisions/bench-baseline.md).

Prints a table, writes build/bench.json, and exits 1 when a ratio is below floors.json.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import orjson
import uvloop

from bff.settings import read_settings
from models import database
from models.keys import code_keys
from tests import databases
from tests.bench import world
from tests.bench.equality import assert_equal
from tests.bench.load import Answer, fire, to_bare, to_ours
from tests.bench.processes import Side, backends, both_sides, cpu_seconds, environment_of
from tests.bench.workloads import Case, Workload, workloads

ROUNDS = 7
EQUAL_CASES = 20
FLOORS = Path(__file__).parent / "floors.json"
RESULTS = Path(__file__).parents[2] / "build" / "bench.json"


@dataclass(frozen=True)
class Round:
    """One side's share of a round, in milliseconds a request."""

    cpu_ms: float
    db_cpu_ms: float | None
    p50_ms: float


async def bench() -> dict[str, dict[str, Any]]:
    databases.KIND = "postgres"  # whatever the tests run on
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with databases.migrated_database(folder) as fresh:
            now = datetime.now(UTC)
            built = await world.build(world.Size(), now=now)
            environment = environment_of(folder, fresh.url)
            keys = code_keys(read_settings(environment).code_keys)
            with both_sides(folder, environment) as (ours, bare):
                return {workload.name: await _measure(workload, ours, bare) for workload in workloads(built, keys)}


async def _measure(workload: Workload, ours: Side, bare: Side) -> dict[str, Any]:
    """Equality first; then a round that does not count; then the rounds, ours and bare in turn."""
    print(f"{workload.name} …", file=sys.stderr, flush=True)
    await assert_equal(workload, _asking(ours, to_ours), _asking(bare, to_bare), cases=EQUAL_CASES)
    rounds: list[tuple[Round, Round]] = []
    for number in range(ROUNDS + 1):
        cases = list(islice(workload.cases, workload.requests_a_round)) if not workload.writes else None
        pair = (await _round(workload, ours, to_ours, cases), await _round(workload, bare, to_bare, cases))
        if number:
            rounds.append(pair)
    return _summary(workload, rounds)


Wire = Callable[[Workload, Case], bytes]


def _asking(side: Side, wire: Wire) -> Callable[[Workload, Case], Any]:
    async def ask(workload: Workload, case: Case) -> Any:
        [answer] = await fire(side.port, [wire(workload, case)])
        assert answer.status == 200, answer
        said = orjson.loads(answer.body)
        assert "errors" not in said, said
        return said["data"]

    return ask


async def _round(workload: Workload, side: Side, wire: Wire, cases: list[Case] | None) -> Round:
    await _desks_are_in_use()
    cases = cases or list(islice(workload.cases, workload.requests_a_round))
    assert len(cases) == workload.requests_a_round, f"{workload.name}: the world is too small"
    requests = [wire(workload, case) for case in cases]
    serving = await backends(side)
    rows = await _rows(workload)
    before = cpu_seconds(side.pid), sum(map(cpu_seconds, serving))
    answers = await fire(side.port, requests)
    after = cpu_seconds(side.pid), sum(map(cpu_seconds, serving))
    _check(workload, answers)
    assert await _rows(workload) == {
        table: count + len(cases) * workload.writes[table] for table, count in rows.items()
    }
    a_request = 1000 / len(cases)
    return Round(
        cpu_ms=(after[0] - before[0]) * a_request,
        db_cpu_ms=(after[1] - before[1]) * a_request if serving else None,
        p50_ms=median(answer.seconds for answer in answers) * 1000,
    )


async def _desks_are_in_use() -> None:
    """A desk's row is written once a minute; here by us, so that no side does it more often than the other."""
    await database.rows("UPDATE staff_sign_in SET last_seen_at = now() RETURNING id")


async def _rows(workload: Workload) -> dict[str, int]:
    counted = {}
    for table in workload.writes:
        [found] = await database.rows(f"SELECT COUNT(*) AS rows FROM {table}")
        counted[table] = found["rows"]
    return counted


def _check(workload: Workload, answers: list[Answer]) -> None:
    proof, times = workload.proof
    for answer in answers:
        assert answer.status == 200, answer
        assert b'"errors"' not in answer.body, answer
        assert answer.body.count(proof) == times, answer


def _summary(workload: Workload, rounds: list[tuple[Round, Round]]) -> dict[str, Any]:
    """Medians over the rounds. The ratio is 1 when we need as much CPU as the bare route, less when we need more."""
    ratios = sorted(bare.cpu_ms / ours.cpu_ms for ours, bare in rounds)

    def middle(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return round(median(known), 3) if known else None

    return {
        "cpu_ratio": round(median(ratios), 3),
        "cpu_ratio_from": round(ratios[0], 3),
        "cpu_ratio_to": round(ratios[-1], 3),
        "cpu_ms": middle([ours.cpu_ms for ours, _ in rounds]),
        "bare_cpu_ms": middle([bare.cpu_ms for _, bare in rounds]),
        "db_cpu_ms": middle([ours.db_cpu_ms for ours, _ in rounds]),
        "bare_db_cpu_ms": middle([bare.db_cpu_ms for _, bare in rounds]),
        "p50_ms": middle([ours.p50_ms for ours, _ in rounds]),
        "bare_p50_ms": middle([bare.p50_ms for _, bare in rounds]),
        "rounds": len(rounds),
        "requests": len(rounds) * workload.requests_a_round,
    }


FIGURES = {"cpu_ms": "CPU ms", "db_cpu_ms": "PostgreSQL ms", "p50_ms": "p50 ms"}


def _print(results: dict[str, dict[str, Any]], floors: dict[str, float]) -> None:
    print(f"{'each request':14}" + "".join(f"{title:>22}" for title in FIGURES.values()) + f"{'ratio':>10}")
    print(f"{'':14}" + f"{'ours':>12}{'bare':>10}" * len(FIGURES))
    for name, said in results.items():
        pairs = [_cell(said[figure], 12) + _cell(said[f"bare_{figure}"], 10) for figure in FIGURES]
        spread = f"({said['cpu_ratio_from']:.3f}–{said['cpu_ratio_to']:.3f}; floor {floors[name]})"
        print(f"{name:14}{''.join(pairs)}{said['cpu_ratio']:10.3f}  {spread}")


def _cell(value: float | None, width: int) -> str:
    return f"{'elsewhere' if value is None else f'{value:.2f}':>{width}}"


def judge(results: dict[str, dict[str, Any]], floors: dict[str, float]) -> int:
    """The exit code: 1 when a ratio is below its floor, which is said."""
    below = [name for name, said in results.items() if said["cpu_ratio"] < floors[name]]
    for name in below:
        print(f"{name} is below its floor: {results[name]['cpu_ratio']} < {floors[name]}", file=sys.stderr)
    return 1 if below else 0


def main() -> int:
    started = time.monotonic()
    results = uvloop.run(bench())
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2))
    floors: dict[str, float] = orjson.loads(FLOORS.read_bytes())
    _print(results, floors)
    print(
        f"{ROUNDS} rounds, 8 requests at once, in {time.monotonic() - started:.0f} s; written to build/bench.json"
    )
    return judge(results, floors)


if __name__ == "__main__":
    sys.exit(main())
