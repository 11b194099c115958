"""Applications of others that may ask freely."""

from typing import Annotated

import typer

from bff.cli.acting import connected
from bff.wiring import utc_now
from models.third_parties import operations as third_party_room
from models.third_parties.queries import registered
from models.third_parties.rules import Listed, ListedKey, NewKey

commands = typer.Typer(help="Applications of others that may ask freely.", no_args_is_help=True)


@commands.command("register")
def register_third_party(
    name: str, contact: Annotated[str, typer.Option(help="Whom to write to when something is wrong.")]
) -> None:
    """Let somebody's application ask freely. Its key is shown once."""
    _show_key(connected(lambda _: third_party_room.register(name=name, contact=contact, now=utc_now())))


@commands.command("rotate")
def rotate_third_party(
    name: str,
    finish: Annotated[bool, typer.Option(help="The newest key is in use: end all the others.")] = False,
) -> None:
    """One more key; those that it has stay valid until `--finish`."""
    if finish:
        ended = connected(lambda _: third_party_room.finish_rotation(name=name, now=utc_now()))
        print(f"{ended} ended")
        return
    _show_key(connected(lambda _: third_party_room.rotate(name=name, now=utc_now())))


@commands.command("end")
def end_third_party(
    name: str,
    key: Annotated[str | None, typer.Option(help="Only this key, by its last four characters.")] = None,
) -> None:
    """Refuse it from now on, for good: the whole application, or one key of it."""
    if key is None:
        connected(lambda _: third_party_room.end(name=name, now=utc_now()))
    else:
        connected(lambda _: third_party_room.end_key(name=name, last_four=key, now=utc_now()))
    print("ended")


@commands.command("list")
def list_third_parties() -> None:
    """Everybody who was ever registered, and each key by its last four characters."""
    for listed in connected(lambda _: registered()):
        print(listed.name, listed.public_id, listed.contact, _span(listed), sep="\t")
        for key in listed.keys:
            print("", f"…{key.last_four}", "", _span(key), sep="\t")


def _show_key(given: NewKey) -> None:
    print(f"third party  {given.public_id}")
    print(f"X-Api-Key    {given.key}")
    print("The key is not stored; hand it over now, on a safe way.")


def _span(listed: Listed | ListedKey) -> str:
    ended = f"{listed.ended_at:%Y-%m-%dT%H:%M:%SZ}" if listed.ended_at else ""
    return f"{listed.created_at:%Y-%m-%dT%H:%M:%SZ}\t{ended or 'live'}"
