"""All audits of npm's graphql-http, the recommended and the optional ones too, on the house served on loopback."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.audits.judge import judged, packages
from tests.browser.real_desk import served
from tests.house import House, house, shared_valkey
from tests.npm import Unreachable
from tests.outside import outside, stage

__all__ = ["house", "outside", "shared_valkey", "stage"]
pytestmark = pytest.mark.conformance

AUDITS = 61


@pytest.fixture(scope="module", autouse=True)
def judge() -> None:
    try:
        packages()
    except Unreachable:
        pytest.skip("npm cannot be reached here, so the GraphQL-over-HTTP audits did not run.")


async def test_every_audit_of_graphql_over_http_passes(house: House) -> None:
    async with served(house.app) as address:
        findings = await judged(f"{address}/graphql")
    assert [str(finding) for finding in findings if finding.status != "ok"] == []
    assert len(findings) == len({finding.id for finding in findings}) == AUDITS


async def always_fine(_request: Request) -> Response:
    return JSONResponse({"data": {"__typename": "Query"}})


async def test_the_judge_finds_fault_with_a_server_that_says_yes_to_everything() -> None:
    async with served(Starlette(routes=[Route("/graphql", always_fine, methods=["GET", "POST"])])) as address:
        findings = await judged(f"{address}/graphql")
    assert {finding.status for finding in findings} == {"ok", "notice", "warn"}
