"""What is written from the code and committed with it, for developers."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from bff.cli.acting import fail
from bff.graphql import CLIENTS
from bff.wiring import utc_now
from models import migrating
from models.calendar import business_day

commands = typer.Typer()
SCHEMA = Path(__file__).parent.parent.parent / "schema.graphql"


@commands.command()
def schema(
    check: Annotated[bool, typer.Option(help="Only say whether schema.graphql is up to date.")] = False,
) -> None:
    """Write schema.graphql from the code."""
    from resolvers.schema import build_schema  # only this command needs Strawberry, which takes a while

    text = build_schema().as_str() + "\n"
    if not check:
        SCHEMA.write_text(text)
    elif not SCHEMA.exists() or SCHEMA.read_text() != text:
        fail("schema.graphql is not what the code says; run `make schema` and commit it")


@commands.command()
def documents(
    check: Annotated[bool, typer.Option(help="Only say whether the manifest is up to date and fits.")] = False,
    forget: Annotated[list[str] | None, typer.Option(help="A retired document's hash, or how it begins.")] = None,
) -> None:
    """Write clients/manifest.json from the clients' files. What left the files stays trusted, as retired."""
    from plans import documents as trusted
    from plans.checking import Checker
    from resolvers.schema import build_schema

    checker = Checker(build_schema()._schema, introspection=False)
    try:
        if check:
            trusted.check(CLIENTS, checker)
        else:
            said = trusted.renew(CLIENTS, checker, today=business_day(utc_now()), forget=forget or ())
            print(*said, sep="\n", end="\n" if said else "")
    except trusted.Unfit as unfit:
        advice = ["after a change in clients/ run `make documents` and commit the manifest"] if check else []
        fail("\n".join([*unfit.faults, *advice]))


@commands.command()
def migration(check: Annotated[bool, typer.Option(help="Only say whether one is missing.")] = False) -> None:
    """Write the next migration from the tables, for developers."""
    if not check:
        print(*asyncio.run(migrating.write_next()), sep="\n")
    elif missing := asyncio.run(migrating.drift()):
        fail(f"the tables say more than the migrations ({', '.join(missing)}); run `make migration`")
