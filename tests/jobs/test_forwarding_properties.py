"""Whatever fails, dies or is replayed on the way: each row is accepted once, and each order's rows in order."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from federation.government_platform import PlatformUnavailable, Row, RowKind
from jobs.forwarding import LEASE_S, forward, in_batches
from models.forwarding import operations as forwarding
from models.forwarding.queries import dead_letters
from models.forwarding.tables import OutboxRow
from sandbox import government_platform
from sandbox.keys import make_keys
from tests.databases import Database
from tests.jobs.platform import MovableClock, Platform

ORDERS = ["order:0", "order:1"]
GATES = ["gate:0"]
EVENTS = (
    "run",
    "run refused",
    "run unanswered",
    "run down",
    "die before sending",
    "die before recording",
    "replay",
)

STEPS = st.tuples(
    st.sampled_from(ORDERS + GATES),  # writes a row,
    st.sampled_from(EVENTS),  # then this happens,
    st.sampled_from([0, 6, 61, 700]),  # then so many seconds pass
)


@pytest.fixture(scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """The sandbox's own code, called without a network for speed."""
    folder: Path = tmp_path_factory.mktemp("platform")
    make_keys(folder)
    transport = httpx.ASGITransport(government_platform.create_app(folder))
    async with httpx.AsyncClient(transport=transport, base_url="http://platform.test") as http:
        yield Platform(http, folder)


class House:
    """Writes, sends and dies as the steps say."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.clock = MovableClock()
        self.refused: set[str] = set()

    async def take(self, subject: str, event: str, seconds: int) -> None:
        await self.write(subject)
        match event:
            case "run":
                await self.run()
            case "run refused":
                await self.run(reject_subjects=[subject])
            case "run unanswered":
                await self.run(http_500_after=True)
            case "run down":
                await self.run(http_500=True)
            case "die before sending":
                await forwarding.claim(limit=2, now=self.clock(), lease_seconds=LEASE_S)
            case "die before recording":
                await self.send_and_die(2)
            case "replay":
                await self.replay()
        self.clock.move(seconds=seconds)

    async def run(self, **faults: Any) -> None:
        await self.platform.switch_on(**faults)
        await forward(platform=self.platform.client, clock=self.clock)

    async def write(self, subject: str) -> None:
        number = await OutboxRow.filter(subject=subject).count()
        kind = "gate-scans" if subject in GATES else "orders" if number == 0 else "redemptions"
        await forwarding.add(
            kind=kind, subject=subject, province_code="510000", payload={"number": number}, now=self.clock()
        )

    async def send_and_die(self, limit: int) -> None:
        claimed = await forwarding.claim(limit=limit, now=self.clock(), lease_seconds=LEASE_S)
        for batch in in_batches(claimed)[:1]:
            sent = [Row(idempotency_key=row.public_id, subject=row.subject, payload=row.payload) for row in batch]
            try:
                await self.platform.client.send(RowKind(batch[0].kind), sent)
            except PlatformUnavailable:
                return

    async def replay(self) -> None:
        letters = await dead_letters()
        self.refused |= {letter.subject for letter in letters}
        await forwarding.replay(public_ids=[letter.public_id for letter in letters], now=self.clock())

    async def settle(self) -> None:
        """The outside is well again; somebody replays what died."""
        for _ in range(100):
            await self.run()
            await self.replay()
            if not await OutboxRow.filter(delivered_at=None).exists():
                return
            self.clock.move(minutes=11)
        raise AssertionError("rows are left that nobody delivers")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=4, max_size=20))
async def test_every_row_is_accepted_exactly_once_and_every_orders_rows_in_order(
    db: Database, platform: Platform, steps: list[tuple[str, str, int]]
) -> None:
    await db.clean()
    house = House(platform)
    for step in steps:
        await house.take(*step)
    await house.settle()
    ours = {row.public_id: row for row in await OutboxRow.all()}
    kept = [row for row in await platform.kept() if row["idempotencyKey"] in ours]
    assert len(kept) == len(ours)
    assert all(ours[row["idempotencyKey"]].receipt_no == row["receiptNo"] for row in kept)
    for subject in ORDERS + GATES:
        numbers = [row["payload"]["number"] for row in kept if row["subject"] == subject]
        if subject in GATES and subject in house.refused:  # a gate passes its dead rows
            numbers.sort()
        assert numbers == list(range(len(numbers)))


async def test_two_leases_of_one_row_deliver_it_once(db: Database, platform: Platform) -> None:
    house = House(platform)
    await platform.switch_on()
    await house.write("order:0")
    await house.send_and_die(1)
    house.clock.move(seconds=LEASE_S)
    await forward(platform=platform.client, clock=house.clock)
    row = await OutboxRow.get()
    (kept,) = [each for each in await platform.kept() if each["idempotencyKey"] == row.public_id]
    assert (kept["deliveries"], row.receipt_no) == (2, kept["receiptNo"])
    assert row.delivered_at == house.clock.now
