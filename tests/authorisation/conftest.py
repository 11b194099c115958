from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
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
from tests.resolvers.documents_staff import MY_STAFF_SIGN_INS

__all__ = ["shared_valkey", "stage"]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """An's owners come last, in a town of their own, which takes the place of the other in the database."""
    here = [number for number, item in enumerate(items) if Path(__file__).parent in item.path.parents]
    in_turn = sorted((items[number] for number in here), key=lambda item: item.path.name == "test_owners.py")
    for number, item in zip(here, in_turn, strict=True):
        items[number] = item


@pytest.fixture(scope="package")
async def town(
    _database: Database,
    stage: Stage,
    shared_valkey: Valkey,
    tmp_path_factory: pytest.TempPathFactory,
    walks_documents: Path,
) -> AsyncIterator[World]:
    """Made once for all who walk, since none of them may change anything of An's."""
    async with a_town(_database, stage, shared_valkey, tmp_path_factory.mktemp("town"), walks_documents) as made:
        yield made


@asynccontextmanager
async def a_town(
    database: Database, stage: Stage, valkey: Valkey, folder: Path, trusted: Path
) -> AsyncIterator[World]:
    await database.clean()
    async with (
        stage.wechat_pay(folder / "wechat-pay", now=NOW) as outside,
        opened(database, outside, valkey, folder, RATE_SCALE="10000") as house,
    ):
        yield await a_world(house, _front(house, trusted))


@pytest.fixture(scope="session")
def walks_documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The walk as a client of ours: a document for each question."""
    clients = tmp_path_factory.mktemp("clients")
    (clients / "walk").mkdir()
    for question in QUESTIONS:
        (clients / "walk" / f"{question.operation_name}.graphql").write_text(document_of(question))
    documents.renew(clients, Checker(SCHEMA, introspection=False), today=NOW.date())
    return clients


def _front(house: House, clients: Path) -> Starlette:
    """What production opens to our clients and to third parties, trusting the walk's documents."""
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
    for officer in (*town.offices.values(), *town.offices_elsewhere.values()):
        assert (await officer.ask(MY_STAFF_SIGN_INS)).value  # nobody's sign-in ends because it was idle
    await database.rows("DELETE FROM phone_code RETURNING id")  # whoever walked before asked for codes as well
    new = {*town.an.citizen.tokens.values(), town.an.clerk.authorization.split()[1]}
    return replace(town, since=town.since | new)
