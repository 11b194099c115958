"""Strawberry as its documentation shows it, over the very schema and resolvers that ours runs.

`stock` is its defaults. `cached` has what can be had by turning things on: the caches of parsed and validated
documents, and orjson.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema import BaseSchema

from bff import wiring
from bff.settings import read_settings
from resolvers.context import Context, Services
from resolvers.schema import build_schema


def stock() -> Starlette:
    return _application(build_schema(), Server)


def cached() -> Starlette:
    schema = build_schema()
    schema.extensions = (ParserCache, ValidationCache)
    return _application(schema, OrjsonServer)


class Server(GraphQL[Context, None]):
    def __init__(self, schema: BaseSchema, services: Services) -> None:
        super().__init__(schema)
        self._services = services

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        return Context(
            services=self._services,
            now=datetime.now(UTC),
            authorization=request.headers.get("authorization", ""),
        )


class OrjsonServer(Server):
    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)

    def encode_json(self, data: object) -> bytes:
        return orjson.dumps(data)


def _application(schema: BaseSchema, server: Callable[[BaseSchema, Services], Any]) -> Starlette:
    wired = wiring.build(read_settings())

    @asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        async with wiring.opened(wired):
            yield

    return Starlette(routes=[Route("/graphql", server(schema, wiring.services(wired)))], lifespan=life)
