"""Traces, as a real collector on loopback gets them; and nothing at all of them without one."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bff import tracing, wiring
from bff.app import assemble
from bff.graphql import CLIENTS
from bff.settings import Settings, SettingsRefused, read_settings
from bff.tracing import spanned
from jobs.job import Job, Tools
from tests import house as houses
from tests.bff.conftest import Valkey, clean_environment
from tests.collector import Collector, a_collector
from tests.databases import Database
from tests.factories.booking import a_hall, at
from tests.house import House, line, shared_valkey
from tests.outside import Outside, outside, stage
from tests.stopwatch import Stopwatch

__all__ = ["outside", "shared_valkey", "stage"]

ROOT = Path(__file__).parents[2]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "baggage": "who=me", "tracestate": "a=b"}
PLACE_ORDER = (CLIENTS / "demo" / "PlaceOrder.graphql").read_text()


@pytest.fixture
def collector() -> Iterator[Collector]:
    with a_collector() as collector:
        yield collector


@asynccontextmanager
async def a_traced(settings: Settings, collector_url: str, **doors: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A house of these doors only. At the end its spans are with the collector."""
    settings = replace(settings, otlp_endpoint=collector_url)
    spans = tracing.opened(settings, "web")
    assert spans
    routes = [Route(f"/{name}/{{token}}", door) for name, door in doors.items()]
    app = assemble(settings, routes, houses.nullcontext(), spans)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://house") as client:
        yield client
    await spans.close()


@asynccontextmanager
async def a_traced_house(
    collector: Collector, db: Database, outside: Outside, valkey: Valkey, folder: Path
) -> AsyncIterator[House]:
    given = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    async with houses.opened(db, outside, valkey, folder, **given) as house:
        yield house


async def tell(_request: Request) -> Response:
    return JSONResponse({})


async def crash(_request: Request) -> Response:
    raise RuntimeError("13987654321")


async def test_a_request_is_one_span_that_names_its_route_and_nothing_of_the_caller(
    settings: Settings, collector: Collector
) -> None:
    async with a_traced(settings, collector.url, gates=tell, crash=crash) as client:
        kept = await client.get("/gates/very-secret?code=123", headers={"X-Request-Id": "abc-123-def"})
        await client.get("/crash/x")
    assert kept.status_code == 200
    well, crashed = collector.spans()
    assert well.name == "GET /gates/{token}"
    assert well.attributes == {
        "http.request.method": "GET",
        "http.route": "/gates/{token}",
        "http.response.status_code": 200,
        "request.id": "abc-123-def",
    }
    assert (well.failed, well.process) == (False, "web")
    assert (crashed.failed, crashed.attributes["error.type"], crashed.events) == (True, "500", 0)
    assert b"13987654321" not in b"".join(collector.bodies)
    assert b"very-secret" not in b"".join(collector.bodies)


async def test_only_a_proxy_of_ours_continues_its_trace(settings: Settings, collector: Collector) -> None:
    stranger = replace(settings, trusted_proxies=())
    for believed in (settings, stranger):
        async with a_traced(believed, collector.url, tell=tell) as client:
            await client.get("/tell/x", headers=TRACEPARENT)
            await client.get("/tell/x", headers={"traceparent": "nonsense"})
    ours, without, strange, _ = collector.spans()
    assert (ours.trace_id, ours.parent_id) == (TRACE, "00f067aa0ba902b7")
    assert without.trace_id != TRACE
    assert without.parent_id == ""
    assert strange.trace_id != TRACE
    assert strange.parent_id == ""


async def test_an_order_is_traced_by_operation_with_its_outside_calls_and_never_by_field(
    collector: Collector, db: Database, outside: Outside, shared_valkey: Valkey, tmp_path: Path
) -> None:
    async with a_traced_house(collector, db, outside, shared_valkey, tmp_path) as house:
        hall = await a_hall()
        citizen = await house.citizen()
        order = {"idempotencyKey": "one-tap", "lines": [line(hall.badminton, at(10))]}
        placed = (await house.ask(PLACE_ORDER, order, citizen.authorization)).value["order"]
        taken = await house.ask(PLACE_ORDER, order | {"idempotencyKey": "another"}, citizen.authorization)
        assert taken.refusal.code == "SLOT_TAKEN"
        await citizen.pays(placed["orderNo"])
        await house.ask("query Stranger13987654321 { __typename }")
        await house.ask("{ nothing }")
    first, second = collector.named("mutation PlaceOrder")
    assert first.attributes == {
        "graphql.operation.name": "PlaceOrder",
        "graphql.operation.type": "mutation",
        "graphql.document.hash": hash_of(PLACE_ORDER),
        "graphql.outcome": "ok",
    }
    assert second.attributes["error.type"] == second.attributes["graphql.outcome"] == "SLOT_TAKEN"
    assert not second.failed  # a refusal is no fault of ours
    by_id = {span.span_id: span for span in collector.spans()}
    assert by_id[first.parent_id].name == "POST /graphql"
    (sheet,) = [span for span in collector.spans() if span.name == "POST wechat-pay"]
    assert sheet.attributes == {
        "peer.service": "wechat-pay",
        "http.request.method": "POST",
        "http.response.status_code": 200,
    }
    assert by_id[sheet.parent_id].attributes["graphql.document.hash"] == "free"  # the tests' own document
    assert by_id[by_id[sheet.parent_id].parent_id].name == "POST /graphql"
    strangers = [span for span in collector.named("query free") if span.attributes["graphql.outcome"] == "ok"]
    assert strangers
    requests = collector.named("POST /graphql")
    operations = [span for span in collector.spans() if "graphql.operation.type" in span.attributes]
    notices = [span for span in collector.spans() if span not in [*requests, *operations, sheet]]
    assert notices == []
    assert len(operations) == len(requests) - 1  # the last document was refused before it was an operation
    assert placed["orderNo"].encode() not in b"".join(collector.bodies)
    assert b"Stranger" not in b"".join(collector.bodies)


