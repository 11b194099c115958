"""What the desk's routes refuse before any browser or business is asked; no Chromium needed."""

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.cookies import SimpleCookie

import httpx
import pytest
from starlette.applications import Starlette

from bff.pages.desk import desk_routes
from models.admissions.rules import Verdict
from models.errors import Busy
from models.staff.rules import Place, Role, RoleHeld, StaffSignedIn
from tests.browser.desk_stub import PASSWORD, USERNAME, VENUES, StubDesk

HERE = "https://desk.example"
NOW = datetime(2026, 11, 20, 11, 30, tzinfo=UTC)
SCAN = {"code": "1" * 24, "nonce": "a" * 32, "direction": "ENTRY", "idChecked": False}
CREDENTIALS = {"username": USERNAME, "password": PASSWORD}


@pytest.fixture
def stub() -> StubDesk:
    return StubDesk()


@pytest.fixture
async def visitor(stub: StubDesk) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without a sign-in; its Origin is right unless a test says otherwise."""
    app = Starlette(routes=desk_routes(stub, lambda: NOW))
    transport = httpx.ASGITransport(app, client=("203.0.113.9", 50000))
    async with httpx.AsyncClient(transport=transport, base_url=HERE, headers={"origin": HERE}) as client:
        await client.get("/desk")
        yield client


@pytest.fixture
async def clerk(visitor: httpx.AsyncClient) -> httpx.AsyncClient:
    """Signed in, standing at the first venue."""
    await visitor.post("/desk/sign-in", data=CREDENTIALS)
    await visitor.post("/desk/post", data={"venue": VENUES[0][0], "checkpoint": "前台"})
    return visitor


@asynccontextmanager
async def visiting(stub: StubDesk) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in."""
    transport = httpx.ASGITransport(Starlette(routes=desk_routes(stub, lambda: NOW)))
    async with httpx.AsyncClient(transport=transport, base_url=HERE, headers={"origin": HERE}) as client:
        await client.post("/desk/sign-in", data=CREDENTIALS)
        yield client


@pytest.mark.parametrize(
    "origin", ["https://elsewhere.example", "null", "https://desk.example.elsewhere.example", "https://[", ""]
)
@pytest.mark.parametrize("path", ["/desk/sign-in", "/desk/post", "/desk/sign-out", "/desk/redeem"])
async def test_a_post_from_another_site_is_refused_and_changes_nothing(
    clerk: httpx.AsyncClient, stub: StubDesk, path: str, origin: str
) -> None:
    answer = await clerk.post(path, headers={"origin": origin}, json=SCAN)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert stub.scans == []
    assert "退出登录" in (await clerk.get("/desk")).text
    shown = await clerk.post(path, headers={"origin": origin, "accept": "text/html"}, json=SCAN)
    assert (shown.status_code, 'href="/desk"' in shown.text) == (403, True)


async def test_a_browser_that_sends_only_a_referer_may_sign_in(visitor: httpx.AsyncClient) -> None:
    del visitor.headers["origin"]
    answer = await visitor.post("/desk/sign-in", data=CREDENTIALS, headers={"referer": f"{HERE}/desk"})
    assert answer.status_code == 303


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ("money", "/desk/money"),
        ("people", "/desk/people"),
        ("", "/desk"),
        ("//evil.example", "/desk"),
        ("post", "/desk"),
    ],
)
async def test_who_signs_in_again_is_back_where_they_worked_and_nowhere_else(
    visitor: httpx.AsyncClient, asked: str, location: str
) -> None:
    form = (await visitor.get("/desk", params={"to": asked})).text
    assert (f'name="to" value="{asked}"' in form) == (location != "/desk")
    wrong = await visitor.post("/desk/sign-in", data={**CREDENTIALS, "password": "typo", "to": asked})
    assert (f'name="to" value="{asked}"' in wrong.text) == (location != "/desk")
    answer = await visitor.post("/desk/sign-in", data={**CREDENTIALS, "to": asked})
    assert (answer.status_code, answer.headers["location"]) == (303, location)


