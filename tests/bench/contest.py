"""The same cases to several sides in turn, round after round: what each needs of CPU for a request."""

import sys
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import Any

import orjson

from models import database
from tests.bench.equality import Ask, assert_equal
from tests.bench.load import Answer, Wire, fire
from tests.bench.processes import Side, backends, cpu_seconds
from tests.bench.workloads import Case, Workload

ROUNDS = 7
EQUAL_CASES = 20

BARE = "bare"
CURSORS = ("cursor", "endCursor")


@dataclass(frozen=True)
class Contestant:
    """A side, and how it is asked. The bare routes are called BARE; they are whom all must equal."""

    name: str
    side: Side
    wire: Wire
    has_sines_of_its_own: bool = False
    """Another library's last digit: its cursors hold the same squared metres to the square millimetre only."""


@dataclass(frozen=True)
class Round:
    """One contestant's share of a round, in milliseconds a request."""

    cpu_ms: float
    db_cpu_ms: float | None
    p50_ms: float


Rounds = Mapping[str, Sequence[Round]]
"""By contestant; the first of each belong together, and so on."""


async def contest(workload: Workload, contestants: Sequence[Contestant]) -> Rounds:
    """Equality first; then a round that does not count; then the rounds, each contestant in turn."""
    print(f"{workload.name} …", file=sys.stderr, flush=True)
    [bare] = [contestant for contestant in contestants if contestant.name == BARE]
    for contestant in contestants:
        if contestant is not bare:
            await _assert_equal(workload, contestant, bare)
    rounds: dict[str, list[Round]] = {contestant.name: [] for contestant in contestants}
    for number in range(ROUNDS + 1):
        same = list(islice(workload.cases, workload.requests_a_round)) if not workload.writes else None
        for contestant in contestants:
            cases = same or list(islice(workload.cases, workload.requests_a_round))
            measured = await _round(workload, contestant, cases)
            if number:
                rounds[contestant.name].append(measured)
    return rounds


async def _assert_equal(workload: Workload, contestant: Contestant, bare: Contestant) -> None:
    asking, asking_bare = _asking(contestant), _asking(bare)
    if contestant.has_sines_of_its_own:
        asking, asking_bare = _with_rounded_cursors(asking), _with_rounded_cursors(asking_bare)
    try:
        await assert_equal(workload, asking, asking_bare, cases=EQUAL_CASES)
    except AssertionError as error:
        error.add_note(f"{workload.name}, {contestant.name}, called ours above")
        raise


def _with_rounded_cursors(ask: Ask) -> Ask:
    def rounded(data: Any) -> Any:
        if isinstance(data, dict):
            return {name: _cursor(value) if name in CURSORS else rounded(value) for name, value in data.items()}
        return [rounded(each) for each in data] if isinstance(data, list) else data

    async def ask_and_round(workload: Workload, case: Case) -> Any:
        return rounded(await ask(workload, case))

    return ask_and_round


def _cursor(text: str) -> tuple[float, int]:
    squared_metres, row_id = orjson.loads(urlsafe_b64decode(text))
    return round(squared_metres, 6), row_id


def _asking(contestant: Contestant) -> Ask:
    async def ask(workload: Workload, case: Case) -> Any:
        [answer] = await fire(contestant.side.port, [contestant.wire(workload, case)])
        if case.letter:
            return {"status": answer.status, "body": answer.body.decode()}
        assert answer.status == 200, f"{contestant.name}: {answer}"
        said = orjson.loads(answer.body)
        assert "errors" not in said, f"{contestant.name}: {answer}"
        return said["data"]

    return ask


async def _round(workload: Workload, contestant: Contestant, cases: Sequence[Case]) -> Round:
    assert len(cases) == workload.requests_a_round, f"{workload.name}: the world is too small"
    await _desks_are_in_use()
    requests = [contestant.wire(workload, case) for case in cases]
    side = contestant.side
    serving = await backends(side)
    counted = await _counted(workload)
    before = cpu_seconds(side.pid), sum(map(cpu_seconds, serving))
    answers = await fire(side.port, requests)
    after = cpu_seconds(side.pid), sum(map(cpu_seconds, serving))
    for answer in answers:
        _check(workload, contestant, answer)
    assert await _counted(workload) == {
        what: count + len(cases) * workload.writes[what] for what, count in counted.items()
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


async def _counted(workload: Workload) -> dict[str, int]:
    counted = {}
    for what in workload.writes:
        [found] = await database.rows(f"SELECT COUNT(*) AS rows FROM {what}")
        counted[what] = found["rows"]
    return counted


def _check(workload: Workload, contestant: Contestant, answer: Answer) -> None:
    proof, times = workload.proof
    proven = (
        answer.status == workload.status and b'"errors"' not in answer.body and answer.body.count(proof) == times
    )
    assert proven, f"{workload.name}, {contestant.name}: {answer}"
