"""Ariadne as its documentation shows it: our schema's text, the bare routes as resolvers, dictionaries below them."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ariadne import QueryType, ScalarType, make_executable_schema
from ariadne.asgi import GraphQL
from graphql import GraphQLResolveInfo
from starlette.applications import Starlette
from starlette.routing import Route

from bff.graphql.rates import Rates
from bff.settings import read_settings
from models.keys import AuditKeys, code_keys
from tests.bench.servers.bare import slots, venues
from tests.bench.servers.bare.app import open_pool
from tests.bench.servers.bare.house import Answer, House, channels

SCHEMA = Path(__file__).parents[3] / "schema.graphql"


def from_environment() -> Starlette:
    settings = read_settings()
    house: House

    @asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        nonlocal house
        async with open_pool(os.environ["BARE_DATABASE_URL"], "ariadne") as pool:
            keys = code_keys(settings.code_keys), AuditKeys(settings.audit_keys)
            house = House(pool, _nobody_is_woken, *keys, Rates(settings.redis_url), *channels(settings))
            yield

    query = QueryType()

    def answers(field: str, answer: Answer) -> None:
        """The arguments are the variables of our operations, by the same names."""

        @query.field(field)
        async def resolve(_root: None, _info: GraphQLResolveInfo, **asked: Any) -> Any:
            return (await answer(house, asked, "", datetime.now(UTC)))[field]

    answers("venuesNear", venues.venues_near)
    answers("slots", slots.slots)
    instants = ScalarType("DateTime", serializer=datetime.isoformat)
    schema = make_executable_schema(SCHEMA.read_text(), query, instants)
    return Starlette(routes=[Route("/graphql", GraphQL(schema))], lifespan=life)


async def _nobody_is_woken(_job: str) -> None: ...
