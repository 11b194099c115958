"""Judging what happened: uses a day after their day, venues' weeks after their Sunday; and the cases that come of it.

Each step finds in the database what is still to do, does a bounded part of it in short transactions, and is harmless
when it is run twice or dies half-way: a score is written once a use and version, a case once a use and once a week.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from models import database
from models.calendar import business_day
from models.ids import new_no
from models.risk import versions
from models.risk.facts import WEEK, venue_facts
from models.risk.gathering import COUNTED, gather
from models.risk.rules import is_held, score
from models.risk.signals import USE_SIGNALS, VENUE_SIGNALS
from models.risk.tables import RiskScore, VenueRisk
from models.risk.versions import Version, plain

KNOWN_AFTER = timedelta(hours=30)
"""After its day is over: a gate that lost its line may deliver for a day what it saw (models/footfall), and what the same
people and phones did on the next day is known as well. No settlement is in such a hurry."""
LOOKED_BACK = timedelta(days=120)
"""An order's use is judged after its slot, which may lie weeks after it was paid."""
WEEKS_LOOKED_BACK, WEEKS_BEFORE = 4, 4
BATCH = 400
BATCHES_A_RUN = 20
VENUES_AT_ONCE = 50

_DUE = f"""
SELECT voucher_use.id FROM voucher_use
 WHERE voucher_use.business_day BETWEEN $1 AND $2 AND voucher_use.state IN {COUNTED}
   AND NOT EXISTS (SELECT 1 FROM risk_score WHERE risk_score.use_id = voucher_use.id)
   AND NOT EXISTS (SELECT 1 FROM order_line WHERE order_line.order_id = voucher_use.order_id
                      AND order_line.cancelled_at IS NULL AND order_line.business_day > $2)
 ORDER BY voucher_use.business_day, voucher_use.id LIMIT $3"""
_VENUES_DUE = f"""
SELECT DISTINCT voucher_use.venue_id FROM voucher_use
 WHERE voucher_use.business_day BETWEEN $1 AND $2 AND voucher_use.state IN {COUNTED}
   AND NOT EXISTS (SELECT 1 FROM venue_risk WHERE venue_risk.venue_id = voucher_use.venue_id AND venue_risk.week = $1)
   AND NOT EXISTS (SELECT 1 FROM voucher_use other
                    WHERE other.venue_id = voucher_use.venue_id AND other.business_day BETWEEN $1 AND $2
                      AND other.way <> 'ORDER' AND other.state IN {COUNTED}
                      AND NOT EXISTS (SELECT 1 FROM risk_score WHERE risk_score.use_id = other.id))
 ORDER BY voucher_use.venue_id LIMIT $3"""


def last_day_due(now: datetime) -> date:
    """The last business day of which everything is known that will be."""
    return business_day(now - KNOWN_AFTER) - timedelta(days=1)


async def score_uses(*, now: datetime) -> int:
    """Judges uses whose day is over, by the rules in force. Gives how many; nothing before there are rules."""
    version = await versions.in_force(now=now)
    if version is None:
        return 0
    last, scored = last_day_due(now), 0
    for _ in range(BATCHES_A_RUN):
        due = await database.rows(_DUE, last - LOOKED_BACK, last, BATCH)
        if not due:
            break
        scored += await score_some([row["id"] for row in due], version, now=now)
    return scored


async def score_some(use_ids: Sequence[int], version: Version, *, now: datetime) -> int:
    """One batch: what is known of it, in a fixed number of statements, and then one short transaction."""
    facts = await gather(use_ids)
    return await _write_uses({use_id: known.as_json() for use_id, known in facts.items()}, version, now=now)


@database.operation
async def _write_uses(facts: Mapping[int, dict[str, int | None]], version: Version, *, now: datetime) -> int:
    rows = []
    for use_id, known in sorted(facts.items()):
        scored = score(known, version.rules.uses, USE_SIGNALS)
        rows.append(
            RiskScore(
                use_id=use_id,
                version=version.version,
                facts=known,
                score=scored.score,
                is_held=is_held(known, scored, version.rules.uses),
                reasons=[reason.as_json() for reason in scored.reasons],
                scored_at=now,
            )
        )
    await RiskScore.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


async def score_venues(*, now: datetime) -> int:
    """Judges venues' weeks that are over, once all that their desks wrote off then is judged. Gives how many."""
    version = await versions.in_force(now=now)
    if version is None:
        return 0
    last = last_day_due(now)
    this_monday = last + timedelta(days=1) - timedelta(days=(last + timedelta(days=1)).weekday())
    scored = 0
    for weeks in range(1, WEEKS_LOOKED_BACK + 1):
        scored += await _score_week(this_monday - weeks * WEEK, version, now=now)
    return scored


async def _score_week(monday: date, version: Version, *, now: datetime) -> int:
    sunday, scored = monday + timedelta(days=6), 0
    while due := await database.rows(_VENUES_DUE, monday, sunday, VENUES_AT_ONCE):
        venues = [row["venue_id"] for row in due]
        uses, before = await _facts_of_week(venues, monday), await _weeks_before(venues, monday)
        await _write_venues(
            {venue: venue_facts(uses.get(venue, []), before=before.get(venue, [])) for venue in venues},
            monday,
            version,
            now=now,
        )
        scored += len(venues)
    return scored


