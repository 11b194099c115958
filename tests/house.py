"""The whole house in this process: its real routes over the tests' database, the sandbox outside, a real Valkey.

    async def test_…(house): …
        citizen = await house.citizen()
        answer = await citizen.ask(documents.ORDER, orderNo=order_no)

Only the two networks are left out: citizens call by ASGI, and so does the house when it calls WeChat or Tencent Cloud.
WeChat Pay is on loopback, its notices wait in `house.outside.letters` until a test hands them in. `house.travel` moves
the time of the house, of WeChat Pay and of Tencent Cloud.
"""

import io
import json
import re
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from bff import metrics, tracing, wiring
from bff.app import assemble, routes
from bff.channels import channels
from bff.settings import Settings, read_settings
from bff.wiring import Wiring
from models import database
from models.codes.rules import STEP_SECONDS
from models.staff import operations as staff
from models.staff.rules import DESK_ROLES, Role
from sandbox import tencent_cloud, wechat
from tests import databases
from tests.bff.conftest import Valkey
from tests.conftest import NOW
from tests.databases import Database
from tests.journal import journal
from tests.outside import Letter, Outside
from tests.resolvers import documents
from verification.tencent_cloud import TencentCloudIdCards
from wechat.messages import OfficialMessages, SubscribeMessages

HERE = "http://house.test"
WECHAT_HERE, TENCENT_HERE = "http://wechat.test", "http://tencent.test"
PASSWORD = "Jialing-2026-desk"
INTERNALS = re.compile(
    r"Traceback|models\.|resolvers\.|SELECT |asyncpg|sqlite|tortoise|site-packages|\.py\b", re.I
)
SENTENCE = re.compile(r"[\u4e00-\u9fff，、：“”《》（）0-9A-Za-z .+:–-]*[\u4e00-\u9fff]{2,}.*[。！）]$", re.DOTALL)


@dataclass(frozen=True)
class Refusal:
    """A no as the caller sees it, from `userErrors` or from a query's `errors`."""

    code: str
    message: str
    field: str | None = None


@dataclass(frozen=True)
class Answer:
    """What came back for one operation with one root field."""

    status: int
    said: Mapping[str, Any]
    text: str

    @property
    def value(self) -> Any:
        """The root field's value; the answer must hold no refusal."""
        assert self.status == 200, self.text
        assert "errors" not in self.said, self.text
        (value,) = self.said["data"].values()
        if isinstance(value, dict):
            assert not value.get("userErrors"), self.text
        return value

    @property
    def refusal(self) -> Refusal:
        """The one refusal: a sentence in Chinese with a code and without internals."""
        refused = self._refusal()
        assert SENTENCE.fullmatch(refused.message), self.text
        assert not INTERNALS.search(self.text), self.text
        return refused

    def _refusal(self) -> Refusal:
        if "errors" in self.said:
            error = self.said["errors"][0]
            told = error["extensions"]
            return Refusal(told["code"], error["message"], told.get("field"))
        (payload,) = self.said["data"].values()
        (error,) = payload["userErrors"]
        assert all(value is None for name, value in payload.items() if name != "userErrors"), self.text
        return Refusal(error["code"], error["message"], error.get("field"))


@dataclass
class House:
    app: Starlette
    http: httpx.AsyncClient
    wechat: httpx.AsyncClient
    tencent: httpx.AsyncClient
    outside: Outside
    wired: Wiring
    journal: io.StringIO
    answers: list[str] = field(default_factory=list)  # every GraphQL answer, as it went out

    async def ask(
        self, document: str, variables: Mapping[str, Any] | None = None, authorization: str = ""
    ) -> Answer:
        """One operation through the public door."""
        headers = {"Authorization": authorization} if authorization else {}
        given = await self.http.post(
            "/graphql", json={"query": document, "variables": variables or {}}, headers=headers
        )
        self.answers.append(given.text)
        return Answer(given.status_code, given.json(), given.text)

    def now(self) -> datetime:
        return self.wired.clock()

    async def travel(self, to: datetime) -> None:
        await self.outside.travel(to)

    def counts_without_leaking(self) -> None:
        """From here on nothing leaks away from what this process counts (`bff.rates.meters`), however long a test takes:
        of the widest limit it would be a unit in ten milliseconds. What is counted exactly leaks by Valkey's clock, and
        ten seconds or more for as many as a test asks for."""
        self.wired.rates.counter.meters.clock = lambda: 1000.0

    async def citizen(self, *, phone: str = "13800000001", device_id: str = "phone-1") -> "Citizen":
        """Somebody new, signed in from the mini-program."""
        answer = await self.wechat.post("/_sandbox/people", json={"phone": phone})
        citizen = Citizen(self, answer.json()["openid"], phone, device_id)
        await citizen.sign_in()
        return citizen

    async def sms_to(self, phone: str) -> str | None:
        """The code in the last SMS that this phone got, or its text where it holds none; None: it got no SMS."""
        found = (await self.tencent.get("/_sandbox/messages", params={"phone": phone})).json()["messages"]
        if not found:
            return None
        return str(found[0]["values"][0] if found[0]["values"] else found[0]["text"])

    async def register_person(self, name: str, id_number: str) -> None:
        """The authority on names knows from now on that they belong together."""
        answer = await self.tencent.put("/_sandbox/people", json={"name": name, "id_number": id_number})
        assert answer.status_code == 200, answer.text

    async def clerk(
        self,
        *venue_ids: str,
        device_id: str = "desk-1",
        roles: Sequence[Role] = DESK_ROLES,
        region_key: str = "",
    ) -> "Clerk":
        """A clerk of these venues, or without any of the region and all below it ("": everywhere), at a desk."""
        username = f"clerk-{secrets.token_hex(4)}"
        await staff.create_staff(
            username=username,
            display_name="李前台",
            password=PASSWORD,
            venue_public_ids=venue_ids or None,
            region_key=region_key,
            roles=roles,
            now=self.now(),
        )
        clerk = Clerk(self, username, device_id)
        await clerk.sign_in()
        return clerk

    async def hand_in(self, letter: Letter, **changed: str) -> httpx.Response:
        """A channel's notice at our door, its headers changed as named (`Wechatpay_Nonce=…`)."""
        kept = ("wechatpay-", "content-type")
        headers = {name: text for name, text in letter.headers.items() if name.lower().startswith(kept)}
        headers |= {name.replace("_", "-").lower(): text for name, text in changed.items()}
        return await self.http.post(letter.box, content=letter.body, headers=headers)

    def log(self) -> str:
        """Everything that was logged so far, as production writes it."""
        return self.journal.getvalue()

    def log_lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log().splitlines()]


