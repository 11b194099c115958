"""The forwarding job against the sandbox's platform: a process of its own, with faults, killed on the way."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from bff.embedded import own_port
from federation.government_platform import MAX_ROWS
from jobs.forwarding import forward, forward_to_all, in_batches
from models.forwarding import operations as forwarding
from models.forwarding.operations import ClaimedRow, Provinces
from models.forwarding.queries import dead_letters
from models.forwarding.tables import OutboxRow
from sandbox.keys import make_keys
from tests.conftest import NOW
from tests.databases import Database
from tests.jobs.platform import MovableClock, Platform
from tests.sandbox.conftest import Process

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("platform")
    make_keys(folder)
    process = Process("government-platform", folder, own_port())
    process.start()
    yield process
    process.kill()


@pytest.fixture
async def platform(house: Process, db: Database) -> AsyncIterator[Platform]:
    async with httpx.AsyncClient(base_url=house.url, trust_env=False, verify=False, timeout=30) as http:
        platform = Platform(http, house.folder)
        yield platform
        await platform.switch_on()


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


SICHUAN, CHONGQING = "510000", "500000"


async def write(subject: str, *names: str, kind: str = "orders", province: str = SICHUAN) -> None:
    for name in names:
        await forwarding.add(kind=kind, subject=subject, province_code=province, payload={"name": name}, now=NOW)


async def open_rows() -> int:
    return await OutboxRow.filter(delivered_at=None).count()


async def run_until_done(platform: Platform, clock: MovableClock) -> None:
    """Run the job every few seconds of our time, as the worker does, until nothing is open."""
    for _ in range(60):
        await forward(platform=platform.client, clock=clock)
        if not await open_rows():
            return
        clock.move(seconds=10)
    raise AssertionError(f"{await open_rows()} rows never arrived")


async def until_kept(platform: Platform, subject: str) -> None:
    """Wait until the platform holds something of the subject."""
    deadline = time.monotonic() + 30
    while not await platform.names(subject):
        assert time.monotonic() < deadline, "the platform was never asked"
        await asyncio.sleep(0.01)


async def assert_arrived_once(platform: Platform, prefix: str) -> None:
    """Every row of ours under this prefix is at the platform once, under its own key and with its receipt."""
    kept = {row["idempotencyKey"]: row for row in await platform.kept() if row["subject"].startswith(prefix)}
    rows = await OutboxRow.filter(subject__startswith=prefix)
    assert {row.public_id for row in rows} == set(kept)
    assert all(row.receipt_no == kept[row.public_id]["receiptNo"] for row in rows)


async def test_everything_due_arrives_in_one_run_each_order_and_gate_in_order(
    platform: Platform, clock: MovableClock
) -> None:
    await write("gate:a", *[f"scan {number}" for number in range(250)], kind="gate-scans")
    for number in range(5):
        await write(f"order:a{number}", "paid")
        await write(f"order:a{number}", "redeemed", kind="redemptions")
    assert await forward(platform=platform.client, clock=clock) == 260
    assert await platform.names("gate:a") == [f"scan {number}" for number in range(250)]
    assert [await platform.names(f"order:a{number}") for number in range(5)] == [["paid", "redeemed"]] * 5
    assert await forward(platform=platform.client, clock=clock) == 0


async def test_each_side_tells_its_own_platform_and_neither_waits_for_the_other(
    platform: Platform, clock: MovableClock
) -> None:
    await write("order:chengdu", "paid", "cancelled")
    await write("order:chongqing", "paid", province=CHONGQING)
    await write("order:before", "paid", province="")  # written before rows knew where
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{own_port()}", trust_env=False, verify=False
    ) as nobody:
        across = Platform(nobody, platform.folder).client
        sides = [
            (Provinces(codes=(CHONGQING,)), platform.client),
            (Provinces(codes=(CHONGQING,), others=False), across),
        ]
        assert await forward_to_all(platforms=sides, clock=clock) == 3
    assert await platform.names("order:chengdu") == ["paid", "cancelled"]
    assert await platform.names("order:before") == ["paid"]
    (waiting,) = await OutboxRow.filter(delivered_at=None)
    assert waiting.subject == "order:chongqing"
    assert waiting.attempts
    clock.move(minutes=20)
    mended = [sides[0], (sides[1][0], platform.client)]
    assert await forward_to_all(platforms=mended, clock=clock) == 1
    assert await platform.names("order:chongqing") == ["paid"]


@pytest.mark.parametrize("fault", ["http_500", "http_500_after", "drop_connection"])
async def test_a_platform_that_answers_badly_gets_each_row_once_in_the_end(
    platform: Platform, clock: MovableClock, fault: str
) -> None:
    prefix = f"order:{fault}"
    await write(f"{prefix}1", "paid")
    await write(f"{prefix}1", "redeemed", kind="redemptions")
    await write(f"{prefix}2", "paid")
    await platform.switch_on(**{fault: True})
    assert await forward(platform=platform.client, clock=clock) == 0
    assert await OutboxRow.filter(attempts=1).count() == 2  # the redemption has not been tried before its order
    await platform.switch_on()
    await run_until_done(platform, clock)
    await assert_arrived_once(platform, prefix)
    assert await platform.names(f"{prefix}1") == ["paid", "redeemed"]


async def test_a_platform_killed_while_it_answers_has_each_row_once_in_the_end(
    platform: Platform, house: Process, clock: MovableClock
) -> None:
    await write("gate:killed", *[f"scan {number}" for number in range(150)], kind="gate-scans")
    for number in range(30):
        await write(f"order:killed{number}", "paid")
        await write(f"order:killed{number}", "redeemed", kind="redemptions")
    await platform.switch_on(slow=2)
    running = asyncio.create_task(forward(platform=platform.client, clock=clock))
    await until_kept(platform, "gate:killed")
    house.kill()  # before it has said so
    assert await asyncio.wait_for(running, 15) == 0
    assert await forward(platform=platform.client, clock=clock) == 0  # nobody is there
    house.start()
    await platform.switch_on()
    await run_until_done(platform, clock)
    await assert_arrived_once(platform, "gate:killed")
    await assert_arrived_once(platform, "order:killed")
    assert await platform.names("gate:killed") == [f"scan {number}" for number in range(150)]
    assert [await platform.names(f"order:killed{number}") for number in range(30)] == [["paid", "redeemed"]] * 30


async def test_a_worker_that_died_before_the_answer_costs_a_lease_and_nothing_else(
    platform: Platform, clock: MovableClock
) -> None:
    await write("order:dead-worker", "paid")
    await platform.switch_on(slow=2)
    worker = asyncio.create_task(forward(platform=platform.client, clock=clock))
    await until_kept(platform, "order:dead-worker")
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    await platform.switch_on()
    assert await forward(platform=platform.client, clock=clock) == 0  # its lease still stands
    clock.move(seconds=60)
    assert await forward(platform=platform.client, clock=clock) == 1
    await assert_arrived_once(platform, "order:dead-worker")
    assert (await OutboxRow.get()).attempts == 0


async def test_while_the_platform_is_down_a_run_asks_once_and_hands_the_rest_back(
    platform: Platform, clock: MovableClock
) -> None:
    await write("gate:down", "scan", kind="gate-scans")
    await write("order:down", "paid")
    await platform.switch_on(http_500=True)
    assert await forward(platform=platform.client, clock=clock) == 0
    assert {row.kind: row.attempts for row in await OutboxRow.all()} == {"gate-scans": 1, "orders": 0}
    await platform.switch_on()
    assert await forward(platform=platform.client, clock=clock) == 1  # at once, while the scan backs off
    assert await platform.names("order:down") == ["paid"]


async def test_a_refused_row_is_dead_at_once_blocks_its_order_and_goes_through_when_replayed(
    platform: Platform, clock: MovableClock
) -> None:
    await write("order:refused", "paid")
    await write("order:refused", "redeemed", kind="redemptions")
    await write("order:fine", "paid")
    await platform.switch_on(reject_subjects=["order:refused"])
    assert await forward(platform=platform.client, clock=clock) == 1
    (letter,) = await dead_letters()
    assert (letter.subject, letter.payload, letter.error) == ("order:refused", {"name": "paid"}, "平台按设定拒收")
    await platform.switch_on()
    clock.move(days=1)
    assert await forward(platform=platform.client, clock=clock) == 0
    await forwarding.replay(public_ids=[letter.public_id], now=clock())
    assert await forward(platform=platform.client, clock=clock) == 2
    assert await platform.names("order:refused") == ["paid", "redeemed"]


async def test_wrong_credentials_lose_nothing_and_say_what_is_wrong(
    platform: Platform, clock: MovableClock
) -> None:
    await write("order:credentials", "paid")
    assert await forward(platform=platform.client_with("wrong"), clock=clock) == 0
    row = await OutboxRow.get()
    assert (row.attempts, row.dead_at) == (1, None)
    assert "BAD_SIGNATURE" in row.last_error
    await run_until_done(platform, clock)


async def test_an_answer_that_the_platform_did_not_sign_is_no_delivery(
    platform: Platform, clock: MovableClock
) -> None:
    await write("order:liar", "paid")
    (key,) = await OutboxRow.all().values_list("public_id", flat=True)
    receipts = [{"idempotencyKey": key, "status": "ACCEPTED", "receiptNo": "R1", "message": ""}]
    liar = httpx.MockTransport(lambda _request: httpx.Response(200, json={"receipts": receipts}))
    async with httpx.AsyncClient(transport=liar, base_url="http://liar.test") as http:
        assert await forward(platform=Platform(http, platform.folder).client, clock=clock) == 0
    row = await OutboxRow.get()
    assert (row.attempts, row.delivered_at) == (1, None)
    await run_until_done(platform, clock)
    await assert_arrived_once(platform, "order:liar")


def rows(*attempts: int, kind: str = "orders") -> list[ClaimedRow]:
    return [
        ClaimedRow(
            id=number,
            public_id=f"row_{number}",
            kind=kind,
            subject=f"order:{number}",
            payload={},
            attempts=failed,
            lease_ends_at=NOW,
        )
        for number, failed in enumerate(attempts)
    ]


def sizes(batches: list[list[ClaimedRow]]) -> list[int]:
    return [len(batch) for batch in batches]


def test_a_batch_is_of_one_kind_in_order_and_has_at_most_a_hundred_rows() -> None:
    batches = in_batches(rows(*[0] * 150) + rows(*[0] * 3, kind="redemptions"))
    assert sizes(batches) == [MAX_ROWS, 50, 3]
    assert [row.id for batch in batches[:2] for row in batch] == list(range(150))
    assert all(len({row.kind for row in batch}) == 1 for batch in batches)


def test_each_failure_halves_the_company_until_a_row_stands_alone() -> None:
    assert [sizes(in_batches(rows(*[failed] * 100)))[0] for failed in range(8)] == [100, 50, 25, 12, 6, 3, 1, 1]
    assert sizes(in_batches(rows(0, 9, 0, 0))) == [1, 1, 2]


def test_nothing_claimed_makes_no_batch() -> None:
    assert in_batches([]) == []
