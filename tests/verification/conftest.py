"""The sandbox's Tencent Cloud in this process, and our client of it; or a Tencent Cloud that answers as told."""

import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox import tencent_cloud
from sandbox.keys import make_keys
from verification.port import SmsTemplate
from verification.tencent_cloud import Credentials, TencentCloud, TencentCloudIdCards, TencentCloudSms

HERE = "http://tencent.test"
URLS = {"sms": HERE, "faceid": HERE}


@dataclass
class Cloud:
    """The sandbox, and what `product.env` tells of it."""

    http: httpx.AsyncClient
    env: dict[str, str]

    def client(self, clock: Callable[[], datetime] | None = None, **changed: Any) -> TencentCloud:
        told: dict[str, Any] = {
            "base_urls": URLS,
            "region": "ap-guangzhou",
            "credentials": Credentials(
                secret_id=self.env["TENCENT_CLOUD_SECRET_ID"], secret_key=self.env["TENCENT_CLOUD_SECRET_KEY"]
            ),
            "clock": clock or (lambda: datetime.now(UTC)),
        }
        return TencentCloud(self.http, **told | changed)

    def sms(self, client: TencentCloud | None = None, **changed: Any) -> TencentCloudSms:
        templates = {SmsTemplate.CODE: self.env["SMS_TEMPLATE_CODE"]}
        templates[SmsTemplate.NOTICE] = self.env["SMS_TEMPLATE_NOTICE"]
        told = {"app_id": self.env["SMS_APP_ID"], "sign_name": self.env["SMS_SIGN_NAME"], "templates": templates}
        return TencentCloudSms(client or self.client(), **told | changed)

    def id_cards(self, client: TencentCloud | None = None) -> TencentCloudIdCards:
        return TencentCloudIdCards(client or self.client())

    async def switch_on(self, **faults: Any) -> None:
        """Exactly these faults; without any, none."""
        assert (await self.http.put("/_sandbox/faults", json=faults)).status_code == 200

    async def messages(self, phone: str) -> list[Any]:
        found = await self.http.get("/_sandbox/messages", params={"phone": phone})
        return list(found.json()["messages"])

    async def move_clock(self, seconds: float) -> None:
        await self.http.put("/_sandbox/clock", json={"offset_seconds": seconds})


@pytest.fixture(scope="session")
def _keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tencent-keys")
    make_keys(folder)
    return folder


@pytest.fixture
async def cloud(_keys: Path, tmp_path: Path) -> AsyncIterator[Cloud]:
    folder = Path(shutil.copytree(_keys, tmp_path / "outside"))
    env = dict(line.split("=", 1) for line in (folder / "product.env").read_text().splitlines())
    transport = httpx.ASGITransport(tencent_cloud.create_app(folder))
    async with httpx.AsyncClient(transport=transport, base_url=HERE) as http:
        yield Cloud(http, env)


@dataclass
class Told:
    """Answers as a test wants, and keeps what it was asked."""

    answer: Any = None
    requests: list[httpx.Request] = field(default_factory=list)

    def client(self) -> TencentCloud:
        return TencentCloud(
            httpx.AsyncClient(transport=httpx.MockTransport(self._answer)),
            base_urls={"sms": "https://sms.example", "faceid": "https://faceid.example"},
            region="ap-guangzhou",
            credentials=Credentials(secret_id="AKID", secret_key="secret"),
            clock=lambda: datetime(2026, 11, 20, 2, 0, tzinfo=UTC),
            timeout_s=0.2,
        )

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        if isinstance(self.answer, httpx.Response):
            return self.answer
        if callable(self.answer):
            return await self.answer()  # type: ignore[no-any-return]
        return httpx.Response(200, json={"Response": {"RequestId": "r"} | self.answer})


@pytest.fixture
def told() -> Told:
    return Told()
