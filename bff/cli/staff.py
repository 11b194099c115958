"""Accounts of those who work in the house; everything else about them is done at /desk."""

import sys
from getpass import getpass
from typing import Annotated

import typer

from bff.cli.acting import connected, fail
from bff.wiring import utc_now
from models.staff import accounts
from models.staff import operations as staff_room
from models.staff.rules import DESK_ROLES, Role

commands = typer.Typer(help="People who work at a venue.", no_args_is_help=True)


@commands.command("create")
def create_staff(
    username: str,
    name: Annotated[str, typer.Option(help="As shown at the desk.")],
    venue: Annotated[list[str] | None, typer.Option(help="A venue's public id; repeat it for several.")] = None,
    region: Annotated[
        str | None, typer.Option(help="A region's key, such as 510100: there and at all below it.")
    ] = None,
    every_venue: Annotated[bool, typer.Option(help="Everywhere, also at venues that are yet to come.")] = False,
    role: Annotated[
        list[Role] | None, typer.Option(help="Repeat it for several; desk and money without it.")
    ] = None,
) -> None:
    """Open an account with roles at a place. The password is asked for, or read from standard input."""
    if sum((bool(venue), bool(region), every_venue)) != 1:
        fail("name venues with --venue, or a --region, or say --every-venue")
    password = _ask_password()
    connected(
        lambda settings: staff_room.create_staff(
            username=username,
            display_name=name,
            password=password,
            venue_public_ids=venue or None,
            region_key=region or "",
            roles=role or DESK_ROLES,
            policy=settings.staff_policy,
            now=utc_now(),
        )
    )
    print(f"{username} may sign in at /desk")


@commands.command("admins")
def open_administrators(
    system: Annotated[str | None, typer.Option(help="Username of who opens and closes accounts.")] = None,
    security: Annotated[str | None, typer.Option(help="Username of who grants roles and ends sign-ins.")] = None,
    audit_: Annotated[str | None, typer.Option("--audit", help="Username of who reads the audit trail.")] = None,
) -> None:
    """Open the administrators' accounts: three people's, none of whom does another's work. Each gets a first password,
    shown once, and at the first sign-in chooses their own and sets up a second factor."""
    named = {Role.SYSTEM_ADMIN: system, Role.SECURITY_ADMIN: security, Role.AUDITOR: audit_}
    usernames = {role: username for role, username in named.items() if username}
    if not usernames:
        fail("name them with --system, --security and --audit, each a username")
    opened = connected(
        lambda settings: accounts.open_administrators(
            usernames=usernames, policy=settings.staff_policy, now=utc_now()
        )
    )
    for role, first in zip(usernames, opened, strict=True):
        print(role, first.username, first.password, sep="\t")
    print("The passwords are not stored; hand each over to its person now.")


def _ask_password() -> str:
    """Never an argument: those stand in the shell's history and in the list of processes."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass("Password: ")
    if getpass("Once more: ") != password:
        fail("the two are not the same")
    return password
