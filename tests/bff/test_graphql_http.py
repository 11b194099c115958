"""GraphQL over HTTP: methods, media types, documents by hash, other sites' pages, time-outs."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest
import strawberry
from graphql import ExecutionResult, GraphQLError
from starlette.routing import Route
from starlette.types import Message

from bff.app import assemble
from bff.graphql.askers import asker_of
from bff.graphql.endpoint import EXECUTION_SECONDS, Caller, Endpoint, Watch
from bff.graphql.wire import answer_type, prefers_html
from bff.settings import Settings
from models import database
from plans.checking import Checker
from plans.engine import Engine, Operation
from tests.databases import Database

JSON, GRAPHQL = "application/json", "application/graphql-response+json"
OWN = "https://sports.example.cn"
LISTED = "https://map.example.cn"
GREETING = "query Greeting($name: String!) { hello(name: $name) }"
TWO = "query A { hello } query B { again: hello }"
HASH = hashlib.sha256(GREETING.encode()).hexdigest()


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"你好，{name}"

    @strawberry.field
    def must(self) -> str:
        raise RuntimeError("nothing to give")

    @strawberry.field
    async def rest(self, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "rested"

    @strawberry.field
    async def impatient(self) -> str:
        raise TimeoutError


@database.operation
async def invent_a_sport(code: str, seconds: float) -> None:
    await database.rows("INSERT INTO sport (code, name, position) VALUES ($1, '新', 0)", code)
    await asyncio.sleep(seconds)


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def invent(self, code: str, seconds: float = 0) -> str:
        await invent_a_sport(code, seconds)
        return code


SCHEMA = strawberry.Schema(Query, Mutation)._schema
TRUSTED = {hashlib.sha256(text.encode()).hexdigest(): text for text in (GREETING, TWO)}


def endpoint(*, freely: bool = True, **more: Any) -> Endpoint:
    engine = Engine(SCHEMA, Checker(SCHEMA), TRUSTED)
    return Endpoint(engine, lambda _caller: None, asker_of=asker_of(freely=freely), origins=(OWN, LISTED), **more)


@asynccontextmanager
async def nothing() -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def served(settings: Settings, door: Endpoint) -> AsyncIterator[httpx.AsyncClient]:
    app = assemble(settings, [Route("/graphql", door)], nothing())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://house") as client:
        yield client


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with served(settings, endpoint()) as client:
        yield client


def code_of(answer: httpx.Response) -> str:
    """Of the one error of an answer that holds no data, and whose sentence is Chinese."""
    said = answer.json()
    assert "data" not in said
    [error] = said["errors"]
    assert "\u4e00" <= error["message"][0] <= "\u9fff"
    return str(error["extensions"]["code"])


# ---- which kind of answer


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        ("application/json; charset=utf-8", JSON),
        ("APPLICATION/JSON", JSON),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}, {JSON}", GRAPHQL),
        (f"{JSON}, {GRAPHQL}", GRAPHQL),
        (f"{GRAPHQL}, {JSON};q=0.9", GRAPHQL),
        (f"{GRAPHQL};q=0.8, {JSON};q=0.9", JSON),
        (f"{GRAPHQL}, */*", GRAPHQL),
        (f"{JSON};q=0, */*", GRAPHQL),
        (f"{JSON}, multipart/mixed", JSON),
        ("text/html, application/xhtml+xml, */*;q=0.8", JSON),
        ("text/html", None),
        ("text/event-stream", None),
        (f"{JSON};q=0", None),
        ("application/json;q=much", None),
        (",;=,", None),
        (f"{GRAPHQL}, text/html;q=nan", GRAPHQL),
    ],
)
def test_the_client_gets_the_kind_of_answer_that_it_likes_best(accept: str, given: str | None) -> None:
    assert answer_type(accept.encode()) == (given and given.encode())


@pytest.mark.parametrize(
    ("accept", "person"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("text/html", True),
        ("*/*", False),
        ("", False),
        (f"text/html;q=0.5, {JSON}", False),
    ],
)
def test_a_browser_is_told_from_a_program(accept: str, person: bool) -> None:
    assert prefers_html(accept.encode()) is person


async def test_the_kind_of_answer_is_named_and_may_differ_by_accept(client: httpx.AsyncClient) -> None:
    for accept in (JSON, GRAPHQL):
        answer = await client.post("/graphql", json={"query": "{ hello }"}, headers={"Accept": accept})
        assert answer.headers["Content-Type"] == f"{accept}; charset=utf-8"
        assert answer.headers["Vary"] == "Accept"
        assert int(answer.headers["Content-Length"]) == len(answer.content)


async def test_what_cannot_be_given_is_a_406(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json={"query": "{ hello }"}, headers={"Accept": "text/html"})
    assert (answer.status_code, code_of(answer)) == (406, "BAD_INPUT")


@pytest.mark.parametrize(("name", "dense"), [("Accept", "a,"), ("Content-Type", ";;")])
async def test_a_header_of_sixty_kilobytes_takes_no_time(client: httpx.AsyncClient, name: str, dense: str) -> None:
    started = time.thread_time()
    for tail in range(20):
        headers = {"Content-Type": JSON} | {name: f"{dense * 30_000}{tail}"}
        answer = await client.post("/graphql", content=b"{}", headers=headers)
        assert answer.status_code in (400, 415)
    assert time.thread_time() - started < 0.15  # they take 0.04 s; read to their end, 0.3 s and more


async def test_several_accept_headers_are_one_list(client: httpx.AsyncClient) -> None:
    headers = [("Accept", GRAPHQL), ("Accept", f"{JSON};q=0.9")]
    answer = await client.post("/graphql", json={"query": "{ hello }"}, headers=headers)
    assert answer.headers["Content-Type"].startswith(GRAPHQL)


@pytest.mark.parametrize("query", ["{", "{ nothing }", "query($n: String!) { hello(name: $n) }", TWO])
async def test_what_never_ran_has_no_data_and_is_a_400_for_who_knows_the_draft(
    client: httpx.AsyncClient, query: str
) -> None:
    for accept, status in ((JSON, 200), (GRAPHQL, 400)):
        answer = await client.post("/graphql", json={"query": query}, headers={"Accept": accept})
        assert (answer.status_code, code_of(answer)) == (status, "BAD_INPUT")


async def test_what_ran_and_failed_is_a_200_with_its_data(client: httpx.AsyncClient) -> None:
    for accept in (JSON, GRAPHQL):
        answer = await client.post("/graphql", json={"query": "{ must }"}, headers={"Accept": accept})
        assert answer.status_code == 200
        assert answer.json()["data"] is None
        assert answer.json()["errors"][0]["path"] == ["must"]


# ---- how it may be asked


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/json; charset=gbk",
        "application/jsonp",
    ],
)
async def test_a_body_that_is_not_json_is_a_415(client: httpx.AsyncClient, content_type: str) -> None:
    body = b'{"query":"{hello}"}'
    answer = await client.post("/graphql", content=body, headers={"Content-Type": content_type})
    assert (answer.status_code, code_of(answer)) == (415, "BAD_INPUT")
    assert answer.headers["Accept"] == JSON


@pytest.mark.parametrize("content_type", ["application/json;charset=UTF-8", 'Application/JSON; charset="utf-8"'])
async def test_json_may_be_spelled_in_several_ways(client: httpx.AsyncClient, content_type: str) -> None:
    body = b'{"query":"{hello}"}'
    answer = await client.post("/graphql", content=body, headers={"Content-Type": content_type})
    assert answer.json() == {"data": {"hello": "你好，world"}}


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_other_methods_are_a_405_that_names_ours(client: httpx.AsyncClient, method: str) -> None:
    answer = await client.request(method, "/graphql")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, POST"


async def test_queries_may_be_asked_by_get(client: httpx.AsyncClient) -> None:
    asked = {"query": GREETING + TWO, "operationName": "Greeting", "variables": '{"name": "成都"}'}
    answer = await client.get("/graphql", params=asked)
    assert answer.json() == {"data": {"hello": "你好，成都"}}
    empty = {"query": "{ hello }", "operationName": "", "variables": "", "extensions": ""}
    assert (await client.get("/graphql", params=empty)).json() == {"data": {"hello": "你好，world"}}


async def test_acts_may_not(client: httpx.AsyncClient, db: Database) -> None:
    act = '{ invent(code: "CHESS") }'
    for asked in (
        {"query": f"mutation {act}"},
        {"query": f"query Q {{ hello }} mutation M {act}", "operationName": "M"},
    ):
        answer = await client.get("/graphql", params=asked)
        assert (answer.status_code, code_of(answer)) == (405, "BAD_INPUT")
        assert answer.headers["Allow"] == "POST"
    assert not await database.rows("SELECT code FROM sport")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "?variables={}",
        "?query={hello}&query={hello}",
        "?query={hello}&variables=[]",
        "?query={hello}&variables={",
        "?query={hello}&variables=" + quote('{"n":"\\u0000"}'),
        "?query=%00",
        "?query=%FF%FE",
        "?query={hello}&extensions=1",
        "?query={hello}" + "&x=1" * 100,
        "?documentId=" + "&documentId=",
    ],
)
async def test_an_address_that_asks_nothing_sensible_is_a_400(client: httpx.AsyncClient, address: str) -> None:
    answer = await client.get(f"/graphql{address}")
    assert (answer.status_code, code_of(answer)) == (400, "BAD_INPUT")


async def test_a_batch_is_refused_as_one(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json=[{"query": "{ hello }"}, {"query": "{ hello }"}])
    assert (answer.status_code, code_of(answer)) == (400, "BAD_INPUT")
    assert "one a request" in answer.json()["errors"][0]["message"]


# ---- trusted documents

SPELLINGS: Mapping[str, dict[str, Any]] = {
    "its hash": {"documentId": HASH},
    "its hash as the draft has it": {"documentId": f"sha256:{HASH}"},
    "its hash as Apollo has it": {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": HASH}}},
    "its text": {"query": GREETING},
    "its hash with another text": {"documentId": HASH, "query": "{ hello }"},
    "an unknown hash with its text": {"documentId": "0" * 64, "query": GREETING},
}


@pytest.fixture
async def strict(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Where nobody may ask freely, as in production without a key."""
    async with served(settings, endpoint(freely=False)) as client:
        yield client


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
async def test_a_trusted_document_is_known_by(strict: httpx.AsyncClient, spelling: dict[str, Any]) -> None:
    variables = {"name": "重庆"}
    posted = await strict.post("/graphql", json={**spelling, "variables": variables})
    in_address = {
        name: value if isinstance(value, str) else orjson.dumps(value).decode() for name, value in spelling.items()
    }
    got = await strict.get("/graphql", params={**in_address, "variables": orjson.dumps(variables).decode()})
    assert posted.content == got.content == '{"data":{"hello":"你好，重庆"}}'.encode()


