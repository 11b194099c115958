"""How long the event loop stands still while money moves: `python -m tests.bench.blocking`.

A heartbeat, due every millisecond, runs beside real work in one process under uvloop: notices of both channels over
all our layers and PostgreSQL, refunds that are signed and sent, statements of 30,000 rows read in a thread. A beat
that comes late has waited for somebody's code, or for the processor. Only the former says something about us, so what
our threads have waited for the processor, as the kernel counts it, is taken off. Of each run the longest counts, of
five runs the median.
"""

import asyncio
import gzip
import hashlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson
import uvloop
from starlette.types import ASGIApp, Message

from bff import embedded
from bff.app import from_environment
from bff.channels import channels
from bff.settings import Settings, read_settings
from models import database
from models.calendar import business_day
from models.checkout.refunding import send_due_refunds
from models.keys import code_keys
from models.orders.rules import Channel
from payments.port import PaymentChannel
from tests import databases
from tests.bench import world
from tests.bench.letters import Letter, LetterWriter, apps_of, path_of
from tests.bench.processes import environment_of, running
from tests.bench.workloads import Case, Workload, workloads
from tests.payments import alipay_platform, wechat_pay_platform
from tests.payments.alipay_platform import BillRow
from tests.stopwatch import Wait

MOST_MS, TOLERANCE = 5.0, 2.0
RUNS = 5
A_RUN = 40  # notices of a channel, and refunds
ROWS = 30_000
BEAT_SECONDS = 0.001
ACTS = NOTICES, REFUNDS, STATEMENT = "notices", "refunds", f"a statement of {ROWS} rows, and notices"


def measured() -> dict[str, list[float]]:
    """In a process of its own: by what was going on, the longest standstill of each run in milliseconds."""
    ran = subprocess.run([sys.executable, "-m", "tests.bench.blocking"], check=True, stdout=subprocess.PIPE)
    said: dict[str, list[float]] = orjson.loads(ran.stdout.splitlines()[-1])
    return said


