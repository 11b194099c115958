"""What web processes keep for seconds."""

import asyncio

import typer

from bff.cli.acting import fail
from bff.kept_store import forget_everywhere
from bff.settings import Settings, read_settings

NOT_TOLD = (
    "Valkey is away, so people may be told for an hour what stood there before:"
    " run `python -m bff answers forget` when it is back"
)
commands = typer.Typer(help="What web processes keep for seconds.", no_args_is_help=True)


@commands.command("forget")
def forget_answers() -> None:
    """Have every web process read anew what it answers. Harmless: it costs a moment of work."""
    if not forgotten(read_settings()):
        fail(NOT_TOLD)
    print("web processes hear of it within a second")


def forgotten(settings: Settings) -> bool:
    """Also where there is nobody who could keep anything."""
    return not settings.redis_url or asyncio.run(forget_everywhere(settings.redis_url))