async def test_one_of_a_trusted_documents_operations_is_chosen_by_its_name(strict: httpx.AsyncClient) -> None:
    key = hashlib.sha256(TWO.encode()).hexdigest()
    answer = await strict.post("/graphql", json={"documentId": key, "operationName": "B"})
    assert answer.json() == {"data": {"again": "你好，world"}}
    answer = await strict.post("/graphql", json={"documentId": key, "operationName": "C"})
    assert code_of(answer) == "BAD_INPUT"


async def test_an_unknown_hash_is_a_404_with_a_code_of_its_own(strict: httpx.AsyncClient) -> None:
    for key in ("0" * 64, "x" * 10_000, "../../etc/passwd", "sha256:"[:6]):
        answer = await strict.post("/graphql", json={"documentId": key})
        assert (answer.status_code, code_of(answer)) == (404, "DOCUMENT_UNKNOWN")


@pytest.mark.parametrize("query", ["{ hello }", "{", GREETING + " ", ""])
async def test_another_text_is_refused_unread_where_nobody_may_ask_freely(
    strict: httpx.AsyncClient, query: str
) -> None:
    answer = await strict.post("/graphql", json={"query": query})
    assert (answer.status_code, code_of(answer)) == (401, "NOT_ALLOWED")


@pytest.mark.parametrize(
    "extensions",
    [{"persistedQuery": 1}, {"persistedQuery": {}}, {"persistedQuery": {"sha256Hash": 1}}, {"persistedQuery": []}],
)
async def test_a_hash_must_be_a_text(client: httpx.AsyncClient, extensions: dict[str, Any]) -> None:
    answer = await client.post("/graphql", json={"query": "{ hello }", "extensions": extensions})
    assert (answer.status_code, code_of(answer)) == (400, "BAD_INPUT")


