"""What runs until it is stopped."""

import asyncio
import os
import shutil
import sys

import typer
import uvicorn

from bff import logging
from bff import worker as worker_process
from bff.http.heads import BoundedHeads
from bff.run import run as run_everything
from bff.settings import read_settings

commands = typer.Typer()
GRACE_SECONDS = 8


@commands.command()
def run() -> None:
    """Everything on this machine, for development: web, worker, Valkey, sandbox. Ctrl-C stops it."""
    sys.exit(run_everything(os.environ))


@commands.command()
def web() -> None:
    """The web process (or WEB_PROCESSES of them). SIGTERM lets requests finish, for at most 8 s."""
    settings = read_settings()
    logging.configure(settings, "web")
    if settings.web_processes > 1:
        figures = settings.data_dir / "metrics"  # where prometheus-client's processes add up their counts
        shutil.rmtree(figures, ignore_errors=True)
        figures.mkdir(parents=True)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(figures)
    uvicorn.run(
        "bff.app:from_environment",
        factory=True,
        host=settings.host,
        port=settings.port,
        http=BoundedHeads,
        workers=settings.web_processes,
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # bff/http/doorway.py believes only TRUSTED_PROXIES
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


@commands.command()
def worker() -> None:
    """The worker. SIGTERM lets its jobs finish, for at most 8 s."""
    asyncio.run(worker_process.run(read_settings()))
