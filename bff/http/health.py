"""Is the process alive, may it get requests, and how is it doing: /healthz, /readyz, /metrics."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import orjson
import structlog
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bff import metrics

Check = Callable[[], Awaitable[None]]
"""Returns when all is well; raises when not."""

BOUND_SECONDS = 2.0

log = structlog.get_logger("bff.health")


def health_routes(checks: Mapping[str, Check], figures: metrics.Figures) -> list[BaseRoute]:
    async def readyz(_request: Request) -> Response:
        answers = await asyncio.gather(*(_answer(name, check) for name, check in checks.items()))
        ready = all(answer == "ok" for answer in answers)
        said = {"ready": ready, "checks": dict(zip(checks, answers, strict=True))}
        return Response(orjson.dumps(said), 200 if ready else 503, media_type="application/json")

    async def exposition(_request: Request) -> Response:
        try:
            async with asyncio.timeout(BOUND_SECONDS):
                known = await figures()
        except Exception as error:
            log.warning("the business's figures could not be read", error=type(error).__name__)
            known = {}  # their absence is what an alarm looks for
        return Response(metrics.exposition(known), media_type=CONTENT_TYPE_LATEST)

    return [
        Route("/healthz", _healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", exposition, methods=["GET"]),
    ]


async def _healthz(_request: Request) -> Response:
    return PlainTextResponse("ok")


async def _answer(name: str, check: Check) -> str:
    """One word for outside; the reason, which may hold an address, only for the log."""
    try:
        async with asyncio.timeout(BOUND_SECONDS):
            await check()
    except Exception as error:
        log.warning("not ready", check=name, error=f"{type(error).__name__}: {error}")
        return "failed"
    return "ok"
