"""A load of its own process: raw connections, prepared requests, and what was answered when.

Open: requests begin at their times whatever becomes of earlier ones, and are timed from then; who finds every connection
busy waits, and that wait counts. Closed: each connection sends the next request when the last was answered.

    python -m tests.bench.rush.load   # reads one order as a line of JSON, says `ready`, fires at `go`, tells a line of JSON
"""

import asyncio
import itertools
import random
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import uvloop

WORDS = (
    b'"voucher":{',
    b'"given":true',
    b"VOUCHERS_SOLD_OUT",
    b"DOOR_CROWDED",
    b"CLAIM_LIMIT",
    b"TOO_MANY_ATTEMPTS",
)
"""By what answers are told apart; the first that occurs names it."""


@dataclass(frozen=True)
class Order:
    ports: list[int]
    path: str
    bodies: str  # a file: one body a line
    tokens: str  # a file: one token a line, in the same order
    first: int
    count: int
    connections: int
    rate: float = 0  # a second; 0: closed
    seconds: float = 0  # for a closed loop: no new request after so long; 0: until all are sent

    def requests(self) -> list[bytes]:
        bodies, tokens = _lines(self.bodies), _lines(self.tokens)
        wanted = range(self.first, self.first + self.count)
        return [_request(self.path, bodies[n % len(bodies)], tokens[n % len(tokens)]) for n in wanted]


def _lines(path: str) -> list[bytes]:
    return Path(path).read_bytes().splitlines()


def _request(path: str, body: bytes, token: bytes) -> bytes:
    return (
        b"POST %b HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nAuthorization: Bearer %b\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (path.encode(), token, len(body), body)
    )


class Caller(asyncio.Protocol):
    """One connection."""

    def __init__(self, answered: "Callable[[Caller, bytes, int, float], None]") -> None:
        self._answered = answered
        self._read = b""
        self._number = -1
        self._since = 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def send(self, number: int, request: bytes, since: float) -> None:
        self._number, self._since = number, since
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, found, body = self._read.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(body) >= length:
            whole, self._read = self._read, b""
            self._answered(self, whole, self._number, self._since)


class Firing:
    def __init__(self, order: Order) -> None:
        self.order = order
        self.requests = order.requests()
        self.said: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.order_of_yes: list[int] = []
        self.idle: deque[Caller] = deque()
        self.late: deque[tuple[int, float]] = deque()
        self.sent = 0
        self.done = asyncio.Event()

    async def connect(self) -> None:
        loop = asyncio.get_running_loop()
        for port in itertools.islice(itertools.cycle(self.order.ports), self.order.connections):
            _, caller = await loop.create_connection(
                lambda: Caller(self._answered), "127.0.0.1", port, local_addr=(_somebody(), 0)
            )
            self.idle.append(caller)

    async def fire(self) -> dict[str, Any]:
        started = time.perf_counter()
        self.until = started + self.order.seconds if self.order.seconds else float("inf")
        if self.order.rate:
            await self._open(started)
        else:
            for caller in [*self.idle]:
                self._next(caller)
        await self.done.wait()
        took = time.perf_counter() - started
        timed = sorted(self.seconds)
        return {
            "answers": len(timed),
            "seconds": took,
            "a_second": len(timed) / took,
            "said": dict(self.said),
            "p50_ms": 1000 * timed[len(timed) // 2],
            "p99_ms": 1000 * timed[len(timed) * 99 // 100],
            "worst_ms": 1000 * timed[-1],
        }

    async def _open(self, started: float) -> None:
        total = len(self.requests)
        while self.sent < total:
            due = min(total, int((time.perf_counter() - started) * self.order.rate))
            while self.sent < due:
                number, since = self.sent, started + self.sent / self.order.rate
                self.sent += 1
                if self.idle:
                    self.idle.popleft().send(number, self.requests[number], since)
                else:
                    self.late.append((number, since))
            await asyncio.sleep(0.001)

    def _next(self, caller: Caller) -> None:
        now = time.perf_counter()
        if self.sent < len(self.requests) and now < self.until:
            number, self.sent = self.sent, self.sent + 1
            caller.send(number, self.requests[number], now)
        elif len(self.seconds) == self.sent:
            self.done.set()

    def _answered(self, caller: Caller, whole: bytes, _number: int, since: float) -> None:
        self.seconds.append(time.perf_counter() - since)
        self.said[_word(whole)] += 1
        if not self.order.rate:
            self._next(caller)
            return
        if self.late:
            number, since = self.late.popleft()
            caller.send(number, self.requests[number], since)
        else:
            self.idle.append(caller)
        if len(self.seconds) == len(self.requests):
            self.done.set()


def _word(whole: bytes) -> str:
    for word in WORDS:
        if word in whole:
            return word.decode().strip('":{').replace('":true', "")
    return whole.split(b"\r\n\r\n", 1)[-1][:300].decode(errors="replace")


def _somebody() -> str:
    """Another loopback address each: rates are counted by address, and people come from many."""
    return ".".join(["127", *(str(random.randint(1, 254)) for _ in range(3))])


async def main() -> None:
    firing = Firing(Order(**orjson.loads(sys.stdin.readline())))
    await firing.connect()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    print(orjson.dumps(await firing.fire()).decode(), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
