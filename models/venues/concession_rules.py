"""Which concessions a venue gives on a day."""

from datetime import date

import orjson

from models import database
from models.venues.concessions import Rule

_RULES = """
SELECT COALESCE(
  (SELECT concessions::json FROM tariff_version
    WHERE venue_id = $1 AND from_day <= $2 AND (to_day IS NULL OR to_day > $2) AND concessions IS NOT NULL
    ORDER BY number DESC LIMIT 1),
  (SELECT json_agg(json_build_array(kind, pays_percent, covers, provenance)) FROM concession_rule
    WHERE venue_id = $1 HAVING COUNT(*) > 0),
  (SELECT json_agg(json_build_array(kind, pays_percent, covers, provenance)) FROM concession_rule
    WHERE venue_id IS NULL)) AS rules
"""


async def rules_at(venue_id: int, day: date) -> tuple[Rule, ...]:
    """By the tariff in force on the day, else the venue's own, else those of every venue. One statement."""
    found = await database.row(_RULES, venue_id, day)
    assert found is not None
    return tuple(Rule(*rule) for rule in orjson.loads(found["rules"] or "[]"))