@dataclass
class Citizen:
    house: House
    openid: str
    phone: str
    device_id: str = "phone-1"
    tokens: Mapping[str, str] = field(default_factory=dict)

    @property
    def authorization(self) -> str:
        return f"Bearer {self.tokens['accessToken']}"

    async def login_code(self) -> str:
        answer = await self.house.wechat.post("/_sandbox/login-codes", json={"openid": self.openid})
        return str(answer.json()["code"])

    async def phone_code(self) -> str:
        answer = await self.house.wechat.post("/_sandbox/phone-codes", json={"openid": self.openid})
        return str(answer.json()["code"])

    async def official_code(self, *, with_userinfo: bool = False) -> str:
        """What WeChat adds to the address when they come back to a page of the official account."""
        scope = "snsapi_userinfo" if with_userinfo else "snsapi_base"
        asked = {"openid": self.openid, "scope": scope}
        return str((await self.house.wechat.post("/_sandbox/official-codes", json=asked)).json()["code"])

    async def sign_in(self) -> None:
        variables = {"code": await self.login_code(), "deviceId": self.device_id}
        self.tokens = (await self.house.ask(documents.SIGN_IN, variables)).value["signIn"]

    async def ask(self, document: str, **variables: Any) -> Answer:
        return await self.house.ask(document, variables, self.authorization)

    async def places(self, *lines: Mapping[str, Any], key: str = "") -> Any:
        """An order for these lines, as the door shows it."""
        answer = await self.ask(documents.PLACE_ORDER, idempotencyKey=key or secrets.token_hex(8), lines=[*lines])
        return answer.value["order"]

    async def pays(self, order_no: str) -> Letter:
        """Opens the payment sheet and pays; gives the notice, which nobody has handed in yet."""
        waiting = len(self.house.outside.letters)
        parameters = (await self.ask(documents.PAY_ORDER, orderNo=order_no)).value["wechatPay"]
        await self.house.outside.pay(parameters, openid=self.openid)
        return await self.house.outside.letter_of_a_payment(waiting)

    async def has_paid(self, *lines: Mapping[str, Any]) -> Any:
        """A paid order, as the door shows it."""
        order = await self.places(*lines)
        assert (await self.house.hand_in(await self.pays(order["orderNo"]))).status_code == 204
        return (await self.ask(documents.ORDER, orderNo=order["orderNo"])).value

    async def code(self, admission_id: str) -> str:
        """What the phone shows now, counted from the server's time."""
        given = (await self.ask(documents.ADMISSION_CODES, admissionId=admission_id)).value
        now = datetime.fromisoformat(given["serverNow"])
        started = [code for code in given["codes"] if datetime.fromisoformat(code["validFrom"]) <= now]
        assert (now - datetime.fromisoformat(started[-1]["validFrom"])).total_seconds() < STEP_SECONDS
        return str(started[-1]["code"])


@dataclass
class Clerk:
    house: House
    username: str
    device_id: str
    authorization: str = ""

    async def sign_in(self) -> None:
        variables = {"username": self.username, "password": PASSWORD, "deviceId": self.device_id}
        signed_in = (await self.house.ask(documents.STAFF_SIGN_IN, variables)).value["staffSignIn"]
        self.authorization = f"Staff {signed_in['token']}"

    async def ask(self, document: str, **variables: Any) -> Answer:
        return await self.house.ask(document, variables, self.authorization)

    async def scans(self, code: str, venue_id: str, **how: Any) -> Answer:
        asked = {"code": code, "venueId": venue_id, "checkpoint": "前台", "nonce": secrets.token_hex(8), **how}
        return await self.ask(documents.REDEEM, **asked)


