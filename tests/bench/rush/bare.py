"""What the rush is compared with: one Starlette route each, without GraphQL, sign-in, limits or rates.

`/locked` does what comes to mind first: lock the row by counting it down, insert the claim, commit. `/decr` only counts
in Valkey and keeps nothing: how fast an answer could be at all.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import orjson
import redis.asyncio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.bench.servers import CONNECTIONS

TABLES = """
CREATE TABLE bare_round (id int PRIMARY KEY, remaining int NOT NULL);
CREATE TABLE bare_claim (id bigserial PRIMARY KEY, member text NOT NULL, key text NOT NULL, claimed_at timestamptz NOT NULL
  DEFAULT now(), UNIQUE (member, key));
INSERT INTO bare_round VALUES (1, 2000000000)"""


def from_environment() -> Starlette:
    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        url = os.environ["BARE_DATABASE_URL"]
        async with asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:
            app.state.pool, app.state.valkey = pool, redis.asyncio.Redis.from_url(os.environ["REDIS_URL"])
            yield
            await app.state.valkey.aclose()

    return Starlette(
        routes=[
            Route("/locked", locked, methods=["POST"]),
            Route("/decr", decr, methods=["POST"]),
            Route("/durable", durable),
        ],
        lifespan=life,
    )


async def locked(request: Request) -> Response:
    asked = orjson.loads(await request.body())
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        left = await connection.fetchval(
            "UPDATE bare_round SET remaining = remaining - 1 WHERE id = 1 AND remaining > 0 RETURNING remaining"
        )
        if left is None:
            return _said({"given": False})
        claim = await connection.fetchval(
            "INSERT INTO bare_claim (member, key) VALUES ($1, $2) RETURNING id",
            request.headers["authorization"],
            asked["key"],
        )
    return _said({"given": True, "id": claim})


async def decr(request: Request) -> Response:
    orjson.loads(await request.body())
    left = await request.app.state.valkey.decr("bare:left")
    return _said({"given": True, "left": left})


async def durable(request: Request) -> Response:
    async with request.app.state.pool.acquire() as connection:
        found = await connection.fetchrow(
            "SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS synchronous_commit"
        )
    return _said(dict(found))


def _said(what: object) -> Response:
    return Response(orjson.dumps(what), media_type="application/json")
