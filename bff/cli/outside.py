"""Those outside with whom the house speaks: the government platform, WeChat Pay."""

import asyncio

import typer

from bff import wiring
from bff.channels import build_wechat_pay
from bff.cli.acting import connected, fail
from bff.settings import read_settings
from bff.wiring import utc_now
from models.forwarding import operations as forwarding
from models.forwarding.queries import dead_letters
from payments.port import PaymentError

outbox = typer.Typer(help="What the government platform has not taken.", no_args_is_help=True)
merchant = typer.Typer(help="WeChat Pay, seen from our side.", no_args_is_help=True)


@merchant.command("test")
def test_merchant() -> None:
    """Ask WeChat Pay for an echo and a notice. Moves no money; the web log then shows the notice's 204."""

    async def test() -> None:
        wired = wiring.build(read_settings())
        try:
            await build_wechat_pay(wired.settings, wired.http, wired.clock).ask_for_echo()
        finally:
            await wired.queue.close()
            await wired.http.aclose()

    try:
        asyncio.run(test())
    except PaymentError as error:
        fail(str(error))
    print("our signature was accepted and theirs holds; now look for the notice in the web process's log")


@outbox.command("dead")
def show_dead(limit: int = 100) -> None:
    """What was given up, the oldest first."""
    for row in connected(lambda _: dead_letters(limit=limit)):
        print(row.public_id, f"{row.dead_at:%Y-%m-%dT%H:%M:%SZ}", row.kind, row.subject, row.error, sep="\t")


@outbox.command("replay")
def replay_dead(public_ids: list[str]) -> None:
    """Send dead rows again, under their old keys."""
    count = connected(lambda _: forwarding.replay(public_ids=public_ids, now=utc_now()))
    print(f"{count} of {len(public_ids)} will be sent again")
