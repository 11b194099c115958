"""`python -m sandbox keys|wechat|wechat-pay|alipay|tencent-cloud|government-platform`: one process for each simulated house."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from starlette.applications import Starlette

from sandbox import alipay, government_platform, tencent_cloud, wechat, wechat_pay
from sandbox.keys import make_keys

cli = typer.Typer(help="The outside, simulated on the real wire.", no_args_is_help=True, add_completion=False)

Folder = Annotated[Path, typer.Option("--dir", help="Where keys and the durable stores are kept.")]
NoticeTimeScale = Annotated[
    float,
    typer.Option(envvar="SANDBOX_NOTICE_TIME_SCALE", help="Times the provider's schedule of notice retries."),
]
Port = Annotated[int, typer.Option("--port", help="The loopback port to listen on.")]


@cli.command()
def keys(folder: Folder) -> None:
    """Make what is missing of keys and secrets, and write product.env."""
    make_keys(folder)
    typer.echo(folder / "product.env")


@cli.command("wechat")
def serve_wechat(port: Port, folder: Folder) -> None:
    """Login codes, phone codes, access tokens, the official account's OAuth, messages."""
    _serve(wechat.create_app, port, folder)


@cli.command("wechat-pay")
def serve_wechat_pay(port: Port, folder: Folder, notice_time_scale: NoticeTimeScale = 1.0) -> None:
    """WeChat Pay v3, and the page where a person acts as the payer (/payer)."""
    _serve(partial(wechat_pay.create_app, notice_time_scale=notice_time_scale), port, folder)


@cli.command("alipay")
def serve_alipay(port: Port, folder: Folder, notice_time_scale: NoticeTimeScale = 1.0) -> None:
    """Alipay's gateway, its cashier page, and the page where a person acts as the payer (/payer)."""
    _serve(partial(alipay.create_app, notice_time_scale=notice_time_scale), port, folder)


@cli.command("tencent-cloud")
def serve_tencent_cloud(port: Port, folder: Folder) -> None:
    """SMS, and whether a name and an ID number belong together."""
    _serve(tencent_cloud.create_app, port, folder)


@cli.command("government-platform")
def serve_government_platform(port: Port, folder: Folder) -> None:
    """The platform that orders, redemptions, gate scans and hourly figures are forwarded to."""
    _serve(government_platform.create_app, port, folder)


def _serve(create_app: Callable[[Path], Starlette], port: int, folder: Path) -> None:
    make_keys(folder)
    uvicorn.run(
        create_app(folder),
        host="127.0.0.1",
        port=port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=3,
    )


if __name__ == "__main__":
    cli()
