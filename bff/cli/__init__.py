"""The command line: starts processes, and does what an operator does by hand. Each command is one call of a room."""

import re
import socket
import sys

from tortoise.exceptions import DBConnectionError, OperationalError

from bff.cli import answers, data, gates, outside, processes, sealing, staff, third_parties, verifying, written
from bff.cli.root import cli
from bff.settings import SettingsRefused
from models.errors import DomainError

NO_TABLE = re.compile(r'no such (table|column)|(relation|column) "\S+" does not exist')
"""How SQLite and PostgreSQL say that migrations are missing."""

cli.add_typer(processes.commands)
cli.add_typer(data.commands)
cli.add_typer(written.commands)
cli.add_typer(outside.merchant, name="merchant")
cli.add_typer(verifying.audit, name="audit")
cli.add_typer(verifying.draw, name="draw")
cli.add_typer(verifying.statement, name="statement")
cli.add_typer(sealing.phones, name="phones")
cli.add_typer(sealing.sealed, name="keys")
cli.add_typer(sealing.complaints, name="complaints")
cli.add_typer(staff.commands, name="staff")
cli.add_typer(gates.commands, name="gates")
cli.add_typer(outside.outbox, name="outbox")
cli.add_typer(third_parties.commands, name="third-parties")
cli.add_typer(answers.commands, name="answers")


def main() -> None:
    """Runs a command; what it refuses is said in one place: settings with code 2, acts and what is away with code 1."""
    try:
        cli()
    except SettingsRefused as refused:
        print("This cannot start:", *(f"  - {fault}" for fault in refused.faults), sep="\n", file=sys.stderr)
        sys.exit(2)
    except DomainError as refused:
        print(f"{refused.code}: {refused.sentence()}", file=sys.stderr)
        sys.exit(1)
    except (ConnectionError, socket.gaierror, DBConnectionError) as away:
        print(f"out of reach: {away}; look at DATABASE_URL and REDIS_URL", file=sys.stderr)
        sys.exit(1)
    except OperationalError as error:
        if not NO_TABLE.search(str(error)):
            raise
        print(f"{error}: bring the database up to date with `python -m bff migrate`", file=sys.stderr)
        sys.exit(1)
