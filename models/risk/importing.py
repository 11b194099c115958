"""Brings version 1 of the rules from `data/risk_rules.json` into the database: once. What follows is two people's."""

from datetime import datetime
from pathlib import Path

import orjson

from models import database
from models.errors import DomainError
from models.regions.bringing import ImportReport
from models.regions.files import ImportRefused
from models.risk.reading import rules_json, rules_of
from models.risk.rules import Rules
from models.risk.tables import RiskRules
from models.venues.schedules import PROVENANCES

FILE = "risk_rules.json"
_KNOWN = {"provenance", "why", "rules"}


def rules_in(folder: Path) -> tuple[Rules, str]:
    """The rules of the file, and what it says of them. Raises ImportRefused."""
    said = orjson.loads((folder / FILE).read_bytes())
    if wrong := said.keys() ^ _KNOWN:
        raise ImportRefused(f"{FILE}: missing or unknown: {', '.join(sorted(wrong))}")
    if said["provenance"] not in PROVENANCES or not 2 <= len(said["why"]) <= 200:
        raise ImportRefused(f"{FILE}: one of {', '.join(PROVENANCES)}, and in 2 to 200 characters why")
    try:
        return rules_of(said["rules"]), said["why"]
    except DomainError as refusal:
        raise ImportRefused(f"{FILE}: {refusal.field}: {refusal.message}") from refusal


async def import_risk_rules(*, folder: Path, report: ImportReport, now: datetime) -> None:
    """Where there are no rules yet, and adds that to the report. Raises ImportRefused, and has then written nothing."""
    rules, why = rules_in(folder)
    if await _bring_in(rules, why, now=now):
        report.count("risk_rules", added=1)


@database.operation
async def _bring_in(rules: Rules, why: str, *, now: datetime) -> bool:
    await database.alone_with("risk rules")
    if await RiskRules.exists():
        return False
    await RiskRules.create(version=1, rules=rules_json(rules), why=why, made_at=now, in_force_from=now)
    return True
