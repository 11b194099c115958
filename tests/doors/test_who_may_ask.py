"""Who may ask what at the public door, in production and in development."""

import hashlib
import json
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from bff.app import assemble, routes
from bff.graphql import CLIENTS
from models.third_parties import operations as third_parties
from plans.checking import Checker
from plans.documents import renew as renew_documents
from resolvers.schema import build_schema
from tests.conftest import NOW
from tests.docs.documents import here_documents, text
from tests.factories.places import a_court, a_venue
from tests.factories.third_parties import a_third_party
from tests.house import House, nothing_changes
from tests.resolvers import documents

FREE = "{ sports { code } }"
SIGN_IN = (CLIENTS / "demo" / "SignIn.graphql").read_text()
NEAR = (CLIENTS / "demo" / "VenuesNear.graphql").read_text()
HERE = {"point": {"lon": 104.07, "lat": 30.66, "system": "GCJ02"}, "radiusM": 1000, "first": 3}


@pytest.fixture
async def production(house: House) -> AsyncIterator[House]:
    async with in_production(house) as production:
        yield production


@asynccontextmanager
async def in_production(house: House) -> AsyncIterator[House]:
    """The same house, opened as in production."""
    settings = replace(house.wired.settings, env="production")
    wired = replace(house.wired, settings=settings)
    app = assemble(settings, routes(wired), nullcontext())
    transport = httpx.ASGITransport(app, client=("203.0.113.7", 40000))
    async with httpx.AsyncClient(transport=transport, base_url="https://house.test") as http:
        yield replace(house, app=app, http=http, wired=wired)


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def post(house: House, said: Mapping[str, Any], key: str = "") -> httpx.Response:
    return await house.http.post("/graphql", json=said, headers={"X-Api-Key": key.encode()} if key else {})


def is_refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """With this code, in both languages, and without any data."""
    said: dict[str, Any] = answer.json()
    assert answer.status_code == status, answer.text
    assert not said.get("data")
    [error] = said["errors"]
    assert error["extensions"]["code"] == code, answer.text
    return error


async def test_production_refuses_a_free_document_without_a_key_and_nothing_happens(production: House) -> None:
    async with nothing_changes():
        for document in (FREE, documents.SIGN_IN, SIGN_IN + " ", SIGN_IN[:-1], "{"):
            variables = {"code": "made-up", "deviceId": "phone-1"}
            answer = await post(production, {"query": document, "variables": variables})
            error = is_refused(answer, 401, "NOT_ALLOWED")
            assert "X-Api-Key" in error["message"]
            assert "第三方" in error["message"]
            assert "ApiKey" in answer.headers["WWW-Authenticate"]


async def test_a_citizen_signs_in_by_a_trusted_document_without_any_key(production: House) -> None:
    person = await production.wechat.post("/_sandbox/people", json={"phone": "13800000001"})
    for spelt in (
        {"documentId": hash_of(SIGN_IN)},
        {"documentId": f"sha256:{hash_of(SIGN_IN)}"},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_of(SIGN_IN)}}},
    ):
        code = await production.wechat.post("/_sandbox/login-codes", json={"openid": person.json()["openid"]})
        variables = {"code": code.json()["code"], "deviceId": "phone-1"}
        answer = await post(production, {**spelt, "variables": variables})
        assert answer.json()["data"]["signInWithMiniProgram"]["signIn"]["accessToken"], answer.text


async def test_every_document_of_every_client_is_taken_by_its_files_hash(production: House) -> None:
    files = list(CLIENTS.glob("*/*.graphql"))
    assert len(files) >= 17
    for file in files:
        answer = await post(production, {"documentId": hashlib.sha256(file.read_bytes()).hexdigest()})
        [error, *_] = answer.json().get("errors", [{}])
        said = json.dumps(error)
        assert "documentId" not in said, f"{file}: {said}"  # but that a variable is missing
        assert "NOT_ALLOWED" not in said, f"{file}: {said}"