async def test_every_cookie_is_for_this_site_alone_and_hidden_from_scripts(stub: StubDesk) -> None:
    app = Starlette(routes=desk_routes(stub, lambda: NOW))
    cookies: SimpleCookie = SimpleCookie()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url=HERE, headers={"origin": HERE}
    ) as client:
        answers = [
            await client.get("/desk"),
            await client.post("/desk/sign-in", data=CREDENTIALS),
            await client.post("/desk/post", data={"venue": VENUES[0][0], "checkpoint": "东门"}),
        ]
    for answer in answers:
        for line in answer.headers.get_list("set-cookie"):
            cookies.load(line)
    assert set(cookies) == {"desk_device", "desk_sign_in", "desk_post"}
    for cookie in cookies.values():
        assert cookie["httponly"] is True
        assert cookie["secure"] is True
        assert cookie["samesite"] == "strict"
        assert cookie["path"] == "/desk"
    assert cookies["desk_sign_in"]["max-age"] == ""


async def test_a_device_keeps_its_number_through_sign_in_and_out(clerk: httpx.AsyncClient) -> None:
    before = clerk.cookies["desk_device"]
    await clerk.post("/desk/sign-out")
    await clerk.post("/desk/sign-in", data=CREDENTIALS)
    assert clerk.cookies["desk_device"] == before


async def test_every_page_forbids_foreign_and_inline_scripts(clerk: httpx.AsyncClient) -> None:
    for path in ("/desk", "/desk/post"):
        answer = await clerk.get(path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"


async def test_a_browser_keeps_the_files_of_this_release_and_asks_again_for_any_others(
    visitor: httpx.AsyncClient,
) -> None:
    shown = (await visitor.get("/desk")).text
    (style,) = re.findall(r'href="(/desk/static/desk.css\?\w+)"', shown)
    kept = await visitor.get(style)
    assert (kept.status_code, kept.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
    for other in ("/desk/static/desk.css", "/desk/static/desk.css?0000000000"):
        assert (await visitor.get(other)).headers["cache-control"] == "no-cache"


async def test_what_someone_typed_is_shown_as_text_only(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.post("/desk/sign-in", data={"username": '"><script>x</script>', "password": "y"})
    assert answer.status_code == 403
    assert "<script>x" not in answer.text
    assert "&lt;script&gt;x" in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b'"x"',
        b"1",
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b" " * 1_000_000,
        b'{"code": "1"}',
        *(
            httpx.Request("POST", HERE, json={**SCAN, **wrong}).content
            for wrong in (
                {"code": "12a4"},
                {"code": "１２"},
                {"code": 1},
                {"code": ""},
                {"code": "1" * 65},
                {"code": "1\n"},
                {"nonce": "short"},
                {"nonce": "a" * 65},
                {"direction": "IN"},
                {"idChecked": "true"},
                {"idChecked": None},
            )
        ),
    ],
    ids=lambda body: repr(body[:40]),
)
async def test_a_malformed_scan_is_a_quick_400_in_words(
    clerk: httpx.AsyncClient, stub: StubDesk, body: bytes
) -> None:
    began = time.process_time()
    answer = await clerk.post("/desk/redeem", content=body)
    assert time.process_time() - began < 0.5
    assert answer.status_code == 400
    said = answer.json()
    assert (said["colour"], said["code"]) == ("RED", "BAD_INPUT")
    assert said["headline"]
    assert said["nextStep"]
    assert stub.scans == []


@pytest.mark.parametrize("body", [b"\xff\xfe=1", b"a=1&" * 50, b"username=" + b"x" * 1_000_000])
async def test_a_malformed_sign_in_is_refused_in_words(visitor: httpx.AsyncClient, body: bytes) -> None:
    answer = await visitor.post("/desk/sign-in", content=body)
    assert answer.status_code == 403
    assert "请刷新页面后重新填写" in answer.text


async def test_a_scan_without_a_sign_in_is_a_401_with_the_way_out(
    visitor: httpx.AsyncClient, stub: StubDesk
) -> None:
    answer = await visitor.post("/desk/redeem", json=SCAN)
    assert answer.status_code == 401
    assert answer.json()["code"] == "NOT_SIGNED_IN"
    assert stub.scans == []


async def test_a_scan_after_signing_out_is_a_401(clerk: httpx.AsyncClient, stub: StubDesk) -> None:
    ended = clerk.cookies["desk_sign_in"]
    await clerk.post("/desk/sign-out")
    assert "desk_sign_in" not in clerk.cookies
    clerk.cookies.set("desk_sign_in", ended, domain="desk.example", path="/desk")
    answer = await clerk.post("/desk/redeem", json=SCAN)
    assert answer.status_code == 401
    assert stub.scans == []


async def test_a_person_with_one_venue_stands_at_its_front_desk_without_choosing() -> None:
    class SmallDesk(StubDesk):
        venues = VENUES[:1]

    app = Starlette(routes=desk_routes(SmallDesk(), lambda: NOW))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url=HERE, headers={"origin": HERE}
    ) as client:
        await client.post("/desk/sign-in", data=CREDENTIALS)
        page = await client.get("/desk")
        answer = await client.post("/desk/redeem", json=SCAN)
    assert VENUES[0][1] in page.text
    assert "前台" in page.text
    assert answer.json()["code"] == "UNKNOWN_CODE"


