"""Brings the weekly plans of `data/sessions.csv` into the database, beside the places of `models.venues`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from models import database
from models.booking.session_rules import (
    Plan,
    Ticket,
    TicketPrice,
    check_free_day,
    check_plan,
    check_together,
    is_kind_of_day,
)
from models.booking.tables import SessionPlan, SessionPrice
from models.calendar import business_day
from models.errors import BadInput
from models.regions.bringing import ImportReport
from models.regions.files import ImportRefused, day_in, one_of, read_csv, whole
from models.venues.schedules import PROVENANCES, minute_in
from models.venues.tables import Sport, Venue

FILE = "sessions.csv"
_KEY = ("venue_id", "sport_code", "name", "day_kind", "from_minute", "valid_from")
_KINDS = ("FREE", "LOW", "MARKET")


@dataclass(frozen=True, slots=True)
class PlanInFile:
    """A plan, whose it is, and who says so."""

    reference: str
    plan: Plan
    provenance: str
    source: str


async def import_session_plans(*, folder: Path, report: ImportReport, now: datetime) -> None:
    """Makes the tables say what the file says, and adds to the report what was touched. Run it after the venues' import.

    A plan that vanished from the file ends today: sessions may have been sold by it. Plans that staff wrote stay.
    Raises ImportRefused, and has then written nothing.
    """
    await _bring_in(session_plans_in(folder), report, now=now)


def session_plans_in(folder: Path) -> list[PlanInFile]:
    """The file's rows, checked one by one and together."""
    plans = [_plan(row) for row in read_csv(folder, FILE)]
    for reference in dict.fromkeys(plan.reference for plan in plans):
        try:
            of_venue = [each.plan for each in plans if each.reference == reference]
            check_together(of_venue)
            check_free_day(of_venue)
        except BadInput as refusal:
            raise ImportRefused(f"{FILE} {reference}: {refusal.sentence()}") from refusal
    return plans


def demonstration_tickets(folder: Path) -> int:
    """How many prices of the file nobody published: what a production start must not charge by oversight."""
    return sum(
        price.provenance == "DEMONSTRATION" and price.price_fen > 0
        for each in session_plans_in(folder)
        for price in each.plan.prices
    )


def _plan(row: Mapping[str, str]) -> PlanInFile:
    where = f"{FILE} {row['reference']} {row['name']} {row['day_kind']} {row['from']}"
    one_of(row["provenance"], PROVENANCES, where)
    one_of(row["price_provenance"], PROVENANCES, where)
    if not is_kind_of_day(row["day_kind"]):
        raise ImportRefused(f"{where}: {row['day_kind']!r} is no kind of day")
    valid_from = day_in(row["valid_from"], where)
    if valid_from is None:
        raise ImportRefused(f"{where}: a plan begins on a day")
    plan = Plan(
        sport_code=row["sport"],
        name=row["name"],
        day_kind=row["day_kind"],
        from_minute=minute_in(row["from"], where),
        to_minute=minute_in(row["to"], where),
        area_m2=whole(row["area_m2"], where),
        lifeguards=whole(row["lifeguards"], where),
        capacity=whole(row["capacity"], where),
        places_a_person_a_day=whole(row["places_a_person_a_day"], where),
        valid_from=valid_from,
        valid_to=day_in(row["valid_to"], where),
        prices=tuple(_price(text, row["price_provenance"], where) for text in row["prices"].split("|") if text),
    )
    try:
        check_plan(plan)
    except BadInput as refusal:
        raise ImportRefused(f"{where}: {refusal.sentence()}") from refusal
    return PlanInFile(row["reference"], plan, row["provenance"], row["source"])


def _price(text: str, provenance: str, where: str) -> TicketPrice:
    """ADULT MARKET 3000"""
    ticket, _, rest = text.partition(" ")
    kind, _, fen = rest.partition(" ")
    one_of(ticket, tuple(Ticket), where)
    one_of(kind, _KINDS, where)
    return TicketPrice(ticket, kind, whole(fen, where), provenance)


@database.operation
async def _bring_in(plans: Sequence[PlanInFile], report: ImportReport, *, now: datetime) -> None:
    await database.alone_with("import of session plans")
    venue_ids = {venue["ref"]: venue["id"] for venue in await Venue.all().values("ref", "id")}
    sports = {sport["code"] for sport in await Sport.all().values("code")}
    there = await SessionPlan.filter(written_by_id=None).values()
    current = {tuple(row[column] for column in _KEY): row for row in there}
    for each in plans:
        if each.reference not in venue_ids or each.plan.sport_code not in sports:
            raise ImportRefused(f"{FILE} {each.reference}: there is no such venue or sport")
        columns = _columns(each, venue_ids[each.reference])
        known = current.pop(tuple(columns[column] for column in _KEY), None)
        if known is None:
            plan_id = (await SessionPlan.create(**columns, written_at=now)).id
            report.count("session_plan", added=1)
        else:
            plan_id = known["id"]
            if different := {name: value for name, value in columns.items() if known[name] != value}:
                await SessionPlan.filter(id=plan_id).update(**different, written_at=now)
                report.count("session_plan", changed=1)
        await _bring_prices(plan_id, each.plan.prices, report)
    today = business_day(now)
    for gone in current.values():
        if gone["valid_to"] is None or gone["valid_to"] > max(today, gone["valid_from"]):
            await SessionPlan.filter(id=gone["id"]).update(valid_to=max(today, gone["valid_from"]), written_at=now)
            report.count("session_plan", closed=1)


def _columns(each: PlanInFile, venue_id: int) -> dict[str, Any]:
    columns = {name: value for name, value in each.plan._asdict().items() if name != "prices"}
    return {"venue_id": venue_id, **columns, "provenance": each.provenance, "source": each.source}


async def _bring_prices(plan_id: int, prices: Sequence[TicketPrice], report: ImportReport) -> None:
    current = {row["ticket"]: row for row in await SessionPrice.filter(plan_id=plan_id).values()}
    for price in prices:
        known = current.pop(price.ticket, None)
        if known is None:
            await SessionPrice.create(plan_id=plan_id, **price._asdict())
            report.count("session_price", added=1)
        elif different := {name: value for name, value in price._asdict().items() if known[name] != value}:
            await SessionPrice.filter(id=known["id"]).update(**different)
            report.count("session_price", changed=1)
    await SessionPrice.filter(id__in=[row["id"] for row in current.values()]).delete()
    report.count("session_price", removed=len(current))