def hash_of(text: str) -> str:
    documents = json.loads((CLIENTS / "manifest.json").read_text())["documents"]
    (found,) = [key for key, told in documents.items() if told["document"] == text]
    return str(found)


async def test_those_outside_do_not_hear_of_our_traces(settings: Settings, collector: Collector) -> None:
    heard: list[dict[str, str]] = []

    class Peer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(503)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Peer)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    outward = replace(settings, wechat_base_url=url, otlp_endpoint=collector.url)
    spans = tracing.opened(outward, "web")
    assert spans

    async def ask(_request: Request) -> Response:
        async with wiring.outward(outward, spans) as http:
            await http.get(f"{url}/sns/jscode2session?js_code=0a1b&secret=s3cret")
            server.shutdown()
            server.server_close()
            with pytest.raises(httpx.ConnectError):
                await http.get(url)
        return JSONResponse({})

    app = assemble(settings, [Route("/ask", ask)], houses.nullcontext(), spans)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://house") as client:
        await client.get("/ask", headers=TRACEPARENT)
    await spans.close()
    (told,) = heard
    assert not {"traceparent", "tracestate", "baggage"} & set(told)
    answered, refused = collector.named("GET wechat")
    assert (answered.trace_id, answered.attributes["error.type"]) == (TRACE, "503")
    assert (refused.failed, refused.attributes["error.type"], refused.events) == (True, "ConnectError", 0)
    assert b"0a1b" not in b"".join(collector.bodies)


async def test_each_run_of_a_job_is_a_trace_of_its_own(settings: Settings, collector: Collector) -> None:
    spans = tracing.opened(replace(settings, otlp_endpoint=collector.url), "worker")
    assert spans

    async def work(_tools: Tools) -> int:
        await asyncio.sleep(0)
        return 3

    async def fail(_tools: Tools) -> int:
        raise RuntimeError("13987654321")

    tools: Any = None
    one = spanned(Job(name="count", function=work, every_seconds=1), spans)
    other = spanned(Job(name="break", function=fail, every_seconds=1), spans)
    assert await one.function(tools) == await one.function(tools) == 3
    with pytest.raises(RuntimeError):
        await other.function(tools)
    await spans.close()
    first, second = collector.named("job count")
    assert first.trace_id != second.trace_id
    (broken,) = collector.named("job break")
    assert (broken.failed, broken.attributes) == (True, {"job.name": "break", "error.type": "RuntimeError"})
    assert {span.process for span in collector.spans()} == {"worker"}


async def test_a_collector_that_is_away_costs_nobody_anything_and_is_said_once(
    settings: Settings, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    async with a_traced(settings, "http://127.0.0.1:9", tell=tell) as client:
        asking = Stopwatch()
        for _ in range(4000):  # more than the queue and several batches hold
            assert (await client.get("/tell/x")).status_code == 200
        assert asking.stop() < 20
        ending = Stopwatch()
    assert ending.stop() < 4

    def told() -> list[str]:
        theirs = ("bff.spans", "opentelemetry", "urllib3")
        return [said["event"] for said in log_lines() if said["logger"].startswith(theirs)]

    until = time.monotonic() + 30
    while not told() and time.monotonic() < until:  # the thread may be a moment behind
        await asyncio.sleep(0.05)
    assert told() == ["the collector of traces is away; spans are lost until it is back"]


async def test_a_collector_that_hangs_does_not_keep_the_process(settings: Settings) -> None:
    listening = threading.Event()

    class Hanging(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            listening.set()
            time.sleep(8)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hanging)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    async with a_traced(settings, f"http://127.0.0.1:{server.server_address[1]}", tell=tell) as client:
        await client.get("/tell/x")
        ending = Stopwatch()
    took = ending.stop()
    assert listening.wait(30)
    assert took < 4
    server.shutdown()


def test_without_a_collector_nothing_of_opentelemetry_is_imported() -> None:
    program = """
import sys, tempfile
from bff import cli, worker, app, tracing
from bff.settings import read_settings
assert tracing.opened(read_settings({"DATA_DIR": tempfile.mkdtemp()}), "web") is None
foreign = [name for name in sys.modules if name.split(".")[0] in ("opentelemetry", "google", "requests", "urllib3")]
assert not foreign, foreign
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=clean_environment(), check=True)


@pytest.mark.parametrize("url", ["collector:4318", "ftp://collector", "http://user:secret@collector", "http://"])
def test_what_is_no_collectors_address_is_refused_at_the_start(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsRefused) as refused:
        read_settings({"DATA_DIR": str(tmp_path), "OTEL_EXPORTER_OTLP_ENDPOINT": url})
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in str(refused.value)
    assert "secret" not in str(refused.value)