async def contents() -> dict[str, Sequence[str]]:
    """Every row of every table."""
    return {
        table: sorted(str(dict(row)) for row in await database.rows(f"SELECT * FROM {table}"))
        for table in await databases._tables()
    }


@asynccontextmanager
async def nothing_changes() -> AsyncIterator[None]:
    """Whatever happens in the block leaves no trace in the database, but for the audit trail: what staff tried and
    were refused is just what must be written down (`tests/resolvers/test_audit.py`)."""
    before = await contents() | {'"audit_line"': []}
    yield
    after = await contents() | {'"audit_line"': []}
    assert after == before, {table: rows for table, rows in after.items() if rows != before[table]}


@pytest.fixture(scope="session")
def shared_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def house(db: Database, outside: Outside, shared_valkey: Valkey, tmp_path: Path) -> AsyncIterator[House]:
    """The house at NOW, empty; a test brings in what it needs (tests.factories)."""
    async with opened(db, outside, shared_valkey, tmp_path) as house:
        yield house


@asynccontextmanager
async def opened(
    db: Database, outside: Outside, valkey: Valkey, folder: Path, **settings_too: str
) -> AsyncIterator[House]:
    settings = settings_for(db, outside, valkey, folder, **settings_too)
    with journal(settings) as written:
        built = wiring.build(settings, tracing.opened(settings, "web"))
        await built.queue.redis.flushdb()
        weixin = _client(WECHAT_HERE, wechat.create_app(outside.folder))
        tencent = _client(TENCENT_HERE, tencent_cloud.create_app(outside.folder))
        async with weixin as wechat_http, tencent as tencent_http:
            await outside.set_clock_of(tencent_http)
            outside.others.append(tencent_http)
            wired = _with_them_in_this_process(built, outside, wechat_http, tencent_http)
            app = assemble(settings, routes(wired), nullcontext(), wired.spans)
            transport = httpx.ASGITransport(app, client=("203.0.113.7", 40000))
            client = httpx.AsyncClient(transport=transport, base_url=HERE)
            async with wiring.sharing(wired.keeper), client as http:
                with no_value_is_odd():
                    yield House(app, http, wechat_http, tencent_http, outside, wired, written)
            outside.others.remove(tencent_http)
        await built.http.aclose()
        await built.queue.close()
        if built.spans:
            await built.spans.close()


def _client(base_url: str, app: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base_url)


def _with_them_in_this_process(
    built: Wiring, outside: Outside, wechat_http: httpx.AsyncClient, tencent_http: httpx.AsyncClient
) -> Wiring:
    settings = built.settings
    mini_program = wiring.mini_program(settings, wechat_http, built.queue)
    official = wiring.official_account(settings, wechat_http, built.queue)
    cloud = wiring.tencent_cloud(settings, tencent_http, outside.now)
    return replace(
        built,
        clock=outside.now,
        mini_program=mini_program,
        official_account=official,
        subscribe_messages=SubscribeMessages(mini_program.token),
        official_messages=OfficialMessages(official.token) if official else None,
        name_authority=TencentCloudIdCards(cloud),
        sms=wiring.sms_sender(settings, cloud),
        channels=channels(settings, built.http, outside.now),
    )


@contextmanager
def no_value_is_odd() -> Iterator[None]:
    """Whatever resolvers return in the block is as their types say, so that plans complete all of it."""
    before = anomalies()
    yield
    assert anomalies() == before


def anomalies() -> float:
    samples = [sample for family in metrics.ANOMALIES.collect() for sample in family.samples]
    return sum(sample.value for sample in samples if sample.name.endswith("_total"))


def settings_for(db: Database, outside: Outside, valkey: Valkey, folder: Path, **more: str) -> Settings:
    return read_settings(
        {
            **outside.env,
            "DATA_DIR": str(folder / "data"),
            "DATABASE_URL": db.url,
            "REDIS_URL": valkey.url,
            "PUBLIC_BASE_URL": str(outside.http.base_url),  # so that notices land in the letter box
            "WECHAT_PAY_BASE_URL": str(outside.http.base_url),
            "WECHAT_BASE_URL": WECHAT_HERE,
            "TENCENT_CLOUD_SMS_BASE_URL": TENCENT_HERE,
            "TENCENT_CLOUD_FACEID_BASE_URL": TENCENT_HERE,
            "GOVERNMENT_PLATFORM_BASE_URL": "http://127.0.0.1:9",  # forwarding is the worker's
            **more,
        }
    )


def line(court: Any, starts_at: datetime, **more: Any) -> dict[str, Any]:
    """One line of an order, as the door takes it."""
    return {"courtId": court.public_id, "startsAt": starts_at.isoformat(), **more}


__all__ = [
    "NOW",
    "Answer",
    "Citizen",
    "Clerk",
    "House",
    "contents",
    "house",
    "line",
    "nothing_changes",
    "shared_valkey",
]