def too_long(said: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """What is above the mark even with tolerance."""
    return {what: median(runs) for what, runs in said.items() if median(runs) >= MOST_MS * TOLERANCE}


class Heartbeat:
    """`longest`: by how much a beat was late, in seconds, less what our threads waited for the processor."""

    def __init__(self, threads: Sequence[int]) -> None:
        self.longest = 0.0
        self._waits = [Wait(thread) for thread in threads]

    def __enter__(self) -> "Heartbeat":
        self._loop = asyncio.get_running_loop()
        self._begin()
        return self

    def __exit__(self, *_failure: object) -> None:
        self._next.cancel()
        self._beat()
        self._next.cancel()
        for wait in self._waits:
            wait.close()

    def _begin(self) -> None:
        self._waited = self._wait()
        self._began = time.perf_counter()
        self._next = self._loop.call_later(BEAT_SECONDS, self._beat)

    def _beat(self) -> None:
        late = time.perf_counter() - self._began - BEAT_SECONDS
        self.longest = max(self.longest, late - (self._wait() - self._waited))
        self._begin()

    def _wait(self) -> float:
        return sum(wait.seconds() for wait in self._waits)


@dataclass
class Outside:
    """Both channels as our clients meet them: answers that were signed beforehand, by what is asked."""

    environment: Mapping[str, str]

    def __post_init__(self) -> None:
        self.writer = LetterWriter(self.environment)
        self._signer, self._alipays_key = self.writer.wechat_pays_signer(), self.writer.alipays_key()
        self._answers: dict[str, tuple[bytes, Mapping[str, str]]] = {}
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        content, headers = self._answers[self._about(request)]
        return httpx.Response(200, stream=httpx.ByteStream(content), headers=headers)

    def _about(self, request: httpx.Request) -> str:
        if request.method == "GET":
            return request.url.path
        if request.url.path.startswith("/v3/"):
            return str(orjson.loads(request.content)["out_refund_no"])
        content = orjson.loads(parse_qs(request.content.decode())["biz_content"][0])
        return str(content.get("out_request_no") or "bill")

    def expects_refund(self, channel: Channel, payment_no: str, trade_no: str, refund_no: str) -> None:
        answer = self._wechat_pay_refund if channel is Channel.WECHAT_PAY else self._alipay_refund
        self._answers[refund_no] = answer(payment_no, trade_no, refund_no)

    def _wechat_pay_refund(
        self, payment_no: str, trade_no: str, refund_no: str
    ) -> tuple[bytes, Mapping[str, str]]:
        fen = world.PRICE_FEN
        return self._signed(
            wechat_pay_platform.refund(
                mchid=self.environment["WECHAT_PAY_MCHID"],
                out_trade_no=payment_no,
                transaction_id=trade_no,
                out_refund_no=refund_no,
                refund_id=f"5{refund_no}",
                status="SUCCESS",
                amount={"total": fen, "refund": fen, "payer_total": fen, "payer_refund": fen, "currency": "CNY"},
            )
        )

    def _alipay_refund(self, payment_no: str, trade_no: str, _refund_no: str) -> tuple[bytes, Mapping[str, str]]:
        return self._told(
            "alipay.trade.refund",
            {"out_trade_no": payment_no, "trade_no": trade_no, "fund_change": "Y", "refund_fee": "40.00"},
        )

    def _signed(self, contents: Mapping[str, Any]) -> tuple[bytes, Mapping[str, str]]:
        body = orjson.dumps(contents)
        return body, self._signer.headers(body, datetime.now(UTC))

    def _told(self, method: str, contents: dict[str, Any]) -> tuple[bytes, Mapping[str, str]]:
        return alipay_platform.answer(method, contents, key=self._alipays_key), {}

    def has_statements(self, settings: Settings, rows: int) -> date:
        """Of the day before this one, on which it is."""
        day = business_day(datetime.now(UTC)) - timedelta(days=1)
        at, mchid = f"{day} 12:00:00", self.environment["WECHAT_PAY_MCHID"]
        file = wechat_pay_platform.statement_file(
            *(
                wechat_pay_platform.statement_row(
                    交易时间=at, 商户号=mchid, 商户订单号=f"P{n}", 微信订单号=f"42{n:020}"
                )
                for n in range(rows)
            )
        )
        url = f"{settings.wechat_pay_base_url}/v3/billdownload/file?token=x"
        offer = {"hash_type": "SHA1", "hash_value": hashlib.sha1(file).hexdigest(), "download_url": url}
        self._answers["/v3/bill/tradebill"] = self._signed(offer)
        self._answers["/v3/billdownload/file"] = gzip.compress(file, 1), {}
        table = alipay_platform.bill(
            [BillRow(payment_no=f"P{n}", trade_no=f"2026{n:024}", at=at) for n in range(rows)],
            day=day,
            head=f"#账号：[{self.environment['ALIPAY_SELLER_ID']}0156]",
        )
        self._answers["/bill"] = alipay_platform.packed(table), {}
        place = {"bill_download_url": f"{settings.alipay_base_url}/bill"}
        self._answers["bill"] = self._told("alipay.data.dataservice.bill.downloadurl.query", place)
        return day


@dataclass
class Stage:
    """The house in this process, and what happens in it while its heart beats."""

    app: ASGIApp
    outside: Outside
    channels: Mapping[str, PaymentChannel]
    workloads: Mapping[Channel, Workload]
    threads: Sequence[int]

    async def runs(self, day: date) -> dict[str, list[float]]:
        longest: dict[str, list[float]] = {}

        async def during(what: str, act: Callable[[], Awaitable[None]]) -> None:
            with Heartbeat(self.threads) as heart:
                await act()
            longest.setdefault(what, []).append(round(heart.longest * 1000, 2))

        for _ in range(RUNS):
            for channel in self.workloads:
                cases = list(islice(self.workloads[channel].cases, A_RUN))
                await during(f"{channel}: {NOTICES}", lambda: self._hand_in(channel, cases))  # noqa: B023
                await self._intend_refunds(channel, cases)
                await during(f"{channel}: {REFUNDS}", self._send_refunds)
                await during(
                    f"{channel}: {STATEMENT}",
                    lambda: self._read_statement(channel, cases, day),  # noqa: B023
                )
        return longest

    async def _hand_in(self, channel: Channel, cases: Sequence[Case]) -> None:
        left = iter(cases)

        async def one() -> None:
            for case in left:
                assert case.letter
                await self._send(path_of(channel), case.letter)

        async with asyncio.TaskGroup() as senders:
            for _ in range(8):
                senders.create_task(one())

    async def _send(self, path: str, letter: Letter) -> None:
        waiting: list[Message] = [{"type": "http.request", "body": letter.body, "more_body": False}]
        said: list[Message] = []

        async def receive() -> Message:
            return waiting.pop() if waiting else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            said.append(message)

        headers = [(name.lower().encode(), value.encode()) for name, value in letter.headers.items()]
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "root_path": "",
            "scheme": "http",
            "app": self.app,
        }
        scope |= {"query_string": b"", "headers": headers, "client": ("127.0.0.1", 1), "server": ("bench", 80)}
        await self.app(scope, receive, send)
        assert said[0]["status"] in (200, 204), said

    async def _intend_refunds(self, channel: Channel, cases: Sequence[Case]) -> None:
        now = datetime.now(UTC)
        for case in cases:
            [paid] = await database.rows(_INTEND, case.key, now)
            self.outside.expects_refund(channel, case.key, paid["channel_trade_no"], f"R{case.key}")

    async def _send_refunds(self) -> None:
        assert await send_due_refunds(channels=self.channels, now=datetime.now(UTC)) == A_RUN
        assert not await database.rows("SELECT id FROM refund WHERE status <> 'SUCCESS'")

    async def _read_statement(self, channel: Channel, cases: Sequence[Case], day: date) -> None:
        reading = asyncio.create_task(self.channels[channel].statement(day))
        while not reading.done():
            await self._hand_in(channel, cases[:8])  # once more: they are known
        assert len((await reading).entries) == ROWS


