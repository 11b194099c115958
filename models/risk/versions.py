"""Which rules are in force, and what they were before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from models import database
from models.risk.reading import rules_of
from models.risk.rules import Rules

MOST_VERSIONS = 100
_VERSIONS = """
SELECT risk_rules.version, risk_rules.rules, risk_rules.why, risk_rules.made_at, risk_rules.in_force_from,
       maker.display_name AS made_by, approver.display_name AS approved_by
  FROM risk_rules LEFT JOIN staff_member maker ON maker.id = risk_rules.made_by_id
                  LEFT JOIN staff_member approver ON approver.id = risk_rules.approved_by_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """`made_by` and `approved_by` are empty where the product brought it along."""

    version: int
    rules: Rules
    why: str
    made_by: str
    approved_by: str
    made_at: datetime
    in_force_from: datetime


async def in_force(*, now: datetime) -> Version | None:
    """The latest that has begun; None before any was brought in."""
    found = await database.row(
        _VERSIONS + "WHERE in_force_from <= $1 ORDER BY in_force_from DESC, version DESC LIMIT 1", now
    )
    return None if found is None else _version(found)


async def latest(many: int) -> Sequence[Version]:
    """The newest first."""
    return [_version(row) for row in await database.rows(_VERSIONS + "ORDER BY version DESC LIMIT $1", many)]


def _version(row: Any) -> Version:
    return Version(
        version=row["version"],
        rules=rules_of(plain(row["rules"])),
        why=row["why"],
        made_by=row["made_by"] or "",
        approved_by=row["approved_by"] or "",
        made_at=database.utc(row["made_at"]),
        in_force_from=database.utc(row["in_force_from"]),
    )


def plain(column: Any) -> Any:
    """A JSON column as hot SQL reads it: text on either database."""
    return orjson.loads(column) if isinstance(column, str | bytes) else column