# ---- other sites' pages


@pytest.mark.parametrize("origin", [None, OWN, LISTED, "http://house"])
async def test_programs_our_own_pages_and_listed_ones_may_act(
    client: httpx.AsyncClient, db: Database, origin: str | None
) -> None:
    headers = {"Origin": origin} if origin else {}
    answer = await client.post("/graphql", json={"query": 'mutation { invent(code: "CHESS") }'}, headers=headers)
    assert answer.json() == {"data": {"invent": "CHESS"}}


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "",
        "https://house",
        "http://house.evil.example",
        "http://house:8080",
        OWN.replace("https", "http"),
        OWN + ".evil.example",
        LISTED.upper(),
        f"{LISTED}, https://evil.example",
    ],
)
async def test_no_other_page_may_act_in_its_visitors_name(
    client: httpx.AsyncClient, db: Database, origin: str
) -> None:
    answer = await client.post(
        "/graphql", json={"query": 'mutation { invent(code: "CHESS") }'}, headers={"Origin": origin}
    )
    assert (answer.status_code, code_of(answer)) == (403, "NOT_ALLOWED")
    assert not await database.rows("SELECT code FROM sport")


async def test_a_cookie_signs_nobody_in_and_none_is_set(client: httpx.AsyncClient) -> None:
    seen: list[Caller] = []
    engine = Engine(SCHEMA, Checker(SCHEMA))
    door = Endpoint(engine, seen.append, asker_of=asker_of(freely=True))
    app = httpx.ASGITransport(Route("/graphql", door))
    async with httpx.AsyncClient(transport=app, base_url="http://house") as visitor:
        answer = await visitor.post(
            "/graphql", json={"query": "{ hello }"}, headers={"Cookie": "desk_sign_in=x; token=y"}
        )
    assert "Set-Cookie" not in answer.headers
    assert seen[0].headers.get("authorization", "") == ""


