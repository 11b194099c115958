"""Rules against fake redemptions: JSON in `risk_rules` and in `data/risk_rules.json`, `rules.Rules` everywhere else. Pure.

Read strictly, as a campaign's terms are: what is not known is refused, since a misspelt signal would be none. A signal's
steps go from the worst to the mildest, and their points with them; that is what keeps scores monotone.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from models.errors import DomainError, ErrorCode
from models.risk.rules import MOST_POINTS, Rules, Sheet, Step
from models.risk.signals import USE_SIGNALS, VENUE_SIGNALS, Signal

MOST_STEPS = 6
_MOST_VALUE = 10_000_000
_SHEETS: Mapping[str, tuple[Mapping[str, Signal], set[str]]] = {
    "uses": (USE_SIGNALS, {"hold_from", "signals"}),
    "venues": (VENUE_SIGNALS, {"hold_from", "signals", "least_uses"}),
}


class RiskRulesInvalid(DomainError):
    """A rule that cannot be. `field` is where it stands."""

    code = ErrorCode.RISK_RULES_INVALID

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message, next_step="请改好后再保存。", field=field)


def rules_of(said: Any) -> Rules:
    """Raises RISK_RULES_INVALID with the first thing that is wrong."""
    _require(said, {*_SHEETS}, "rules")
    return Rules(uses=_sheet(said["uses"], "uses"), venues=_sheet(said["venues"], "venues"))


def rules_json(rules: Rules) -> dict[str, Any]:
    """What `rules_of` reads back to the same."""
    uses, venues = (
        {
            "hold_from": sheet.hold_from,
            "signals": {name: [list(step) for step in steps] for name, steps in sheet.signals.items()},
        }
        for sheet in (rules.uses, rules.venues)
    )
    return {"uses": uses, "venues": venues | {"least_uses": rules.venues.least_uses}}


def _sheet(said: Any, name: str) -> Sheet:
    signals, known = _SHEETS[name]
    _require(said, known, f"rules.{name}")
    chosen = said["signals"]
    if not isinstance(chosen, Mapping) or not chosen:
        raise RiskRulesInvalid("至少需要一个信号。", field=f"rules.{name}.signals")
    for signal in chosen:
        if signal not in signals:
            raise RiskRulesInvalid(f"没有“{str(signal)[:40]}”这个信号。", field=f"rules.{name}.signals")
    return Sheet(
        hold_from=_whole(said["hold_from"], 1, MOST_POINTS, f"rules.{name}.hold_from"),
        least_uses=_whole(said["least_uses"], 1, 10_000, f"rules.{name}.least_uses") if name == "venues" else 0,
        signals={
            signal: _steps(chosen[signal], signals[signal], f"rules.{name}.signals.{signal}")
            for signal in signals  # in one order, whatever the file's
            if signal in chosen
        },
    )


def _steps(said: Any, signal: Signal, field: str) -> Sequence[Step]:
    if not isinstance(said, list | tuple) or not 1 <= len(said) <= MOST_STEPS:
        raise RiskRulesInvalid(f"“{signal.title}”应有1到{MOST_STEPS}档。", field=field)
    steps = [_step(step, signal, field) for step in said]
    for (worse, more), (milder, fewer) in pairwise(steps):
        if signal.reaches(milder, worse) or fewer >= more:
            raise RiskRulesInvalid(f"“{signal.title}”的各档应从最严重到最轻，分数依次减少。", field=field)
    return tuple(steps)


def _step(said: Any, signal: Signal, field: str) -> Step:
    if not isinstance(said, list | tuple) or len(said) != 2:
        raise RiskRulesInvalid(f"“{signal.title}”的每一档应为两个数：界限和分数。", field=field)
    return _whole(said[0], 0, _MOST_VALUE, field), _whole(said[1], 1, MOST_POINTS, field)


def _whole(value: Any, least: int, most: int, field: str) -> int:
    if type(value) is not int or not least <= value <= most:  # True is an int, and no number
        raise RiskRulesInvalid(f"应为{least}到{most}的整数。", field=field)
    return value


def _require(said: Any, known: set[str], field: str) -> None:
    if not isinstance(said, Mapping):
        raise RiskRulesInvalid("规则的格式不正确。", field=field)
    if wrong := said.keys() ^ known:
        name = sorted(map(str, wrong))[0][:40]
        raise RiskRulesInvalid(f"规则里多了或少了“{name}”这一项。", field=field)
