"""The bare routes as an application: one POST each, of what GraphQL calls variables."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bff.graphql.rates import Rates
from bff.settings import read_settings
from jobs.queue import Queue
from models.keys import AuditKeys, code_keys
from tests.bench.servers import CONNECTIONS
from tests.bench.servers.bare.house import Answer, House, channels
from tests.bench.servers.bare.placing import place_order
from tests.bench.servers.bare.redeeming import redeem
from tests.bench.servers.bare.settling import alipay_notice, wechat_pay_notice, wechat_pay_notice_unheard
from tests.bench.servers.bare.signing_out import sign_out
from tests.bench.servers.bare.slots import slots
from tests.bench.servers.bare.venues import venues_near, venues_near_live


def from_environment() -> Starlette:
    """What uvicorn serves: the variables that ours reads, and its pool's size."""
    settings = read_settings()

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        queue, rates = Queue(settings.redis_url), Rates(settings.redis_url)
        async with open_pool(os.environ["BARE_DATABASE_URL"], "bare") as pool, rates.sharing():
            keys = code_keys(settings.code_keys), AuditKeys(settings.audit_keys)
            app.state.house = House(pool, queue.wake, *keys, rates, *channels(settings))
            yield
        await queue.close()

    return Starlette(routes=routes(), lifespan=life)


def open_pool(database_url: str, name: str) -> Any:
    """Its connections call themselves by `name`, as `backends` looks for them."""
    return asyncpg.create_pool(
        database_url, min_size=CONNECTIONS, max_size=CONNECTIONS, server_settings={"application_name": name}
    )


def routes() -> list[Route]:
    return [
        _route("/venues-near", venues_near),
        _route("/venues-near-live", venues_near_live),
        _route("/slots", slots),
        Route("/sign-out", sign_out, methods=["POST"]),
        _route("/place-order", place_order),
        Route("/redeem", redeem, methods=["POST"]),
        Route("/payments/wechat-pay/notices", wechat_pay_notice, methods=["POST"]),
        Route("/payments/wechat-pay/notices/unheard", wechat_pay_notice_unheard, methods=["POST"]),
        Route("/payments/alipay/notices", alipay_notice, methods=["POST"]),
    ]


def _route(path: str, answer: Answer) -> Route:
    async def endpoint(request: Request) -> Response:
        asked = orjson.loads(await request.body())
        token = request.headers.get("authorization", "").partition(" ")[2]
        data = await answer(request.app.state.house, asked, token, datetime.now(UTC))
        return Response(orjson.dumps({"data": data}), media_type="application/json")

    return Route(path, endpoint, methods=["POST"])
