"""A PostgreSQL that hangs, goes and comes back, under our own engine: nobody waits without a bound, nothing is lost."""

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tortoise.connection import get_connection
from tortoise.context import TortoiseContext

from models import database
from models.asyncpg_engine import ACQUIRE_SECONDS, RETURNS_TO_TIDY, TIDY_SECONDS, DatabaseAway
from models.checkout.placing import place_order
from models.errors import Busy, ErrorCode
from tests.conftest import NOW
from tests.factories.accounts import ID_KEYS
from tests.factories.booking import a_hall, a_person, at, wanted
from tests.unsteady import UnsteadyPostgres, unsteady_postgres

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).parents[2]
POOL = 4
STATEMENT_SECONDS = 1
A_MOMENT = 0.7
TOLERATED = 2 if "TEST_PART" in os.environ else 1  # times, where three runs share the machine


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnsteadyPostgres]:
    with unsteady_postgres() as server:
        environment = os.environ | {"DATABASE_URL": server.url, "DATA_DIR": str(tmp_path_factory.mktemp("data"))}
        subprocess.run([sys.executable, "-m", "bff", "migrate"], env=environment, cwd=ROOT, check=True)
        yield server


@asynccontextmanager
async def connected(postgres: UnsteadyPostgres, statement_seconds: int = STATEMENT_SECONDS) -> AsyncIterator[None]:
    """A pool of this test's task alone; the other tests' database stays what it is."""
    url = f"{postgres.url}{'&' if '?' in postgres.url else '?'}minsize=2&maxsize={POOL}"
    async with TortoiseContext() as context:
        await context.init(config=database.configuration(url, statement_seconds=statement_seconds))
        try:
            yield
        finally:
            await context.close_connections()


@pytest.fixture
async def note(postgres: UnsteadyPostgres) -> AsyncIterator[None]:
    """A table to write to."""
    admin = await postgres.connection()
    await admin.execute("CREATE TABLE note (text text)")
    await admin.close()
    yield
    admin = await postgres.connection()
    await admin.execute("DROP TABLE note")
    await admin.close()


@database.operation
async def write(text: str, *, meanwhile: Awaitable[Any] | None = None) -> None:
    await database.rows("INSERT INTO note (text) VALUES ($1)", text)
    if meanwhile:
        await meanwhile
    await database.rows("INSERT INTO note (text) VALUES ($1)", text)


async def written() -> list[str]:
    return sorted(found["text"] for found in await database.rows("SELECT text FROM note"))


async def ask() -> None:
    await database.rows("SELECT 1")


async def refusals(*acts: Awaitable[Any]) -> tuple[list[DatabaseAway], float]:
    """All of them must be refused; gives also how long the last one waited."""
    started = time.monotonic()
    answers = await asyncio.gather(*acts, return_exceptions=True)
    waited = time.monotonic() - started
    for answer in answers:
        assert isinstance(answer, DatabaseAway), answer
        assert answer.code is ErrorCode.BUSY
    return [answer for answer in answers if isinstance(answer, DatabaseAway)], waited


async def no_commit_is_answered(connection: Any) -> None:
    """Until the server has read that it has to wait for a standby."""
    async with asyncio.timeout(30):
        while True:
            try:
                await connection.execute("SELECT pg_logical_emit_message(true, 'standby', 'there?')", timeout=0.5)
            except TimeoutError:
                return


def ours(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name.startswith("models")]


def pool() -> Any:
    return get_connection("default")._pool


def connections_at_rest() -> int:
    client: Any = get_connection("default")
    return int(client._pool.get_idle_size()) + len(client.spares)


