"""What /metrics tells of GraphQL: trusted operations by name, everybody else's together, each outcome by its code."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from bff import metrics
from bff.graphql import CLIENTS
from tests import house as houses
from tests.bff.conftest import Valkey
from tests.databases import Database
from tests.factories.booking import a_hall, at
from tests.factories.people import a_code
from tests.house import House, house, line, shared_valkey
from tests.outside import Outside, outside, stage
from tests.resolvers import documents
from tests.resolvers import documents_staff as staff
from tests.resolvers.test_what_gets_out import a_broken_table

__all__ = ["house", "outside", "shared_valkey", "stage"]

NEAR = (CLIENTS / "demo" / "VenuesNear.graphql").read_text()
PLACE_ORDER = (CLIENTS / "demo" / "PlaceOrder.graphql").read_text()
HERE = {"point": {"lon": 104.07, "lat": 30.66, "system": "GCJ02"}, "radiusM": 1000, "first": 3}
SAMPLE = re.compile(r"^(\w+)(\{[^}]*\})? ([0-9.e+-]+)$", re.MULTILINE)


async def figures(house: House) -> dict[str, float]:
    text = (await house.http.get("/metrics")).text
    return {f"{name}{labels}": float(value) for name, labels, value in SAMPLE.findall(text)}


@asynccontextmanager
async def counted(house: House) -> AsyncIterator[dict[str, float]]:
    """Filled at the end of the block: what was counted in it, of operations only."""
    before, more = await figures(house), dict[str, float]()
    yield more
    for name, value in (await figures(house)).items():
        if name.startswith("graphql_operations_total{") and value != before.get(name, 0):
            more[name.removeprefix("graphql_operations_total")] = value - before.get(name, 0)


def one(operation: str, kind: str, outcome: str) -> str:
    return f'{{kind="{kind}",operation="{operation}",outcome="{outcome}"}}'


async def test_each_operation_is_counted_once_by_what_became_of_it(house: House) -> None:
    hall = await a_hall()
    citizen = await house.citizen()
    order = {"idempotencyKey": "one-tap", "lines": [line(hall.badminton, at(10))]}
    async with counted(house) as more:
        await house.ask(NEAR, HERE)
        await house.ask(NEAR, HERE)
        await house.ask(NEAR, HERE | {"first": "many"})
        await citizen.ask(PLACE_ORDER, **order)
        await citizen.ask(PLACE_ORDER, **order | {"idempotencyKey": "another"})
        await house.ask(PLACE_ORDER, order)
        await house.ask(documents.SPORTS)
        await house.ask("{ me { id } }")
        async with a_broken_table():
            await house.ask(documents.SPORTS)
        await house.ask("{ nothing }")
        await house.http.post("/graphql", json={"documentId": "sha256:" + "0" * 64})
        await house.http.post("/graphql", content=b"[")
    assert more == {
        one("VenuesNear", "query", "ok"): 2,
        one("VenuesNear", "query", "BAD_INPUT"): 1,
        one("PlaceOrder", "mutation", "ok"): 1,
        one("PlaceOrder", "mutation", "SLOT_TAKEN"): 1,
        one("PlaceOrder", "mutation", "NOT_SIGNED_IN"): 1,
        one("free", "query", "ok"): 1,
        one("free", "query", "NOT_SIGNED_IN"): 1,
        one("free", "query", "INTERNAL"): 1,
        one("none", "none", "DOCUMENT_REFUSED"): 1,
        one("none", "none", "DOCUMENT_UNKNOWN"): 1,
        one("none", "none", "BAD_INPUT"): 1,
    }
    told = await figures(house)
    assert told['graphql_operation_seconds_count{kind="query",operation="VenuesNear"}'] >= 3
    assert told["graphql_document_check_cpu_seconds_count"] >= 4


async def test_who_asks_too_often_is_counted_as_that(
    db: Database, outside: Outside, shared_valkey: Valkey, tmp_path: Path
) -> None:
    async with houses.opened(db, outside, shared_valkey, tmp_path, RATE_SCALE="0.1") as house:
        hall = await a_hall()
        citizen = await house.citizen()
        order = {"idempotencyKey": "one-tap", "lines": [line(hall.badminton, at(10))]}
        async with counted(house) as more:
            answers = [await citizen.ask(PLACE_ORDER, **order) for _ in range(6)]
    refused = [answer for answer in answers if answer.status == 429]
    assert 0 < len(refused) < 6
    assert more == {
        one("PlaceOrder", "mutation", "ok"): 6 - len(refused),
        one("PlaceOrder", "mutation", "TOO_MANY_ATTEMPTS"): len(refused),
    }


async def test_failed_sign_ins_of_staff_are_counted_for_an_hour_at_both_doors_and_with_both_factors(
    house: House,
) -> None:
    clerk = await house.clerk((await a_hall()).venue.public_id)
    at_page = {"origin": houses.HERE}
    right = {"username": clerk.username, "password": houses.PASSWORD}
    secret = (await clerk.ask(staff.SET_UP_SECOND_FACTOR)).value["setUp"]["secret"]
    begun = await clerk.ask(staff.CONFIRM_SET_UP, code=a_code(secret, house.now()))
    assert begun.value["staffSignIn"]["stage"] == "OPEN"
    assert await failed_sign_ins(house) == 0
    for wrong in ({**right, "password": "wrong-Password-1"}, {**right, "username": "nobody.here"}):
        refused = await house.ask(staff.STAFF_SIGN_IN, {**wrong, "deviceId": "desk-2"})
        assert refused.refusal.code == "STAFF_CREDENTIALS_WRONG"
        await house.http.post("/desk/sign-in", data=wrong, headers=at_page)
    assert await failed_sign_ins(house) == 4
    asked = (await house.ask(staff.STAFF_SIGN_IN, {**right, "deviceId": "desk-2"})).value["staffSignIn"]
    code = {"code": "000000" if a_code(secret, house.now()) != "000000" else "000001"}
    no = await house.ask(staff.CONFIRM_SECOND_FACTOR, code, f"Staff {asked['token']}")
    assert no.refusal.code == "SECOND_FACTOR_WRONG"
    await house.http.post("/desk/sign-in", data=right, headers=at_page)
    await house.http.post("/desk/code", data=code, headers=at_page)
    assert await failed_sign_ins(house) == 6
    await house.travel(house.now() + timedelta(hours=1, minutes=1))
    assert await failed_sign_ins(house) == 0


async def failed_sign_ins(house: House) -> float:
    return (await figures(house))["staff_sign_ins_failed"]


async def test_strangers_make_no_new_series(house: House) -> None:
    await house.ask("query A { __typename }")
    before = set(await figures(house))
    for number in range(20):
        await house.ask(f"query Stranger{number} {{ __typename }}")
        await house.ask(f"{{ nothing{number} }}")
        await house.http.post("/graphql", json={"documentId": f"sha256:{number:064x}"})
        await house.http.request("PROPFIND", f"/somewhere/{number}")
    after = set(await figures(house))
    new = after - before - {name for name in after if "DOCUMENT_" in name or 'method="other"' in name}
    assert not new
    assert not [name for name in after if "Stranger" in name or "PROPFIND" in name]


async def test_the_one_log_line_of_a_request_names_its_operation_and_what_became_of_it(house: House) -> None:
    hall = await a_hall()
    citizen = await house.citizen()
    await house.ask(NEAR, HERE)
    order = {"idempotencyKey": "one-tap", "lines": [line(hall.badminton, at(10))]}
    answer = await house.http.post("/graphql", json={"query": PLACE_ORDER, "variables": order})
    await house.ask("query Stranger { __typename }")
    await house.ask("{ nothing }")
    near, placed, stranger, refused = [said for said in house.log_lines() if said["event"] == "answered"][-4:]
    assert near["operation"] == "VenuesNear"
    assert (near["kind"], near["outcome"], near["status"], near["route"]) == ("query", "ok", 200, "/graphql")
    assert re.fullmatch("[0-9a-f]{12}", near["document"])
    assert near["ms"] > 0
    assert (placed["operation"], placed["outcome"]) == ("PlaceOrder", "NOT_SIGNED_IN")
    assert placed["request_id"] == answer.headers["X-Request-Id"]
    assert (stranger["operation"], stranger["outcome"]) == ("free", "ok")
    assert "document" not in stranger
    assert (refused["outcome"], refused.get("operation")) == ("DOCUMENT_REFUSED", None)
    assert citizen.openid not in house.log()
    assert "one-tap" not in house.log()
    assert "Stranger" not in house.log()


@pytest.mark.parametrize("method", ["GET", "BREW"])
def test_a_method_nobody_knows_is_no_series_of_its_own(method: str) -> None:
    metrics.count_request(method, "/somewhere", 404, 0.1)
    counted: Mapping[str, str] = {
        sample.labels["method"]: sample.name
        for metric in metrics.REQUESTS.collect()
        for sample in metric.samples
        if sample.labels.get("route") == "/somewhere"
    }
    assert "BREW" not in counted
