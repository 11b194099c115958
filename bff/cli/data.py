"""The database brought up to date, and what `data/` holds brought into it."""

import asyncio
import sys
from typing import Annotated

import typer

from bff.cli.acting import connected, fail
from bff.cli.answers import NOT_TOLD, forgotten
from bff.run import DATA
from bff.settings import read_settings
from bff.wiring import utc_now
from models import migrating
from models.booking.importing import import_booking_rules
from models.booking.session_importing import demonstration_tickets, import_session_plans
from models.booking.session_making import make_sessions
from models.calendar import business_day
from models.feedback.importing import import_complaint_clocks
from models.orders.importing import demonstration_fees, import_refund_rules
from models.regions.bringing import ImportReport
from models.risk.importing import import_risk_rules
from models.venues.importing import import_places
from models.venues.reading import demonstration_prices

commands = typer.Typer()


@commands.command()
def migrate() -> None:
    """Bring the database up to date. Several processes may do it at once."""
    asyncio.run(migrating.migrate(read_settings().database_url))


@commands.command("import")
def import_data(
    demonstration: Annotated[
        bool, typer.Option(help="In production: yes, charge the prices and fees that data/ marks DEMONSTRATION.")
    ] = False,
) -> None:
    """Bring in divisions, venues, courts, tariffs, refund rules, complaint clocks from data/. The second time changes nothing."""
    prices, fees = demonstration_prices(DATA) + demonstration_tickets(DATA), demonstration_fees(DATA)
    if read_settings().in_production and (prices or fees) and not demonstration:
        fail(
            f"{prices} prices in data/tariffs.csv and data/sessions.csv and {fees} fees in data/refund_rules.csv are marked DEMONSTRATION: "
            "people would be charged made-up amounts. Replace them, or say --demonstration"
        )
    report = connected(lambda _: _import_data())
    print(f"{report.added} added, {report.changed} changed, {report.closed} closed, {report.removed} removed")
    if report.touched and not forgotten(read_settings()):
        print(NOT_TOLD, file=sys.stderr)


async def _import_data() -> ImportReport:
    report = await import_places(folder=DATA, today=business_day(utc_now()))
    await import_booking_rules(folder=DATA, report=report, now=utc_now())
    await import_refund_rules(folder=DATA, report=report)
    await import_complaint_clocks(folder=DATA, report=report)
    await import_session_plans(folder=DATA, report=report, now=utc_now())
    await make_sessions(now=utc_now())
    await import_risk_rules(folder=DATA, report=report, now=utc_now())
    return report
