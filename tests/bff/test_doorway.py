"""What every request passes: who is calling, headers, errors without their text, and readiness."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bff.app import assemble
from bff.http.doorway import client_address
from bff.http.health import health_routes
from bff.pages.apologies import home_routes
from bff.settings import Settings

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def seen(connection: str, *forwarded: str) -> str:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    return client_address({"type": "http", "client": (connection, 1), "headers": headers}, PROXIES)


@pytest.mark.parametrize(
    ("connection", "forwarded", "caller"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),  # a stranger may write what they like
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.2.3.4, 198.51.100.1"], "198.51.100.1"),  # what stands further left, the caller wrote
        ("10.0.0.1", ["1.2.3.4", "198.51.100.1, 10.9.9.9"], "198.51.100.1"),  # two proxies of ours, two headers
        ("10.0.0.1", ["10.0.0.7"], "10.0.0.7"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("fd00::1", ["2001:db8::5"], "2001:db8::5"),
    ],
)
def test_only_our_proxies_say_who_is_calling(connection: str, forwarded: list[str], caller: str) -> None:
    assert seen(connection, *forwarded) == caller


async def tell(request: Request) -> Response:
    assert request.client
    return JSONResponse({"address": request.client.host, "scheme": request.url.scheme})


async def crash(_request: Request) -> Response:
    raise RuntimeError("postgres://sports:hunter22@db/sports refused")


async def well() -> None:
    return


async def unwell() -> None:
    raise ConnectionError("postgres://sports:hunter22@db/sports refused")


async def hanging() -> None:
    await asyncio.sleep(3600)


@asynccontextmanager
async def nothing() -> AsyncIterator[None]:
    yield


def client_of(settings: Settings, **checks: Callable[[], Awaitable[None]]) -> httpx.AsyncClient:
    async def figures() -> dict[str, float]:
        return {"outbox_waiting": 3.0}

    doors = [
        Route("/tell", tell),
        Route("/crash", crash),
        Route("/gates/{token}", tell),
        *home_routes(),
        *health_routes(checks or {"database": well}, figures),
    ]
    transport = httpx.ASGITransport(assemble(settings, doors, nothing()))
    return httpx.AsyncClient(transport=transport, base_url="http://house")


async def test_behind_a_trusted_proxy_doors_see_the_caller(settings: Settings) -> None:
    headers = {"X-Forwarded-For": "198.51.100.1", "X-Forwarded-Proto": "https"}
    async with client_of(settings) as client:
        assert (await client.get("/tell", headers=headers)).json() == {
            "address": "198.51.100.1",
            "scheme": "https",
        }


async def test_a_request_id_is_taken_from_our_proxies_only_when_it_is_one(settings: Settings) -> None:
    async with client_of(settings) as client:
        kept = await client.get("/tell", headers={"X-Request-Id": "abc-123-def"})
        made = await client.get("/tell", headers={"X-Request-Id": "a b;c\td"})
    assert kept.headers["X-Request-Id"] == "abc-123-def"
    assert len(made.headers["X-Request-Id"]) == 16


async def test_every_answer_has_careful_headers(settings: Settings) -> None:
    async with client_of(settings) as client:
        for path in ("/tell", "/nowhere", "/crash"):
            headers = (await client.get(path)).headers
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["X-Frame-Options"] == "DENY"


async def test_an_unexpected_error_of_a_door_is_told_by_its_reference_only(
    settings: Settings, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    async with client_of(settings) as client:
        answer = await client.get("/crash")
    assert answer.status_code == 500
    [error] = answer.json()["errors"]
    assert error["extensions"]["reference"] in error["message"]
    assert error["extensions"]["reference"] in [line.get("reference") for line in log_lines()]
    assert "hunter22" not in answer.text


async def test_an_unknown_path_and_a_wrong_method_are_refused_in_json(settings: Settings) -> None:
    async with client_of(settings) as client:
        for method, path, status in (("GET", "/nowhere", 404), ("POST", "/tell", 405)):
            answer = await client.request(method, path)
            assert answer.status_code == status
            assert answer.json()["errors"][0]["message"]


async def test_a_persons_browser_gets_a_page_with_a_way_on_instead_of_json(
    settings: Settings, log_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    person = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    async with client_of(settings) as client:
        for method, path, status in (("GET", "/nowhere", 404), ("POST", "/tell", 405), ("GET", "/desk/x", 404)):
            answer = await client.request(method, path, headers=person)
            assert (answer.status_code, "没有这个页面" in answer.text) == (status, True)
            assert ('href="/desk"' in answer.text) == path.startswith("/desk")
            assert "全民健身 · 川渝通办" in answer.text  # whose page this is
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        crashed = await client.get("/crash", headers=person)
        paid = await client.get("/?out_trade_no=<b>", headers=person)
    (reference,) = [line["reference"] for line in log_lines() if line.get("reference")]
    assert (crashed.status_code, reference in crashed.text, "hunter22" in crashed.text) == (500, True, False)
    assert (paid.status_code, "请不要再付一次" in paid.text, "<b>" in paid.text) == (200, True, False)


async def test_a_process_that_lives_says_so_whatever_else_fails(settings: Settings) -> None:
    async with client_of(settings, database=unwell) as client:
        assert (await client.get("/healthz")).status_code == 200


async def test_readiness_names_what_fails_and_not_why(settings: Settings) -> None:
    async with client_of(settings, database=unwell, queue=well) as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ready": False, "checks": {"database": "failed", "queue": "ok"}}


async def test_readiness_does_not_wait_for_what_hangs(settings: Settings) -> None:
    async with client_of(settings, database=hanging, queue=hanging) as client:
        async with asyncio.timeout(20):
            answer = await client.get("/readyz")
    assert answer.json()["checks"] == {"database": "failed", "queue": "failed"}


async def test_metrics_count_by_route_and_never_by_token(settings: Settings) -> None:
    async with client_of(settings) as client:
        await client.get("/gates/very-secret-token")
        told = (await client.get("/metrics")).text
    assert 'route="/gates/{token}"' in told
    assert "very-secret-token" not in told
    assert "outbox_waiting 3.0" in told