_INTEND = """
WITH given AS (UPDATE payment SET refunded_fen = amount_fen WHERE payment_no = $1 RETURNING *),
     intended AS (
  INSERT INTO refund (refund_no, payment_id, order_id, amount_fen, party, reason, reason_text, status,
                      channel_refund_no, staff_note, created_at, next_check_at, checks)
  SELECT 'R' || payment_no, id, order_id, amount_fen, 'MEMBER', 'CANCELLED', '', 'INTENDED', '', '', $2, $2, 0
    FROM given)
SELECT channel_trade_no FROM given"""


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[tuple[Stage, date]]:
    databases.KIND = "postgres"
    async with databases.migrated_database(folder) as fresh:
        environment = environment_of(folder, fresh.url)
        size = world.Size(10, halls=4, members=20, leavers=1, tickets=1, unpaid=RUNS * A_RUN + 1, desks=1)
        built = await world.build(size, apps=apps_of(environment), now=datetime.now(UTC))
        settings = read_settings(environment)
        outside = Outside(environment)
        day = outside.has_statements(settings, ROWS)
        given = workloads(built, code_keys(settings.code_keys), outside.writer)
        pool = ThreadPoolExecutor(1)
        asyncio.get_running_loop().set_default_executor(pool)
        reader = await asyncio.get_running_loop().run_in_executor(None, threading.get_native_id)
        with running(embedded.valkey_command(urlsplit(settings.redis_url).port or 0), environment, folder):
            os.environ.update(environment)
            yield (
                Stage(
                    app=from_environment(),
                    outside=outside,
                    channels=channels(settings, outside.http, lambda: datetime.now(UTC)),
                    workloads={
                        Channel.WECHAT_PAY: given["settle_notice"],
                        Channel.ALIPAY: given["settle_notice_alipay"],
                    },
                    threads=(threading.get_native_id(), reader),
                ),
                day,
            )


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        async with staged(Path(name)) as (stage, day):
            said = await stage.runs(day)
    sys.stdout.buffer.write(orjson.dumps(said))


if __name__ == "__main__":
    uvloop.run(main())
