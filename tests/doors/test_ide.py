"""The developers' IDE: whole and from here in development, absent in production."""

import re

import httpx

from tests.doors.test_who_may_ask import in_production
from tests.house import House
from tools import vendor_graphiql

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


async def opened(house: House, accept: str) -> httpx.Response:
    return await house.http.get("/graphql", headers={"Accept": accept})


async def test_a_browser_gets_the_ide_with_everything_it_names(house: House) -> None:
    page = await opened(house, BROWSER)
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["X-Frame-Options"] == "DENY"
    files = re.findall(r'(?:src|href)="(?!data:)([^"]+)"', page.text)
    assert len(files) == 6
    for file in files:
        assert file.startswith("/graphql/ide/")
        assert (await house.http.get(file)).status_code == 200


async def test_its_policy_allows_scripts_and_connections_to_ourselves_only(house: House) -> None:
    said = (await opened(house, BROWSER)).headers["Content-Security-Policy"]
    policy = {name: sources for name, *sources in (part.split() for part in said.split(";"))}
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == policy["connect-src"] == ["'self'"]
    assert policy["frame-ancestors"] == policy["form-action"] == policy["base-uri"] == ["'none'"]
    assert "unsafe" not in said
    assert "http" not in said


async def test_a_program_gets_an_answer_from_the_same_address(house: House) -> None:
    answer = await house.http.get("/graphql", params={"query": "{ __typename }"})
    assert answer.json() == {"data": {"__typename": "Query"}}


async def test_the_ide_is_for_development_only(house: House) -> None:
    async with in_production(house) as production:
        assert (await opened(production, "text/html")).status_code == 406
        assert (await opened(production, BROWSER)).status_code == 400
        for file in ("index.html", "page.js", "vendored/graphiql.js", "README.md"):
            assert (await production.http.get(f"/graphql/ide/{file}")).status_code == 404


def test_the_files_of_others_are_the_ones_that_their_readme_tells_of() -> None:
    files = vendor_graphiql.vendored()
    assert vendor_graphiql.README.read_text() == vendor_graphiql.readme(files)
    assert len(files) == sum(len(package.files) for package in vendor_graphiql.PACKAGES)
    assert sum(map(len, files.values())) < 2_500_000