async def test_every_answer_carries_the_houses_careful_headers(client: httpx.AsyncClient) -> None:
    asked = {"json": {"query": "{ hello }"}}
    for answer in (await client.post("/graphql", **asked), await client.get("/graphql")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"
        assert len(answer.headers["X-Request-Id"]) == 16


# ---- time-outs


async def test_who_takes_too_long_is_busy_and_nothing_is_half_done(settings: Settings, db: Database) -> None:
    """More often than the pool has connections, so that none is lost either."""
    async with served(settings, endpoint(seconds=0.05)) as client:
        for _ in range(12):
            for query in ('mutation { invent(code: "CHESS", seconds: 30) }', "{ rest(seconds: 30) }"):
                answer = await client.post("/graphql", json={"query": query})
                assert (answer.status_code, code_of(answer)) == (503, "BUSY")
    assert not await database.rows("SELECT code FROM sport")
    async with served(settings, endpoint()) as client:  # who has the time to
        answer = await client.post("/graphql", json={"query": 'mutation { invent(code: "CHESS") }'})
        assert answer.json() == {"data": {"invent": "CHESS"}}


async def test_a_time_out_inside_a_resolver_is_an_error_like_any_other(client: httpx.AsyncClient) -> None:
    answer = await client.post("/graphql", json={"query": "{ impatient }"})
    assert answer.status_code == 200
    assert answer.json()["errors"][0]["extensions"]["code"] == "INTERNAL"


def test_what_waits_inside_has_the_time_to_say_so_itself() -> None:
    """WeChat Pay's client gives up after 10 s, and a lock is waited for 3 s."""
    assert EXECUTION_SECONDS > 10 + 3


async def test_who_went_away_gets_no_answer() -> None:
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        said.append(message)

    headers = [(b"content-type", b"application/json"), (b"host", b"house")]
    scope = {"type": "http", "method": "POST", "path": "/graphql", "scheme": "http", "headers": headers}
    await endpoint()(scope, receive, send)
    assert said == []


# ---- where others plug in


class OneAnswer:
    """Keeps the first answer for ever, whatever is asked."""

    def __init__(self) -> None:
        self.kept: bytes | None = None
        self.runs = 0

    def name_of(self, _operation: Operation, _variables: Mapping[str, Any]) -> str | None:
        return "one"

    def at_hand(self, _name: str, _operation: Operation) -> bytes | None:
        return self.kept

    async def answer(
        self,
        _name: str,
        _operation: Operation,
        _variables: Mapping[str, Any],
        _context: Any,
        run: Callable[[], Awaitable[ExecutionResult]],
    ) -> bytes | ExecutionResult:
        if self.kept is None:
            self.runs += 1
            result = await run()
            if result.errors:
                return result
            self.kept = orjson.dumps({"data": result.data})
        return self.kept


async def test_a_kept_answer_is_given_again_and_errors_are_not_kept(settings: Settings) -> None:
    answers = OneAnswer()
    async with served(settings, endpoint(answers=answers)) as client:
        for query in ("{ must }", "{ hello }", '{ hello(name: "成都") }'):
            answer = await client.post("/graphql", json={"query": query})
        assert answer.json() == {"data": {"hello": "你好，world"}}
        assert answers.runs == 2


class Notes:
    """What a tracing is told of every request."""

    def __init__(self) -> None:
        self.taken: list[tuple[str | None, ...]] = []

    @contextmanager
    def __call__(self, operation: Operation) -> Iterator[Watch]:
        told: list[str] = []

        def watch(errors: Sequence[GraphQLError], _context: Any) -> None:
            told.extend(error.message for error in errors)

        try:
            yield watch
        finally:
            self.taken.append((operation.kind, operation.name, *told))

    def turned_away(self, why: str) -> None:
        self.taken.append((why,))


async def test_a_tracing_is_told_of_every_request_once_and_of_errors_before_they_are_masked(
    settings: Settings,
) -> None:
    notes = Notes()
    async with served(settings, endpoint(tracing=notes, seconds=0.05)) as client:
        for said in (
            {"query": "{ must }"},
            {"documentId": HASH, "variables": {"name": "绵阳"}},
            {"query": "{ rest(seconds: 30) }"},
            {"query": "{"},
            {"documentId": "0" * 64},
            [],
        ):
            await client.post("/graphql", json=said)
    assert notes.taken == [
        ("query", None, "nothing to give"),
        ("query", "Greeting"),
        ("query", None),
        ("DOCUMENT_REFUSED",),
        ("DOCUMENT_UNKNOWN",),
        ("BAD_INPUT",),
    ]
