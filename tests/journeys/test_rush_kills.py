"""Two web processes in the middle of the rush; one is killed, then Valkey, then PostgreSQL. Everybody presses again, as
people do, and in the end there is a voucher for each that was to be had, and nobody has two."""

import asyncio
import hashlib
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from bff import embedded
from bff.settings import read_env_file
from models import database, migrating
from models.errors import Busy
from models.vouchers.books import budgets
from tests.bench.rush.world import assert_exact, campaign_of, citizens
from tests.bff.conftest import Valkey, clean_environment
from tests.bff.test_stack import ROOT
from tests.databases import Database
from tests.factories.vouchers import ACampaign
from tests.unsteady import UnsteadyPostgres, unsteady_postgres

pytestmark = [pytest.mark.postgres, pytest.mark.stack]

PEOPLE, VOUCHERS = 150, 100
DOCUMENT = hashlib.sha256((ROOT / "clients" / "bench" / "ClaimVoucher.graphql").read_bytes()).hexdigest()
PATIENCE = 60
FINAL = ("VOUCHERS_SOLD_OUT", "CLAIM_LIMIT")
TEMPORARY = ("BUSY", "DOOR_CROWDED")


@dataclass
class Street:
    """Everything that runs, each by itself."""

    folder: Path
    environment: dict[str, str]
    postgres: UnsteadyPostgres
    valkey: Valkey
    tokens: list[str]
    ports: list[int]
    webs: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, number: int) -> None:
        with (self.folder / "web.log").open("ab") as log:
            self.webs[number] = subprocess.Popen(
                [sys.executable, "-m", "bff", "web"],
                env=self.environment | {"PORT": str(self.ports[number])},
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )

    async def is_up(self, number: int) -> None:
        for _ in range(20 * PATIENCE):
            if embedded.answers(self.ports[number]):
                return
            await asyncio.sleep(0.05)
        raise AssertionError((self.folder / "web.log").read_text()[-3000:])

    def kill(self, number: int) -> None:
        web = self.webs.pop(number)
        web.kill()
        web.wait()

    async def presses(self, http: httpx.AsyncClient, campaign: ACampaign, number: int) -> tuple[str, str]:
        """Until there is a yes or a no: the voucher's id, or the refusal's code."""
        said: Any = None
        variables = {"campaignId": campaign.public_id, "idempotencyKey": f"key-{number}"}
        headers = {"Authorization": f"Bearer {self.tokens[number]}"}
        for attempt in range(10 * PATIENCE):
            port = self.ports[(number + attempt) % 2]
            with suppress(httpx.TransportError):
                answer = await http.post(
                    f"http://127.0.0.1:{port}/graphql",
                    json={"documentId": DOCUMENT, "variables": variables},
                    headers=headers,
                )
                said = answer.json()
                if answer.status_code == 200 and "errors" not in said:
                    payload = said["data"]["claimVoucher"]
                    if payload["voucher"]:
                        return "voucher", payload["voucher"]["id"]
                    code = payload["userErrors"][0]["code"]
                    if code in FINAL:
                        return code, ""
                    assert code in TEMPORARY, payload
            await asyncio.sleep(0.1)
        raise AssertionError(f"{number} never heard anything but {said}")


