"""What other rules would have said of what is past. Every score keeps its facts, so the answer is exact, and it asks nobody
but those rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from models import database
from models.errors import BadInput
from models.risk.rules import CaseState, Rules, Sheet, is_held, score
from models.risk.signals import USE_SIGNALS, VENUE_SIGNALS, Signal
from models.risk.versions import plain

_AT_ONCE = 5000
LONGEST = timedelta(days=92)
"""A quarter of a million uses at a time, at 20 µs each."""

_USES = """
SELECT risk_score.id, risk_score.facts, risk_score.is_held, risk_case.state
  FROM risk_score JOIN voucher_use ON voucher_use.id = risk_score.use_id
                  LEFT JOIN risk_case ON risk_case.use_id = risk_score.use_id
 WHERE voucher_use.business_day BETWEEN $1 AND $2 AND risk_score.id > $3
   AND NOT EXISTS (SELECT 1 FROM risk_score later
                    WHERE later.use_id = risk_score.use_id AND later.id > risk_score.id)
 ORDER BY risk_score.id LIMIT $4"""
_WEEKS = """
SELECT venue_risk.id, venue_risk.facts, venue_risk.is_held, risk_case.state
  FROM venue_risk LEFT JOIN risk_case ON risk_case.venue_id = venue_risk.venue_id AND risk_case.week = venue_risk.week
 WHERE venue_risk.week BETWEEN $1 AND $2 AND venue_risk.id > $3
   AND NOT EXISTS (SELECT 1 FROM venue_risk later WHERE later.venue_id = venue_risk.venue_id
                      AND later.week = venue_risk.week AND later.id > venue_risk.id)
 ORDER BY venue_risk.id LIMIT $4"""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """Of uses, or of venues' weeks: how many were judged, how many would be held and were, and what of those that people
    decided it would have held rightly or in vain, and missed or let pass."""

    judged: int = 0
    would_hold: int = 0
    were_held: int = 0
    confirmed_held: int = 0  # found fake, and it would have been held
    confirmed_missed: int = 0
    cleared_held: int = 0  # found good, and somebody would have had to look all the same
    cleared_passed: int = 0

    @property
    def agrees(self) -> int:
        """With so many of the decisions."""
        return self.confirmed_held + self.cleared_passed

    @property
    def decided(self) -> int:
        return self.agrees + self.confirmed_missed + self.cleared_held

    def count(self, held: bool, row: Mapping[str, Any]) -> None:
        self.judged += 1
        self.would_hold += held
        self.were_held += bool(row["is_held"])
        if row["state"] == CaseState.CONFIRMED:
            self.confirmed_held += held
            self.confirmed_missed += not held
        elif row["state"] == CaseState.CLEARED:
            self.cleared_held += held
            self.cleared_passed += not held


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    uses: Outcome
    weeks: Outcome


async def replay(rules: Rules, *, from_day: date, until_day: date) -> Replay:
    """Over the uses of these days, and over the weeks that begin in them. Raises BAD_INPUT for more than three months."""
    if not timedelta(0) <= until_day - from_day <= LONGEST:
        raise BadInput("起止日期不正确。", next_step="请按先后填写，最多三个月。", field="fromDay")
    return Replay(
        uses=await _over(_USES, rules.uses, USE_SIGNALS, from_day, until_day),
        weeks=await _over(_WEEKS, rules.venues, VENUE_SIGNALS, from_day, until_day),
    )


async def _over(sql: str, sheet: Sheet, signals: Mapping[str, Signal], from_day: date, until_day: date) -> Outcome:
    outcome, after = Outcome(), 0
    while found := await _some(sql, from_day, until_day, after):
        for row in found:
            facts = plain(row["facts"])
            outcome.count(is_held(facts, score(facts, sheet, signals), sheet), row)
        after = found[-1]["id"]
    return outcome


async def _some(sql: str, from_day: date, until_day: date, after: int) -> Sequence[Any]:
    return await database.rows(sql, from_day, until_day, after, _AT_ONCE)
