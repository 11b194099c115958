from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.applications import Starlette

from bff import wiring
from bff.app import assemble
from bff.doors import graphql_routes
from models import database
from plans import documents
from plans.checking import Checker
from tests.authorisation.arguments import document_of
from tests.authorisation.lives import World, a_world
from tests.authorisation.questions import QUESTIONS, SCHEMA
from tests.bff.conftest import Valkey
from tests.conftest import NOW
from tests.databases import Database
from tests.house import HERE, House, opened, shared_valkey
from tests.outside import Stage, stage

__all__ = ["shared_valkey", "stage"]


@pytest.fixture(scope="module")
async def town(
    _database: Database, stage: Stage, shared_valkey: Valkey, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """Made once for all walkers, since none of them may change anything of An's."""
    await _database.clean()
    folder: Path = tmp_path_factory.mktemp("town")
    async with (
        stage.wechat_pay(folder / "wechat-pay", now=NOW) as outside,
        opened(_database, outside, shared_valkey, folder, RATE_SCALE="10000") as house,
    ):
        yield await a_world(house, _front(house, folder / "clients"))


def _front(house: House, clients: Path) -> Starlette:
    """What production opens to our clients and to third parties, trusting the walk's documents."""
    (clients / "walk").mkdir(parents=True)
    for question in QUESTIONS:
        (clients / "walk" / f"{question.operation_name}.graphql").write_text(document_of(question))
    documents.renew(clients, Checker(SCHEMA, introspection=False), today=NOW.date())
    wired = house.wired
    routes = graphql_routes(
        wiring.services(wired),
        wired.clock,
        wired.rates,
        keeper=wired.keeper,
        own_origin=HERE,
        other_origins=(),
        open_to_explore=False,
        clients=clients,
    )
    return assemble(wired.settings, routes, nullcontext())


@pytest.fixture
async def world(town: World) -> World:
    """The town with everybody signed in, whoever walked before: the last thing a walker does is to sign out."""
    for life in (town.an, town.bing):
        await life.citizen.sign_in()
        await life.clerk.sign_in()
    await database.rows("DELETE FROM phone_code RETURNING id")  # whoever walked before asked for codes as well
    new = {*town.an.citizen.tokens.values(), town.an.clerk.authorization.split()[1]}
    return replace(town, since=town.since | new)