@pytest.fixture(scope="module")
async def street(_database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Street]:
    """Two web processes on a server that may crash. Meanwhile this process is connected there, and afterwards to the
    database of the other tests again."""
    folder = tmp_path_factory.mktemp("street")
    subprocess.run([sys.executable, "-m", "sandbox", "keys", "--dir", str(folder)], check=True, cwd=ROOT)
    with unsteady_postgres() as postgres:
        valkey = Valkey(folder)
        valkey.start()
        await database.close()
        url = f"{postgres.url}{'&' if '?' in postgres.url else '?'}minsize=2&maxsize=6"
        await migrating.migrate(url)
        await database.connect(url)
        people = await citizens(PEOPLE, folder, datetime.now(UTC))
        environment = clean_environment(DATA_DIR=str(folder), DATABASE_URL=url, LOG_LEVEL="WARNING")
        environment |= read_env_file(folder / "product.env")
        nobody = "http://127.0.0.1:9"
        environment |= {"REDIS_URL": valkey.url, "RATE_SCALE": "100", "GOVERNMENT_PLATFORM_BASE_URL": nobody}
        ports = embedded.ports(folder, ["web 0", "web 1"])
        street = Street(
            folder, environment, postgres, valkey, people.tokens.read_text().split(), [*ports.values()]
        )
        for number in (0, 1):
            street.start(number)
        for number in (0, 1):
            await street.is_up(number)
        yield street
        for number in [*street.webs]:
            street.kill(number)
        valkey.stop()
        await database.close()
        await database.connect(_database.url)


async def _web(street: Street) -> None:
    street.kill(0)
    await asyncio.sleep(0.3)
    street.start(0)


async def _valkey(street: Street) -> None:
    street.valkey.stop()
    await asyncio.sleep(0.3)
    street.valkey.start()  # it kept nothing


async def _postgres(street: Street) -> None:
    street.postgres.crash()
    await asyncio.sleep(0.2)
    await asyncio.to_thread(street.postgres.start)


@pytest.mark.parametrize("accident", [_web, _valkey, _postgres], ids=["web", "valkey", "postgres"])
async def test_whatever_dies_in_the_middle_every_voucher_is_given_once(
    street: Street, accident: Callable[[Street], Awaitable[None]]
) -> None:
    await street.is_up(0)
    campaign = await campaign_of(VOUCHERS, datetime.now(UTC))
    async with httpx.AsyncClient(
        timeout=30, trust_env=False, verify=False, limits=httpx.Limits(max_connections=16)
    ) as http:
        accident_begins = asyncio.Event()

        async def comes(number: int) -> tuple[str, str]:
            """Half of them when it happens, so that it never happens too late."""
            if number % 2:
                await accident_begins.wait()
            return await street.presses(http, campaign, number)

        async def everybody() -> list[tuple[str, str]]:
            return await asyncio.gather(*[comes(number) for number in range(PEOPLE)])

        pressing = asyncio.create_task(everybody())
        while await _given(campaign) < VOUCHERS // 6:
            assert not pressing.done() or await _given(campaign), pressing.result()
            await asyncio.sleep(0.002)
        before = await _given(campaign)
        accident_begins.set()
        await accident(street)
        await _answers()
        await _budget_adds_up(campaign)  # while they press on
        heard = await pressing
        await _budget_adds_up(campaign)
        assert before < VOUCHERS, "the accident came too late to prove anything"
        assert Counter(word for word, _ in heard) == {"voucher": VOUCHERS, "VOUCHERS_SOLD_OUT": PEOPLE - VOUCHERS}
        await assert_exact(campaign, VOUCHERS)
        ids = {row["public_id"] for row in await database.rows(*_ids(campaign))}
        assert {voucher for word, voucher in heard if word == "voucher"} == ids
        winners = [number for number, (word, _) in enumerate(heard) if word == "voucher"][:10]
        for number in winners:  # a key that won says so for ever
            assert await street.presses(http, campaign, number) == heard[number]


async def _answers() -> None:
    """The test's own connections have died with the server as well."""
    for _ in range(10 * PATIENCE):
        with suppress(Busy):
            await database.rows("SELECT 1")
            await database.rows("SELECT 1")
            return
        await asyncio.sleep(0.1)


async def _budget_adds_up(campaign: ACampaign) -> None:
    (pool,) = await budgets(campaign.id)
    assert pool.balances, pool


async def _given(campaign: ACampaign) -> int:
    row = await database.row("SELECT count(*) AS given FROM voucher WHERE campaign_id = $1", campaign.id)
    assert row is not None
    return int(row["given"])


def _ids(campaign: ACampaign) -> tuple[str, int]:
    return "SELECT public_id FROM voucher WHERE campaign_id = $1", campaign.id
