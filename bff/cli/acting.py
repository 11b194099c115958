"""How a command acts: with the database open, and with its line in the audit trail."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from getpass import getuser
from typing import Any, TypeVar

import typer

from bff.cli.root import cli
from bff.settings import Settings, read_settings
from bff.wiring import utc_now
from models import database
from models.audit.deeds import Deed
from models.audit.doing import Doing
from models.audit.rules import told_by
from models.keys import AuditKeys

T = TypeVar("T")
NOT_AUDITED = {
    "outbox dead": "only looks at what the platform has not taken: numbers, nobody's data",
    "third-parties list": "only looks at whose applications are registered",
    "statement verify": "only reads our public keys",
    "draw verify": "only reads a file that is public",
    "audit verify": "only recomputes; that it found something is in the log",
}
"""Commands that leave no line, each with its reason."""


def connected(act: Callable[[Settings], Awaitable[T]]) -> T:
    """Runs one act with the database open, and with its line in the audit trail."""
    settings = read_settings()
    command = _command_typed()
    deed = Deed(
        actor_kind="OPERATOR",
        actor_id=_operator(),
        act=command,
        at=utc_now(),
        is_quiet=command in NOT_AUDITED,
    )
    told_by(deed, sys.argv)

    async def inside() -> T:
        await database.connect(settings.database_url)
        try:
            async with Doing(deed, keys=AuditKeys(settings.audit_keys)):
                return await act(settings)
        finally:
            await database.close()

    return asyncio.run(inside())


def _command_typed() -> str:
    """`staff create`, without what was typed behind it."""
    command: Any = typer.main.get_command(cli)
    path = []
    for word in sys.argv[1:]:
        command = getattr(command, "commands", {}).get(word)
        if command is None:
            break
        path.append(word)
    return " ".join(path)


def _operator() -> str:
    """Who is signed in on this machine; in a container often nobody with a name."""
    try:
        return getuser()[:40]
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def fail(sentence: str) -> None:
    print(sentence, file=sys.stderr)
    sys.exit(1)