async def _facts_of_week(venues: Sequence[int], monday: date) -> Mapping[int, list[dict[str, Any]]]:
    """As they were stored with the first score of each use."""
    found = await database.rows(
        f"""SELECT voucher_use.venue_id, voucher_use.id, risk_score.facts
              FROM voucher_use JOIN risk_score ON risk_score.use_id = voucher_use.id
             WHERE voucher_use.venue_id = ANY($1::bigint[]) AND voucher_use.business_day BETWEEN $2 AND $3
               AND voucher_use.state IN {COUNTED}
             ORDER BY risk_score.id DESC""",
        *(list(venues), monday, monday + timedelta(days=6)),
    )
    first = {row["id"]: row for row in found}
    of_venue: dict[int, list[dict[str, Any]]] = {}
    for row in first.values():
        of_venue.setdefault(row["venue_id"], []).append(plain(row["facts"]))
    return of_venue


async def _weeks_before(venues: Sequence[int], monday: date) -> Mapping[int, list[int]]:
    found = await database.rows(
        f"""SELECT venue_id, business_day, COUNT(*) AS many FROM voucher_use
             WHERE venue_id = ANY($1::bigint[]) AND business_day >= $2 AND business_day < $3 AND state IN {COUNTED}
             GROUP BY venue_id, business_day""",
        *(list(venues), monday - WEEKS_BEFORE * WEEK, monday),
    )
    counts: dict[int, list[int]] = {venue: [0] * WEEKS_BEFORE for venue in venues}
    for row in found:
        weeks_ago = ((monday - database.day(row["business_day"])).days - 1) // 7
        counts[row["venue_id"]][weeks_ago] += int(row["many"])
    return counts


@database.operation
async def _write_venues(
    facts: Mapping[int, dict[str, int | None]], monday: date, version: Version, *, now: datetime
) -> None:
    rows = []
    for venue_id, known in sorted(facts.items()):
        scored = score(known, version.rules.venues, VENUE_SIGNALS)
        rows.append(
            VenueRisk(
                venue_id=venue_id,
                week=monday,
                version=version.version,
                facts=known,
                score=scored.score,
                is_held=is_held(known, scored, version.rules.venues),
                reasons=[reason.as_json() for reason in scored.reasons],
                scored_at=now,
            )
        )
    await VenueRisk.bulk_create(rows, ignore_conflicts=True)


_HELD_USES = """
SELECT risk_score.use_id, voucher_use.venue_id, risk_score.version, risk_score.score
  FROM risk_score JOIN voucher_use ON voucher_use.id = risk_score.use_id
 WHERE risk_score.is_held AND risk_score.scored_at > $1
   AND voucher_use.state = 'DONE' AND voucher_use.decided_at IS NULL
   AND NOT EXISTS (SELECT 1 FROM risk_case WHERE risk_case.use_id = risk_score.use_id)
 ORDER BY risk_score.id LIMIT $2"""
"""What is HELD has its review already, and what somebody decided is decided; a HELD one whose citizen said yes after all
comes here then. Between two desks that were offline the offline room decides."""
_HELD_WEEKS = """
SELECT venue_risk.venue_id, venue_risk.week, venue_risk.version, venue_risk.score FROM venue_risk
 WHERE venue_risk.is_held AND venue_risk.scored_at > $1
   AND NOT EXISTS (SELECT 1 FROM risk_case
                    WHERE risk_case.venue_id = venue_risk.venue_id AND risk_case.week = venue_risk.week)
 ORDER BY venue_risk.id LIMIT $2"""
_OPEN = """
INSERT INTO risk_case (case_no, use_id, venue_id, week, week_ends, state, version, score, opened_at)
VALUES ($1, $2, $3, $4, $5, 'OPEN', $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id"""


@database.operation
async def open_cases(*, now: datetime) -> int:
    """A case for each use and each venue's week that was scored high and has none. A bounded part; how many."""
    opened = 0
    for row in await database.rows(_HELD_USES, now - LOOKED_BACK, BATCH):
        opened += await open_case(
            venue_id=row["venue_id"], version=row["version"], score=row["score"], use_id=row["use_id"], now=now
        )
    for row in await database.rows(_HELD_WEEKS, now - LOOKED_BACK, BATCH):
        week = database.day(row["week"])
        opened += await open_case(
            venue_id=row["venue_id"], version=row["version"], score=row["score"], week=week, now=now
        )
    return opened


async def open_case(
    *, venue_id: int, version: int, score: int, use_id: int | None = None, week: date | None = None, now: datetime
) -> bool:
    """About a use or about a week, inside the caller's transaction; once."""
    week_ends = week and week + WEEK
    opened = await database.row(_OPEN, new_no("K", now), use_id, venue_id, week, week_ends, version, score, now)
    return opened is not None