async def test_a_hanging_database_is_not_waited_for_and_is_there_at_once_when_it_goes_on(
    postgres: UnsteadyPostgres, note: None, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(postgres):
        await ask()
        postgres.hang()
        try:
            with caplog.at_level(logging.INFO, "models"):
                acts = [write(f"lost {number}") for number in range(2 * POOL)]
                refused, waited = await refusals(*acts, *(ask() for _ in range(2 * POOL)))
        finally:
            postgres.go_on()
        assert waited < TOLERATED * (ACQUIRE_SECONDS + TIDY_SECONDS + A_MOMENT)
        (line,) = ours(caplog)
        assert (line.levelname, line.exc_info) == ("WARNING", None)
        assert {refusal.reference for refusal in refused} == {line.reference}  # type: ignore[attr-defined]
        assert refused[0].sentence().endswith("不会重复下单。")
        started = time.monotonic()
        await asyncio.gather(*(write(f"kept {number}") for number in range(2 * POOL)))
        assert time.monotonic() - started < TOLERATED * A_MOMENT
        assert await written() == sorted(f"kept {number}" for number in range(2 * POOL) for _ in range(2))
        assert connections_at_rest() == pool().get_size()


async def test_acts_under_way_are_undone_whether_the_database_hangs_stops_or_dies(
    postgres: UnsteadyPostgres, note: None
) -> None:
    """And in each case the next act after its return goes through, on a pool that has lost nothing."""

    async def go(how: Any) -> None:
        how()

    async with connected(postgres):
        for how, back in (
            (postgres.hang, postgres.go_on),
            (postgres.shut_down, postgres.start),
            (postgres.crash, postgres.start),
        ):
            await asyncio.gather(*(ask() for _ in range(POOL)))
            _, waited = await refusals(write("never", meanwhile=go(how)))
            assert waited < TOLERATED * (STATEMENT_SECONDS + TIDY_SECONDS + A_MOMENT), how
            await refusals(ask(), ask())
            back()
            await write(how.__name__)
            assert "never" not in await written()
        assert await written() == ["crash"] * 2 + ["hang"] * 2 + ["shut_down"] * 2
        await asyncio.gather(*(ask() for _ in range(POOL)))
        assert connections_at_rest() == pool().get_size()


async def test_more_than_the_pool_can_carry_are_told_to_come_back(
    postgres: UnsteadyPostgres, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(postgres):
        sleepers = [database.rows("SELECT pg_sleep(0.7)") for _ in range(POOL * 5)]  # the asking come after 3.5 s
        with caplog.at_level(logging.INFO, "models"):
            answers = await asyncio.gather(*sleepers, *(ask() for _ in range(3)), return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, DatabaseAway)]
        assert 0 < len(refused) <= POOL + 3
        assert all(isinstance(answer, DatabaseAway | list | None) for answer in answers)
        assert len([line for line in ours(caplog) if "does not answer" in line.message]) == 1
        await ask()


@pytest.fixture
async def full(postgres: UnsteadyPostgres) -> AsyncIterator[list[Any]]:
    """All connections that the server has, but for the first, in the hands of other processes."""
    others = [await postgres.connection()]
    with contextlib.suppress(asyncpg.TooManyConnectionsError):
        while True:
            others.append(await postgres.connection())
    await others.pop().close()
    yield others
    for connection in others:
        await connection.close()


async def test_at_a_full_server_whoever_comes_waits_for_a_connection_of_anybody(
    postgres: UnsteadyPostgres, full: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The first takes the last one; the second gets what another process gives back, the third what the first does."""
    async with connected(postgres):
        with caplog.at_level(logging.INFO, "models"):
            asking = [asyncio.create_task(database.rows("SELECT pg_sleep(0.5)")) for _ in range(3)]
            await asyncio.sleep(0.3)
            assert not any(task.done() for task in asking)
            await full.pop().close()
            await asyncio.gather(*asking)
        assert ours(caplog) == []
        assert pool().get_size() == 2


async def test_at_a_server_that_stays_full_nobody_waits_without_a_bound_and_the_log_says_why(
    postgres: UnsteadyPostgres, full: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    last = await postgres.connection()
    async with connected(postgres):
        with caplog.at_level(logging.INFO, "models"):
            _, waited = await refusals(ask(), write("never"))
        assert ACQUIRE_SECONDS <= waited < TOLERATED * (ACQUIRE_SECONDS + TIDY_SECONDS + A_MOMENT)
        (line,) = ours(caplog)
        assert "TooManyConnectionsError" in line.message
        await last.close()
        await ask()


async def test_a_statement_that_takes_too_long_is_ended_at_the_server_too(postgres: UnsteadyPostgres) -> None:
    async with connected(postgres):
        _, waited = await refusals(database.rows("SELECT pg_sleep(30), 'too long'"))
        assert waited < TOLERATED * (STATEMENT_SECONDS + TIDY_SECONDS + A_MOMENT)
        running = "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%too long%' AND pid <> pg_backend_pid()"
        assert await database.rows(f"{running} AND state = 'active'") == []
        (server,) = await database.rows("SELECT current_setting('statement_timeout') AS says")
        assert server["says"] == f"{STATEMENT_SECONDS + 1}s"  # the guard for a process of ours that was killed


async def test_whoever_falls_asleep_in_a_transaction_is_cut_off_by_the_server(
    postgres: UnsteadyPostgres, note: None
) -> None:
    async with connected(postgres):
        await refusals(write("asleep", meanwhile=asyncio.sleep(2 * STATEMENT_SECONDS + TOLERATED * A_MOMENT)))
        assert await written() == []


async def test_a_read_behind_a_migrations_lock_is_told_that_we_are_busy(
    postgres: UnsteadyPostgres, caplog: pytest.LogCaptureFixture
) -> None:
    """As an act is that waits for a row; but the database is not away."""
    admin = await postgres.connection()
    async with connected(postgres, statement_seconds=5):
        async with admin.transaction():
            await admin.execute("LOCK TABLE sport IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(Busy) as refused, caplog.at_level(logging.INFO, "models"):
                await database.rows("SELECT code FROM sport")
        assert not isinstance(refused.value, DatabaseAway)
        assert ours(caplog) == []
        assert await database.rows("SELECT code FROM sport") == []
    await admin.close()


async def test_an_order_whose_commit_was_done_but_never_heard_of_is_the_same_order_when_asked_again(
    postgres: UnsteadyPostgres,
) -> None:
    """The worst moment: COMMIT is carried out, its answer does not come, and the person is told to try again.

    A standby that does not exist keeps the answer back: the commit stands, but its caller is kept waiting for it.
    """
    admin = await postgres.connection()
    async with connected(postgres):
        hall, person = await a_hall(), await a_person()
        place = partial(
            place_order,
            member_id=person.member_id,
            lines=[wanted(hall.badminton, at(10))],
            idempotency_key="one-tap",
            keys=ID_KEYS,
            channels={},
            now=NOW,
        )
        await admin.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        await admin.execute("SELECT pg_reload_conf()")
        try:
            await no_commit_is_answered(admin)
            await refusals(place())
        finally:
            await admin.execute("ALTER SYSTEM RESET synchronous_standby_names")
            await admin.execute("SELECT pg_reload_conf()")
        (kept,) = await database.rows("SELECT order_no FROM orders")
        assert await place() == kept["order_no"]
        assert len(await database.rows("SELECT id FROM orders")) == 1
        assert len(await database.rows("SELECT id FROM held_cell")) == 2
    await admin.close()


async def test_who_waits_for_a_connection_gets_the_next_one_that_is_given_back(postgres: UnsteadyPostgres) -> None:
    """Spares stay out of the pool; nobody may wait at the pool while they lie there."""
    async with connected(postgres):
        started = time.monotonic()
        await asyncio.gather(*(database.rows("SELECT pg_sleep(0.002)") for _ in range(200 * POOL)))
        assert time.monotonic() - started < 10
        assert connections_at_rest() == pool().get_size() <= POOL
        await asyncio.gather(*(ask() for _ in range(3 * RETURNS_TO_TIDY)))
        assert connections_at_rest() == pool().get_size()


async def test_a_connection_given_back_within_a_transaction_goes_through_the_pool_which_ends_it(
    postgres: UnsteadyPostgres,
) -> None:
    async with connected(postgres):
        client: Any = get_connection("default")
        async with client.acquire_connection() as connection:
            await connection.execute("BEGIN")
        for _ in range(2 * POOL):
            async with client.acquire_connection() as connection:
                assert not connection.is_in_transaction()