async def test_installed_clients_are_answered_after_their_document_has_changed(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = tmp_path / "clients"
    shutil.copytree(CLIENTS, clients)
    changed = NEAR.replace("distanceM", "distanceM cursor")
    (clients / "demo" / "VenuesNear.graphql").write_text(changed)
    renew_documents(clients, Checker(build_schema()._schema, introspection=False), today=NOW.date())
    monkeypatch.setattr("bff.doors.CLIENTS", clients)
    async with in_production(house) as production:
        for text in (NEAR, changed):
            answer = await post(production, {"documentId": hash_of(text), "variables": HERE})
            assert answer.json()["data"]["venuesNear"]["edges"] == []


@pytest.mark.parametrize("unknown", ["0" * 64, hash_of(NEAR).upper(), hash_of(NEAR)[:-1], hash_of(NEAR + "\n")])
async def test_a_hash_that_no_document_has_is_refused_clearly(production: House, unknown: str) -> None:
    answer = await post(production, {"documentId": unknown, "variables": HERE})
    assert answer.status_code < 500
    assert not answer.json().get("data")
    [error] = answer.json()["errors"]
    assert any("\u4e00" <= character <= "\u9fff" for character in error["message"])


async def test_a_registered_third_party_asks_freely_until_it_is_ended(production: House) -> None:
    first = await a_third_party("渝健身")
    second = await third_parties.rotate(name="渝健身", now=NOW)
    for key in (first.key, second.key):
        assert (await post(production, {"query": FREE}, key)).json() == {"data": {"sports": []}}
    await third_parties.finish_rotation(name="渝健身", now=NOW)
    assert (await post(production, {"query": FREE}, second.key)).json() == {"data": {"sports": []}}
    async with nothing_changes():
        is_refused(await post(production, {"query": FREE}, first.key), 401, "NOT_ALLOWED")
    await third_parties.end(name="渝健身", now=NOW)
    is_refused(await post(production, {"query": FREE}, second.key), 401, "NOT_ALLOWED")


async def test_the_example_for_third_parties_runs_and_costs_what_their_page_says(production: House) -> None:
    page = text("docs/third-parties.md")
    [example] = here_documents(page, "JSON")
    said = json.loads(example)
    await a_court(await a_venue(lat=30.62), sport="BADMINTON")
    given = await a_third_party()
    answer = (await post(production, said, given.key)).json()
    [edge] = answer["data"]["venuesNear"]["edges"]
    assert edge["node"]["name"] == "测试体育馆"
    checked = Checker(build_schema()._schema).check(said["query"]).operations["Near"]
    cost, most = checked.cost(said["variables"]), checked.limit
    of_fifty = Checker(build_schema()._schema).check(said["query"].replace("first: 10", "first: 50"))
    costs = re.findall(r"costs (\d+):.*`first: 50` it is (\d+)", page, re.DOTALL)
    assert costs == [(str(cost), str(of_fifty.operations["Near"].cost(said["variables"])))]
    assert f"costs at most {most:,}" in page


async def test_a_key_that_does_not_hold_is_refused_even_beside_a_trusted_document(production: House) -> None:
    trusted = {"documentId": hash_of(NEAR), "variables": HERE}
    given = await a_third_party("渝健身")
    assert (await post(production, trusted, given.key)).json()["data"]["venuesNear"]["edges"] == []
    await third_parties.end(name="渝健身", now=NOW)
    for key in (given.key, "tpk_" + "A" * 43, "made up", "é"):
        error = is_refused(await post(production, trusted, key), 401, "NOT_ALLOWED")
        assert key not in error["message"]
    assert (await post(production, trusted)).status_code == 200


async def test_a_key_reads_and_never_acts(production: House) -> None:
    given = await a_third_party()
    clerk = {"username": "front1", "password": "Str0ng-enough", "deviceId": "desk-1"}
    async with nothing_changes():
        for document, variables in (
            (documents.STAFF_SIGN_IN, clerk),
            (documents.SIGN_OUT, {}),
            ("query A { sports { code } } mutation B { signOut { signedOut } }", {}),
        ):
            said = {
                "query": document,
                "variables": variables,
                "operationName": "B" if "query A" in document else None,
            }
            is_refused(await post(production, said, given.key), 403, "NOT_ALLOWED")
    said = {"documentId": hash_of(SIGN_IN), "variables": {"code": "made-up", "deviceId": "phone-1"}}
    assert "SIGN_IN_CODE_INVALID" in (await post(production, said, given.key)).text


async def test_nobody_explores_the_schema_of_production(production: House) -> None:
    given = await a_third_party()
    for document in ("{ __schema { types { name } } }", '{ __type(name: "Venue") { name } }'):
        answer = await post(production, {"query": document}, given.key)
        assert not answer.json().get("data")
        assert "introspection" in answer.text.lower()
        assert not (await post(production, {"query": document})).json().get("data")


async def test_in_development_everybody_asks_freely_but_a_wrong_key_is_still_told(house: House) -> None:
    assert (await post(house, {"query": FREE})).json() == {"data": {"sports": []}}
    given = await a_third_party("渝健身")
    assert (await post(house, {"query": FREE}, given.key)).json() == {"data": {"sports": []}}
    await third_parties.end(name="渝健身", now=NOW)
    is_refused(await post(house, {"query": FREE}, given.key), 401, "NOT_ALLOWED")
    assert (await post(house, {"documentId": hash_of(NEAR), "variables": HERE})).status_code == 200


async def test_no_key_stands_in_the_log(production: House) -> None:
    given = await a_third_party()
    await post(production, {"query": FREE}, given.key)
    await post(production, {"query": FREE}, "tpk_" + "B" * 43)
    assert production.log()
    assert given.key[4:] not in production.log()
    assert "B" * 43 not in production.log()
