"""What the sandbox's processes share: control routes, faults on the wire, a page that says what this is."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from sandbox.clock import Clock
from sandbox.faults import Faults
from sandbox.store import Row, Store

pages = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True)

MOST_OFFSET_SECONDS = 10 * 365 * 86_400


def do_nothing() -> None:
    """The default when nobody needs to know of a changed fault or clock."""


@dataclass
class Service:
    """One simulated house: its store, its time, its faults.

    `on_change` is called after the faults or the clock were set.
    """

    name: str
    purpose: str
    store: Store
    clock: Clock
    faults: Faults
    on_change: Callable[[], None] = field(default=do_nothing)


@cache
def authorities() -> ssl.SSLContext:
    """Whose word for a merchant's name is believed where a notice goes; reading them takes 25 ms."""
    return httpx.create_ssl_context(trust_env=False)


def json_object(body: bytes) -> Row:
    """The JSON object in `body`. Raises ValueError for anything else, however malformed or deep."""
    try:
        value = json.loads(body)
        json.dumps(value, ensure_ascii=False).encode()  # a lone surrogate can't be stored or sent on
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


async def under_faults(
    service: Service, act: Callable[[], Awaitable[Response]], failure: Callable[[], Response]
) -> Response:
    """Let `act` answer as the faults that are on allow; `failure` is this house's 500."""
    if service.faults.is_on("http_500"):
        return failure()
    response = await act()
    await asyncio.sleep(float(service.faults.get("slow", 0)))
    if service.faults.is_on("http_500_after"):
        return failure()
    return HangUp() if service.faults.is_on("drop_connection") else response


class HangUp(Response):
    """Promises a body and closes the connection instead, as a dying proxy does."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})


def refuse_control(message: str, status: int = 400) -> Response:
    return JSONResponse({"error": message}, status)


def control_routes(service: Service, contents: Callable[[Request], Any]) -> list[Route]:
    """`/`, `/healthz` and the common part of `/_sandbox/`; `contents` shows what the store holds."""

    async def index(_: Request) -> Response:
        return HTMLResponse(pages.get_template("index.html").render(service=service))

    async def healthz(_: Request) -> Response:
        return JSONResponse({"service": service.name, "status": "ok"})

    async def faults(request: Request) -> Response:
        if request.method == "PUT":
            try:
                service.faults.replace(json_object(await request.body()))
            except ValueError as error:
                return refuse_control(str(error))
            service.on_change()
        return JSONResponse(service.faults.all())

    async def clock(request: Request) -> Response:
        if request.method == "PUT":
            try:
                offset = json_object(await request.body()).get("offset_seconds")
            except ValueError as error:
                return refuse_control(str(error))
            if not isinstance(offset, int | float) or not abs(offset) <= MOST_OFFSET_SECONDS:
                return refuse_control(f"offset_seconds is a number within ±{MOST_OFFSET_SECONDS}")
            service.clock.move_to(offset)
            service.on_change()
        now = service.clock.now().isoformat()
        return JSONResponse({"offset_seconds": service.clock.offset_seconds, "now": now})

    async def store(request: Request) -> Response:
        return JSONResponse(contents(request))

    return [
        Route("/", index),
        Route("/healthz", healthz),
        Route("/_sandbox/faults", faults, methods=["GET", "PUT"]),
        Route("/_sandbox/clock", clock, methods=["GET", "PUT"]),
        Route("/_sandbox/store", store),
    ]
