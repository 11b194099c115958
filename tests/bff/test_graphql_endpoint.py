"""The GraphQL door: what it refuses, how quickly, and what its errors never say."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson
import pytest
import strawberry
from starlette.routing import Route

from bff.app import assemble
from bff.graphql.askers import asker_of
from bff.graphql.endpoint import Endpoint
from bff.settings import Settings
from models.errors import DomainError, ErrorCode
from plans.checking import Checker
from plans.engine import Engine

DSN = "postgres://sports:hunter22@db:5432/sports"
QUICKLY = 2.0  # seconds of CPU, nobody outside being asked; here each takes a few hundredths, and what these stand for would take for ever


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"你好，{name}"

    @strawberry.field
    def count(self, limit: int) -> int:
        return limit

    @strawberry.field
    def crash(self) -> str:
        raise RuntimeError(f"cannot connect to {DSN}")

    @strawberry.field
    def refuse(self) -> str:
        raise DomainError(
            "这个时段已被占用。", code=ErrorCode.SLOT_TAKEN, next_step="请选别的时段。", field="slot"
        )

    @strawberry.field
    def again(self) -> "Query":
        return Query()


@strawberry.type
class Mutation:
    @strawberry.mutation
    def shout(self) -> str:
        return "!"


def endpoint(*, introspection: bool = False) -> Endpoint:
    schema = strawberry.Schema(Query, Mutation)._schema
    engine = Engine(schema, Checker(schema, introspection=introspection))
    return Endpoint(engine, lambda _caller: None, asker_of=asker_of(freely=True))


@asynccontextmanager
async def nothing() -> AsyncIterator[None]:
    yield


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = assemble(settings, [Route("/graphql", endpoint())], nothing())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://house") as client:
        yield client


async def ask(client: httpx.AsyncClient, query: str, **variables: Any) -> dict[str, Any]:
    answer = await client.post("/graphql", json={"query": query, "variables": variables})
    assert answer.status_code == 200
    said: dict[str, Any] = answer.json()
    return said


MALFORMED = {
    "nothing": b"",
    "null": b"null",
    "a text": b'"x"',
    "a number": b"1",
    "true": b"true",
    "a list": b"[]",
    "a list of operations": b'[{"query":"{hello}"}]',
    "half an object": b'{"query":',
    "bad UTF-8": b'{"query":"\xff\xfe"}',
    "half a surrogate": b'{"query":"\\ud800"}',
    "NUL": b'{"query":"{hello(name:$n)}","variables":{"n":"\\u0000"}}',
    "100,000 lists": b"[" * 100_000,
    "100,000 objects": b'{"a":' * 100_000,
    "100,000 closed lists": b"[" * 100_000 + b"]" * 100_000,
    "1 MB of letters": b'{"query":"' + b"a" * 1_000_000 + b'"}',
    "1 MB of spaces": b" " * 1_048_576,
    "5 MB": b"x" * 5_000_000,
    "no query": b"{}",
    "a hash without its digits": b'{"documentId":"sha256:"}',
    "the same, as Apollo names it": b'{"extensions":{"persistedQuery":{"sha256Hash":"sha256:"}}}',
    "a query that is no text": b'{"query":1}',
    "variables that are no object": b'{"query":"{hello}","variables":[]}',
    "20,000 values in variables": b'{"query":"{hello}","variables":{"a":[' + b"1," * 20_000 + b"1]}}",
    "2,000 objects in variables": b'{"query":"{hello}","variables":{"a":[' + b'{"b":{}},' * 2_000 + b"1]}}",
    "extensions that are no object": b'{"query":"{hello}","extensions":"x"}',
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_body_is_a_400_and_quickly(client: httpx.AsyncClient, body: bytes) -> None:
    started = time.process_time()
    answer = await client.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    assert time.process_time() - started < QUICKLY
    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["message"].startswith("请求")
    assert error["extensions"]["code"] == "BAD_INPUT"


async def test_few_values_may_be_long_and_a_thousand_may_be_there(client: httpx.AsyncClient) -> None:
    said = await ask(client, "query ($n: String!) { hello(name: $n) }", n="成" * 20_000, more=["七" * 8] * 900)
    assert said == {"data": {"hello": "你好，" + "成" * 20_000}}


async def test_chinese_comes_back_as_it_is(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json={"query": '{ hello(name: "成都") }'})
    assert answer.content == '{"data":{"hello":"你好，成都"}}'.encode()


async def test_an_unexpected_error_is_told_by_its_reference_only(
    client: httpx.AsyncClient, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    answer = await client.post("/graphql", json={"query": "{ crash }"})
    [error] = answer.json()["errors"]
    reference = error["extensions"]["reference"]
    assert error["message"] == f"系统出了点问题，请稍后再试。编号 {reference}"
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["path"] == ["crash"]
    assert b"hunter22" not in answer.content
    assert b"RuntimeError" not in answer.content
    [line] = [line for line in log_lines() if line["event"] == "unexpected error"]
    assert line["reference"] == reference
    assert "RuntimeError: cannot connect to postgres://***@db:5432/sports" in line["exception"]


async def test_a_refusal_of_a_query_keeps_its_sentence_and_code(client: httpx.AsyncClient) -> None:
    [error] = (await ask(client, "{ refuse }"))["errors"]
    assert error["message"] == "这个时段已被占用。请选别的时段。"
    assert error["extensions"] == {"code": "SLOT_TAKEN", "field": "slot", "nextStep": "请选别的时段。"}


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 1.5, "1", None, True, {}])
async def test_a_variable_that_cannot_be_is_bad_input(client: httpx.AsyncClient, number: object) -> None:
    said = await ask(client, "query($n: Int!) { count(limit: $n) }", n=number)
    assert [error["extensions"]["code"] for error in said["errors"]] == ["BAD_INPUT"]
    assert "data" not in said


@pytest.mark.parametrize("document", ["{", "{ nothing }", "{ hello(nam: 1) }", ""])
async def test_a_wrong_document_is_bad_input_and_spells_out_nothing(
    client: httpx.AsyncClient, document: str
) -> None:
    answer = await client.post("/graphql", json={"query": document})
    assert all(error["extensions"]["code"] == "BAD_INPUT" for error in answer.json()["errors"])
    assert answer.json()["errors"]
    assert "Did you mean" not in answer.text


@pytest.mark.parametrize("text", [r'"\u{0}"', r'"\u{000}"', r'"\u0000"'])
async def test_nul_is_refused_however_a_document_spells_it(client: httpx.AsyncClient, text: str) -> None:
    answer = await client.post("/graphql", json={"query": f"{{ hello(name: {text}) }}"})
    assert {error["extensions"]["code"] for error in answer.json()["errors"]} == {"BAD_INPUT"}
    assert "data" not in answer.json()


async def test_introspection_is_for_development_only(client: httpx.AsyncClient, settings: Settings) -> None:
    query = "{ __schema { types { name } } }"
    refused = await ask(client, query)
    assert refused["errors"]
    assert "data" not in refused
    app = assemble(settings, [Route("/graphql", endpoint(introspection=True))], nothing())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://house") as developer:
        assert {"name": "Query"} in (await ask(developer, query))["data"]["__schema"]["types"]


LARGE = {
    "characters": "{ hello }" + " " * 15_000,
    "tokens": "{ " + "hello " * 1_000 + "}",
    "depth": "{ again " * 11 + "{ hello }" + "}" * 11,
    "brackets": "{ again " * 3_000 + "}" * 3_000,
    "brackets of a value": "{ hello(name: " + "[" * 5_000 + "]" * 5_000 + ") }",
    "unclosed brackets": "{a" * 7_000,
    "aliases": "{ " + " ".join(f"a{n}: hello" for n in range(16)) + " }",
    "aliases in fragments": "{ ...F again { ...F } } fragment F on Query { "
    + " ".join(f"a{n}: hello" for n in range(8))
    + " }",
    "directives": "{ hello " + "@skip(if: false) " * 51 + "}",
    "depth in fragments": "{ again { again { again { ...A } } } } fragment A on Query { again { again { again { ...B } } } }"
    " fragment B on Query { again { again { again { again { again { hello } } } } } }",
}


@pytest.mark.parametrize("document", LARGE.values(), ids=LARGE.keys())
async def test_a_large_document_is_refused_quickly(client: httpx.AsyncClient, document: str) -> None:
    started = time.process_time()
    answer = await client.post("/graphql", json={"query": document})
    assert time.process_time() - started < QUICKLY
    assert {error["extensions"]["code"] for error in answer.json()["errors"]} == {"BAD_INPUT"}
    assert "data" not in answer.json()


async def test_a_fragment_inside_itself_is_refused(client: httpx.AsyncClient) -> None:
    assert (await ask(client, "{ ...F } fragment F on Query { again { ...F } }"))["errors"]


async def test_honest_documents_pass_again_and_again(client: httpx.AsyncClient) -> None:
    document = "query($n: String!) { ...F a: hello } fragment F on Query { again { hello(name: $n) } }"
    for name in ("a", "b"):
        assert await ask(client, document, n=name) == {
            "data": {"again": {"hello": f"你好，{name}"}, "a": "你好，world"}
        }


async def test_mutations_are_answered(client: httpx.AsyncClient) -> None:
    assert await ask(client, "mutation { shout }") == {"data": {"shout": "!"}}


async def test_a_body_may_come_in_pieces(client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for byte in orjson.dumps({"query": "{ hello }"}):
            yield bytes([byte])

    answer = await client.post("/graphql", content=pieces(), headers={"Content-Type": "application/json"})
    assert answer.json() == {"data": {"hello": "你好，world"}}
