"""What anybody may hold against us: the audit trail, statements, draws."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bff.cli.acting import connected, fail
from models.audit import queries as audit_room
from models.audit.rules import Head
from models.booking import draw_rules
from models.keys import AuditKeys, StatementKeys
from models.settlement import signing
from models.settlement.statements import public_keys as statement_keys

audit = typer.Typer(help="The audit trail.", no_args_is_help=True)
draw = typer.Typer(help="Draws in place of first come.", no_args_is_help=True)
statement = typer.Typer(help="Statements of what venues are owed.", no_args_is_help=True)


@statement.command("verify")
def verify_statement(
    file: Annotated[Path, typer.Argument(help="As it was downloaded.")],
    public_keys: Annotated[
        Path | None,
        typer.Option(
            "--keys", help="As /statement-keys gives them; then neither settings nor a database are needed."
        ),
    ] = None,
) -> None:
    """Whether a statement is ours, to the last byte. Says whose it is and what it comes to; code 1 if it is not."""
    try:
        known = (
            signing.keys_in(public_keys.read_bytes())
            if public_keys
            else connected(lambda settings: statement_keys(StatementKeys(settings.statement_keys)))
        )
        said = signing.verified(file.read_bytes(), known)
    except signing.NotOurs as refused:
        print(f"{file} is no statement of ours: {refused}", file=sys.stderr)
        sys.exit(1)
    print(said["settlementNo"], said["venue"]["name"], f"{said['fromDay']} to {said['untilDay']}", sep="\t")
    print(f"payable {said['sums']['payable']} fen, of {len(said['lines'])} entries: the signature holds")


@draw.command("verify")
def verify_draw(file: Annotated[Path, typer.Argument(help="A draw's `record`, as it was published.")]) -> None:
    """Do a draw again from its published record, without a database or settings; code 1 if anything does not hold."""
    text = file.read_bytes()
    faults = draw_rules.verify(text)
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        sys.exit(1)
    print("the commitment, the order and every result hold")


@audit.command("verify")
def verify_audit(
    last: Annotated[int | None, typer.Option(min=1, help="Only so many lines at the end; all without it.")] = None,
    head: Annotated[
        str | None, typer.Option(help="SEQ:HASH, as the worker's log told it: shows a tail that was cut off.")
    ] = None,
) -> None:
    """Follow the chain of the audit trail and say the first place that does not hold. Fails when there is one."""
    noted = Head.read(head) if head is not None else None
    found = connected(
        lambda settings: audit_room.verify(keys=AuditKeys(settings.audit_keys), head=noted, last=last)
    )
    print(f"{found.lines} lines hold, {found.waiting} wait to be chained; the chain ends at {found.head}")
    if found.broken is not None:
        fail(f"broken: {found.broken}")
