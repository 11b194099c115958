"""What the rounds say: a line a row with its ratio and its mark, and the others for information."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from tests.bench import blocking, compiling
from tests.bench.contest import BARE, Round, Rounds

MARKS = Path(__file__).parent / "marks.json"


@dataclass(frozen=True)
class Marks:
    """The least ratio of each row: a mark is what was promised and is kept, a floor only catches what falls. An aim is
    what was promised and is not reached: it is shown, and docs/decisions/bench-edge.md says why."""

    marks: dict[str, float]
    floors: dict[str, float]
    aims: dict[str, float]

    def least(self, row: str) -> float:
        return self.marks[row] if row in self.marks else self.floors[row]

    def told(self, row: str) -> str:
        aim = f"; aim {self.aims[row]}, not reached" if row in self.aims else ""
        return f"{'mark' if row in self.marks else 'floor'} {self.least(row)}{aim}"


def read_marks() -> Marks:
    return Marks(**orjson.loads(MARKS.read_bytes()))


def row(rounds: Rounds, ours: str, beside: str = BARE) -> dict[str, Any]:
    """Medians over the rounds. The ratio is 1 when we need as much CPU as the other, less when we need more."""
    pairs = list(zip(rounds[ours], rounds[beside], strict=True))
    ratios = sorted(other.cpu_ms / mine.cpu_ms for mine, other in pairs)
    return {
        "beside": beside,
        "cpu_ratio": round(median(ratios), 3),
        "cpu_ratio_from": round(ratios[0], 3),
        "cpu_ratio_to": round(ratios[-1], 3),
        **{name: _middle(rounds[ours], name) for name in FIGURES},
        **{f"beside_{name}": _middle(rounds[beside], name) for name in FIGURES},
        "rounds": len(pairs),
    }


def aside(rounds: Rounds) -> dict[str, dict[str, Any]]:
    """Every contestant beside the bare routes, for information."""
    return {
        name: {"cpu_ms": told["cpu_ms"], "bare_over_it": told["cpu_ratio"]}
        for name in rounds
        if (told := row(rounds, name))
    }


def _middle(rounds: Any, figure: str) -> float | None:
    known = [value for each in rounds if (value := getattr(each, figure)) is not None]
    return round(median(known), 3) if known else None


FIGURES = {"cpu_ms": "CPU ms", "db_cpu_ms": "PostgreSQL ms", "p50_ms": "p50 ms"}
assert set(FIGURES) == set(Round.__annotations__)


def show(results: Mapping[str, Any], marks: Marks) -> None:
    print(f"{'each request':25}" + "".join(f"{title:>19}" for title in FIGURES.values()) + f"{'ratio':>9}")
    print(f"{'':25}" + f"{'ours':>10}{'beside':>9}" * len(FIGURES))
    for name, said in results["rows"].items():
        pairs = "".join(_cell(said[figure], 10) + _cell(said[f"beside_{figure}"], 9) for figure in FIGURES)
        spread = f"({said['cpu_ratio_from']:.3f}–{said['cpu_ratio_to']:.3f}; {marks.told(name)})"
        beside = "" if said["beside"] == BARE else f" beside {said['beside']}"
        print(f"{name:25}{pairs}{said['cpu_ratio']:9.3f}  {spread}{beside}")
    for name, contestants in results["aside"].items():
        print(f"\n{f'{name}, for information':44}{'CPU ms':>8}{'bare ÷ it':>11}")
        for contestant, said in contestants.items():
            print(f"  {contestant:42}{said['cpu_ms']:8.2f}{said['bare_over_it']:11.3f}")
    said = results["compiling"]
    print(f"\n{said['documents']} trusted documents are ready after {said['cpu_seconds']} s of CPU")
    if results["blocking"]:
        print("\nthe event loop stands still for at most, median of the runs")
    for act, runs in results["blocking"].items():
        print(f"  {act:58}{median(runs):6.1f} ms  ({min(runs):.1f}–{max(runs):.1f}; mark {blocking.MOST_MS})")


def _cell(value: float | None, width: int) -> str:
    return f"{'away' if value is None else f'{value:.3f}':>{width}}"


def judge(results: Mapping[str, Any], marks: Marks) -> int:
    """The exit code: 1 when something is below its mark or floor, which is said."""
    faults = [
        f"{name} is below its {marks.told(name)}: {said['cpu_ratio']}"
        for name, said in results["rows"].items()
        if said["cpu_ratio"] < marks.least(name)
    ]
    seconds = results["compiling"]["cpu_seconds"]
    if seconds >= compiling.MOST_SECONDS:
        faults.append(f"the trusted documents take {seconds} s of CPU; {compiling.MOST_SECONDS} are allowed")
    for act, ms in blocking.too_long(results["blocking"]).items():
        faults.append(f"the event loop stands still for {ms} ms: {act}; {blocking.MOST_MS} ms are allowed")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0
