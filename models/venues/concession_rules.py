"""Which concessions a venue gives on a day."""

from collections.abc import Iterable
from datetime import date

import orjson

from models import database
from models.venues.concessions import Rule

_RULES = """
SELECT each.value AS day, COALESCE(
  (SELECT concessions::json FROM tariff_version
    WHERE venue_id = $1 AND from_day <= each.value::date AND (to_day IS NULL OR to_day > each.value::date)
      AND concessions IS NOT NULL
    ORDER BY number DESC LIMIT 1),
  (SELECT json_agg(json_build_array(kind, pays_percent, covers, provenance)) FROM concession_rule
    WHERE venue_id = $1 HAVING COUNT(*) > 0),
  (SELECT json_agg(json_build_array(kind, pays_percent, covers, provenance)) FROM concession_rule
    WHERE venue_id IS NULL)) AS rules
  FROM json_array_elements_text($2::json) AS each
"""


async def rules_on(venue_id: int, days: Iterable[date]) -> dict[date, tuple[Rule, ...]]:
    """Of each day, by the tariff in force on it, else the venue's own, else those of every venue. One statement."""
    found = await database.rows(_RULES, venue_id, orjson.dumps(sorted(days)).decode())
    return {
        date.fromisoformat(row["day"]): tuple(Rule(*rule) for rule in orjson.loads(row["rules"] or "[]"))
        for row in found
    }


async def rules_at(venue_id: int, day: date) -> tuple[Rule, ...]:
    """The same of one day."""
    return (await rules_on(venue_id, [day]))[day]
