"""What is over leaves the tables that everybody reads, at night, venue by venue, in bounded batches.

Each venue's rows are found by an index that begins with the venue, so nothing here costs more because there is more of
what stays. A batch is one short transaction: the job may die anywhere, run twice, or run beside itself, and the next
night finds whatever is left. docs/decisions/0045-scale.md says who reads these tables and why nobody misses what goes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from models import database
from models.calendar import business_day, minute_of_day, step_of
from models.privacy.rules import AgeRule

NIGHT = range(2, 6)
"""Hours of the local clock in which hardly anybody books."""
VENUES = 500
BATCH = 5_000
MOST_A_RUN = 2_000_000
"""Of all rules together; there are four runs a night."""
DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class PastRule(AgeRule):
    """`condition` says of a row that it may go: $1 is the day or the step before which, $2 the venues."""

    table: str
    condition: str
    by_step: bool = False


RULES: tuple[PastRule, ...] = (
    PastRule(
        name="past_cells",
        what="cells that are over",
        age=2 * DAY,
        why="the order's line says who had which court when; nobody reads a cell once it is over (ours)",
        table="held_cell",
        condition="venue_id = ANY($2::bigint[]) AND step < $1",
        by_step=True,
    ),
    PastRule(
        name="past_places",
        what="places of sessions that are over",
        age=30 * DAY,
        why="the order's line says how many; the session keeps how many were sold (ours)",
        table="held_place",
        condition="session_id IN (SELECT id FROM session WHERE venue_id = ANY($2::bigint[]) AND business_day < $1)",
    ),
    PastRule(
        name="past_sessions",
        what="sessions that are over and that no order names",
        age=30 * DAY,
        why="the plan says that they were; those that an order names stay as long as it (ours)",
        table="session",
        condition="""venue_id = ANY($2::bigint[]) AND business_day < $1 AND taken = 0
                     AND NOT EXISTS (SELECT 1 FROM order_line WHERE order_line.session_id = session.id)
                     AND NOT EXISTS (SELECT 1 FROM held_place WHERE held_place.session_id = session.id)""",
    ),
    PastRule(
        name="past_hours",
        what="how many were inside a venue, hour by hour",
        age=90 * DAY,
        why="forecasts look back eight weeks (ours)",
        table="hourly_occupancy",
        condition="venue_id = ANY($2::bigint[]) AND business_day < $1",
    ),
)


async def purge_past(*, now: datetime) -> Mapping[str, int]:
    """One pass, when it is night; gives how many rows went by each rule."""
    gone: Counter[str] = Counter()
    if minute_of_day(now) // 60 not in NIGHT:
        return gone
    venues: Sequence[int] = [0]
    while venues := await _next_venues(venues[-1]):
        for rule in RULES:
            while batch := await _purge(rule, venues, now):
                gone[rule.name] += batch
                if gone.total() >= MOST_A_RUN:
                    return gone
                if batch < BATCH:
                    break
    return gone


async def _next_venues(after: int) -> list[int]:
    found = await database.rows("SELECT id FROM venue WHERE id > $1 ORDER BY id LIMIT $2", after, VENUES)
    return [row["id"] for row in found]


@database.operation
async def _purge(rule: PastRule, venues: Sequence[int], now: datetime) -> int:
    before = now - rule.age
    gone = await database.rows(
        f"""DELETE FROM {rule.table}
             WHERE id IN (SELECT id FROM {rule.table} WHERE {rule.condition} LIMIT $3) RETURNING id""",
        step_of(before) if rule.by_step else business_day(before),
        list(venues),
        BATCH,
    )
    return len(gone)