async def test_who_has_many_venues_picks_one_of_a_list() -> None:
    class WideDesk(StubDesk):
        venues = tuple((f"vn_{number}", f"第{number}体育馆") for number in range(9))

    async with visiting(WideDesk()) as clerk:
        assert '<option value="vn_8"' in (await clerk.get("/desk/post")).text
        await clerk.post("/desk/post", data={"venue": "vn_8", "checkpoint": "东门"})
        assert "第8体育馆" in (await clerk.get("/desk")).text
        assert '<option value="vn_8" selected>' in (await clerk.get("/desk/post")).text


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ((), "请联系管理员为您分配场馆"),
        ((Role.FINANCE, Role.FINANCE), "您的角色是财务。"),
        ((Role.SYSTEM_ADMIN,), "您的角色是系统管理员。"),
        ((Role.REGULATOR,), "/desk/programme"),
    ],
)
async def test_who_stands_at_no_venue_is_told_what_there_is_for_them(roles: tuple[Role, ...], said: str) -> None:
    class NoDesk(StubDesk):
        venues = ()

        async def find(self, *, token: str, now: datetime) -> StaffSignedIn | None:
            found = await super().find(token=token, now=now)
            return found and replace(found, roles=tuple(RoleHeld(role, Place()) for role in roles))

    async with visiting(NoDesk()) as somebody:
        page = (await somebody.get("/desk", follow_redirects=True)).text
    assert said in page
    assert ("分配场馆" in page) == (not roles)


async def test_a_venue_of_others_cannot_be_chosen(clerk: httpx.AsyncClient) -> None:
    answer = await clerk.post("/desk/post", data={"venue": "vn_of_others", "checkpoint": "前台"})
    assert answer.headers["location"] == "/desk/post"
    assert VENUES[0][1] in (await clerk.get("/desk")).text


async def test_a_verdict_is_passed_on_whole_with_the_servers_time(
    clerk: httpx.AsyncClient, stub: StubDesk
) -> None:
    code = stub.new_code()
    answer = await clerk.post("/desk/redeem", json={**SCAN, "code": code})
    assert answer.json() == {
        "colour": "GREEN",
        "code": "ADMITTED",
        "headline": "可以入场",
        "detail": "本人第 1 次入场。",
        "nextStep": None,
        "court": "羽毛球 3 号场",
        "time": "11月20日 19:00–20:00",
        "scannedAt": "19:30:00",
    }


async def test_a_busy_desk_answers_503_so_that_the_page_tries_the_same_nonce_again() -> None:
    class BusyDesk(StubDesk):
        async def redeem(self, **asked: object) -> Verdict:
            raise Busy

    app = Starlette(routes=desk_routes(BusyDesk(), lambda: NOW))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url=HERE, headers={"origin": HERE}
    ) as client:
        await client.post("/desk/sign-in", data=CREDENTIALS)
        await client.post("/desk/post", data={"venue": VENUES[0][0], "checkpoint": "前台"})
        answer = await client.post("/desk/redeem", json=SCAN)
    assert answer.status_code == 503
    assert answer.json()["colour"] == "YELLOW"
