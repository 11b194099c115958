"""The government platform as the forwarding job meets it, and a clock that tests can move."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from federation.government_platform import GovernmentPlatform
from sandbox.keys import load_secrets
from tests.conftest import NOW


@dataclass
class MovableClock:
    """Our house's time. The platform lives in the real one."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


@dataclass
class Platform:
    """The sandbox's platform over a given HTTP client, by its control routes and by its wire."""

    http: httpx.AsyncClient
    folder: Path
    timeout_s: float = 3.0
    client: GovernmentPlatform = field(init=False)

    def __post_init__(self) -> None:
        known = load_secrets(self.folder)
        self.client = self.client_with(known.government_secret)

    def client_with(self, secret: str) -> GovernmentPlatform:
        return GovernmentPlatform(
            self.http,
            base_url=str(self.http.base_url),
            app_id=load_secrets(self.folder).government_app_id,
            secret=secret.encode(),
            clock=lambda: datetime.now(UTC),
            nonce=lambda: secrets.token_hex(16),
            timeout_s=self.timeout_s,
        )

    async def switch_on(self, **faults: object) -> None:
        """Exactly these faults; without any, none."""
        answer = await self.http.put("/_sandbox/faults", json=faults)
        assert answer.status_code == 200, answer.text

    async def kept(self) -> list[dict[str, Any]]:
        """Every accepted row, in the order of arrival."""
        store = (await self.http.get("/_sandbox/store")).json()
        return [*store["rows"], *store["replaced"]]

    async def names(self, subject: str) -> list[str]:
        """The payloads' names of one subject, in the order of arrival."""
        return [row["payload"]["name"] for row in await self.kept() if row["subject"] == subject]
