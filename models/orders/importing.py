"""Brings the refund rules of `data/refund_rules.csv` into the database, beside the places of `models.venues`."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from models import database
from models.orders.refund_policy import WHENEVER
from models.orders.rules import RefundParty
from models.orders.tables import RefundRule
from models.regions.bringing import ImportReport
from models.regions.files import ImportRefused, one_of, read_csv, whole
from models.venues.schedules import PROVENANCES
from models.venues.tables import Venue

FILE = "refund_rules.csv"
PARTIES = (RefundParty.MEMBER, RefundParty.VENUE)
_KEY = ("reference", "party", "minutes_before")


async def import_refund_rules(*, folder: Path, report: ImportReport) -> None:
    """Makes the table say what the file says, and adds to the report what was touched. Run it after the venues'
    import. Raises ImportRefused, and has then written nothing."""
    await _bring_in(refund_rules_in(folder), report)


def refund_rules_in(folder: Path) -> list[dict[str, Any]]:
    """The file's rows, checked: who waits longer never gets back more, and a venue that cancels keeps nothing."""
    rules = [_rule(row) for row in read_csv(folder, FILE)]
    if len({tuple(rule[column] for column in _KEY) for rule in rules}) < len(rules):
        raise ImportRefused(f"{FILE}: two rules for the same party and time")
    sets: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for rule in rules:
        sets[rule["reference"], rule["party"]].append(rule)
    for (reference, party), of_set in sets.items():
        of_set.sort(key=lambda rule: int(rule["minutes_before"]))
        for later, earlier in pairwise(of_set):
            if any(earlier[column] > later[column] for column in ("kept_percent", "kept_fen")):
                raise ImportRefused(
                    f"{_where(reference, party)}: {earlier['minutes_before']} minutes before the start more is kept "
                    f"than {later['minutes_before']} before"
                )
    return rules


def demonstration_fees(folder: Path) -> int:
    """How many rules of the file keep what nobody published: what a production start must not do by oversight."""
    rules = refund_rules_in(folder)
    return sum(
        rule["provenance"] == "DEMONSTRATION" and bool(rule["kept_percent"] or rule["kept_fen"]) for rule in rules
    )


def _rule(row: Mapping[str, str]) -> dict[str, Any]:
    where = _where(row["reference"], row["party"])
    one_of(row["party"], PARTIES, where)
    one_of(row["provenance"], PROVENANCES, where)
    rule: dict[str, Any] = {
        "reference": row["reference"],
        "party": row["party"],
        "minutes_before": whole(row["minutes_before"], where) if row["minutes_before"] else WHENEVER,
        "kept_percent": whole(row["kept_percent"], where),
        "kept_fen": whole(row["kept_fen"], where),
        "provenance": row["provenance"],
        "source": row["source"],
    }
    if rule["kept_percent"] > 100:
        raise ImportRefused(f"{where}: more than the whole price cannot be kept")
    if rule["party"] == RefundParty.VENUE and (rule["kept_percent"] or rule["kept_fen"]):
        raise ImportRefused(f"{where}: a venue that cancels keeps nothing")
    if rule["party"] == RefundParty.MEMBER and rule["minutes_before"] == WHENEVER:
        raise ImportRefused(f"{where}: what has begun is no member's to cancel; how long before the start?")
    if rule["party"] == RefundParty.VENUE and rule["minutes_before"] != WHENEVER:
        raise ImportRefused(f"{where}: a venue that cancels gives back everything, whenever it is")
    return rule


def _where(reference: str, party: str) -> str:
    return f"{FILE} {reference or 'default'} {party}"


@database.operation
async def _bring_in(rules: Sequence[dict[str, Any]], report: ImportReport) -> None:
    await database.alone_with("import of refund rules")
    venue_ids = {venue["ref"]: venue["id"] for venue in await Venue.all().values("ref", "id")}
    current = {
        (row["venue_id"], row["party"], row["minutes_before"]): row for row in await RefundRule.all().values()
    }
    for rule in rules:
        reference = rule["reference"]
        if reference and reference not in venue_ids:
            raise ImportRefused(f"{_where(reference, rule['party'])}: there is no such venue")
        columns = {name: value for name, value in rule.items() if name != "reference"}
        venue_id = venue_ids[reference] if reference else None
        known = current.pop((venue_id, rule["party"], rule["minutes_before"]), None)
        if known is None:
            await RefundRule.create(venue_id=venue_id, **columns)
            report.count("refund_rule", added=1)
        elif different := {name: value for name, value in columns.items() if known[name] != value}:
            await RefundRule.filter(id=known["id"]).update(**different)
            report.count("refund_rule", changed=1)
    await RefundRule.filter(id__in=[row["id"] for row in current.values()]).delete()
    report.count("refund_rule", removed=len(current))
