"""Devices at the doors."""

from typing import Annotated

import typer

from bff.cli.acting import connected
from bff.settings import Settings, read_settings
from models.footfall import devices

commands = typer.Typer(help="Devices at the doors.", no_args_is_help=True)


@commands.command("create")
def create_gate(
    device_no: str,
    venue: Annotated[str, typer.Option(help="The venue's public id.")],
    direction: Annotated[str, typer.Option(help="ENTRY or EXIT.")],
    protocol: Annotated[
        devices.Protocol, typer.Option(help="READER: the common readers' form. SIGNED: JSON with HMAC.")
    ] = devices.Protocol.READER,
    network: Annotated[list[str] | None, typer.Option(help="Only from here, such as 10.1.0.0/16.")] = None,
    core_area: Annotated[bool, typer.Option(help="What the platform calls isCoreArea.")] = True,
    sport: Annotated[
        str,
        typer.Option(help="It counts, without codes, who goes to the sessions of this sport, such as SWIMMING."),
    ] = "",
) -> None:
    """Register a device; its address and signing secret are shown once."""

    async def create(settings: Settings) -> devices.GateCredentials:
        return await devices.create_gate(
            device_no=device_no,
            venue_public_id=venue,
            direction=direction,
            keys=settings.gate_keys,
            protocol=protocol,
            allowed_networks=network or (),
            is_core_area=core_area,
            sport_code=sport,
        )

    _show_gate(connected(create))


@commands.command("rotate")
def rotate_gate(
    device_no: str,
    finish: Annotated[bool, typer.Option(help="The device has its new token: end the old one.")] = False,
) -> None:
    """Give a device a new token; the old one stays valid until `--finish`."""
    if finish:
        connected(lambda _: devices.finish_rotation(device_no=device_no))
        return
    _show_gate(connected(lambda settings: devices.rotate_token(device_no=device_no, keys=settings.gate_keys)))


def _show_gate(credentials: devices.GateCredentials) -> None:
    print(f"address         {read_settings().public_base_url}/gates/{credentials.token}")
    print(f"signing secret  {credentials.signing_secret}")
    print("Neither is stored; write them into the device now.")
