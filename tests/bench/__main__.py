"""`make bench`: our web process beside others, on the same PostgreSQL, in one run (docs/decisions/bench-baseline.md).

Prints a table, writes build/bench.json, and exits 1 when a row is below its mark in marks.json. With names, only those:
`python -m tests.bench slots redeem`.
"""

import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import uvloop

from bff.settings import read_settings
from models.keys import code_keys
from tests import databases
from tests.bench import blocking, compiling, world
from tests.bench.contest import BARE, ROUNDS, Contestant, contest
from tests.bench.letters import LetterWriter, apps_of
from tests.bench.load import by_id, by_letter, by_letter_unheard, by_text, to_bare
from tests.bench.processes import MERCURIUS, Side, all_sides, environment_of
from tests.bench.report import aside, judge, read_marks, row, show
from tests.bench.workloads import Workload, workloads

RESULTS = Path(__file__).parents[2] / "build" / "bench.json"
READS = ("venues_near", "slots")
"""Also asked as free queries, and of the other servers."""
BESIDE_BARE = ("venues_near_live", "sign_out", "place_order", "redeem")
NOTICES = ("settle_notice", "settle_notice_alipay")
CACHED = ("venues_near_cached", "venues_near_live_cached", "slots_cached")
BLOCKING = "blocking"
"""No row: how long the event loop stands still."""
ELSEWHERE = {
    "strawberry": "Strawberry, stock",
    "strawberry_cached": "Strawberry, caches and orjson",
    "ariadne": "Ariadne",
    MERCURIUS: "Mercurius with JIT",
}
OURS, OURS_FREE = "ours", "ours, free query"
UNHEARD = "bare, and wakes no worker"


async def bench() -> dict[str, Any]:
    databases.KIND = "postgres"  # whatever the tests run on
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with databases.migrated_database(folder) as fresh:
            environment = environment_of(folder, fresh.url)
            built = await world.build(world.Size(), apps=apps_of(environment), now=datetime.now(UTC))
            keys = code_keys(read_settings(environment).code_keys)
            given = workloads(built, keys, LetterWriter(environment))
            with all_sides(folder, environment) as sides:
                results = await _contests(given, sides)
    stands_still = blocking.measured() if BLOCKING in (sys.argv[1:] or [BLOCKING]) else {}
    return {**results, "compiling": compiling.measured(), "blocking": stands_still}


async def _contests(given: Mapping[str, Workload], sides: Mapping[str, Side]) -> dict[str, Any]:
    ours, ours_cached = Contestant(OURS, sides["ours"], by_id), Contestant(OURS, sides["ours_cached"], by_id)
    bare = Contestant(BARE, sides["bare"], to_bare)
    free = Contestant(OURS_FREE, sides["ours"], by_text)
    others = [
        Contestant(title, sides[name], by_text, has_sines_of_its_own=name == MERCURIUS)
        for name, title in ELSEWHERE.items()
        if name in sides
    ]
    rows: dict[str, Any] = {}
    information: dict[str, Any] = {}
    wanted = set(sys.argv[1:]) or {*READS, *BESIDE_BARE, *NOTICES, *CACHED}
    for name in filter(wanted.__contains__, READS):
        rounds = await contest(given[name], [ours, bare, free, *others])
        rows[name] = row(rounds, OURS)
        rows[f"{name}_free"] = row(rounds, OURS_FREE, ELSEWHERE["strawberry_cached"])
        information[name] = aside(rounds)
    for name in filter(wanted.__contains__, BESIDE_BARE):
        rows[name] = row(await contest(given[name], [ours, bare]), OURS)
    for name in filter(wanted.__contains__, NOTICES):
        both = [replace(side, wire=by_letter) for side in (ours, bare)]
        unheard = [Contestant(UNHEARD, sides["bare"], by_letter_unheard)] if name == NOTICES[0] else []
        rounds = await contest(given[name], [*both, *unheard])
        rows[name] = row(rounds, OURS)
        if unheard:
            rows[f"{name}_unheard"] = row(rounds, OURS, UNHEARD)
    for name in filter(wanted.__contains__, CACHED):
        rows[name] = row(await contest(given[name], [ours_cached, bare]), OURS)
    return {"rows": rows, "aside": information}


def main() -> int:
    started = time.monotonic()
    results = uvloop.run(bench())
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2))
    marks = read_marks()
    show(results, marks)
    print(
        f"{ROUNDS} rounds, 8 requests at once, in {time.monotonic() - started:.0f} s; written to build/bench.json"
    )
    return judge(results, marks)


if __name__ == "__main__":
    sys.exit(main())
