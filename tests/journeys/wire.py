"""Wires between real processes and real sandboxes, on which a test may stand and kill who is talking.

A wire passes every request on as it is, and the answer back, byte for byte in what is signed. A trap on it waits for
one call, known by its channel's own path or method, and holds it at one moment; an ambush strikes when all its traps
hold one.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length")
HELD_AT_MOST_S = 9.0  # whoever asks gives up after ten
SOON_S = 0.004  # in the middle of what a notice makes us do

ALIPAYS = {
    "alipay.trade.precreate": "prepay",
    "alipay.trade.close": "close",
    "alipay.trade.query": "query",
    "alipay.trade.refund": "refund",
    "alipay.trade.fastpay.refund.query": "query_refund",
}


def call_of(method: str, target: str) -> str:
    """What of a payment channel is asked, in the words of payments.port; or `notice`."""
    path = urlsplit(target).path
    if path.endswith("/notices"):
        return "notice"
    if path == "/gateway.do":
        return ALIPAYS.get(parse_qs(urlsplit(target).query)["method"][0], "")
    if path.startswith("/v3/refund/domestic/refunds"):
        return "refund" if method == "POST" else "query_refund"
    if "/out-trade-no/" in path:
        return "query" if method == "GET" else path.rpartition("/")[2]
    return "prepay" if path.startswith("/v3/pay/transactions/") else ""


class Moment(StrEnum):
    """Of a call."""

    BEFORE = "before"  # it arrived, and is not passed on
    DURING = "during"  # it was passed on, and whoever answers is at it
    AFTER = "after"  # it was answered, and the answer is not passed back


@dataclass(frozen=True)
class Letter:
    """A notice as it came."""

    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Trap:
    """Holds at this moment the first such call in which `words` stand."""

    call: str
    moment: Moment
    words: str = ""

    def catches(self, call: str, target: str, body: bytes) -> bool:
        return call == self.call and (self.words in target or self.words.encode() in body)


class Ambush:
    """Strikes once, when there is a call in every trap: all of them are cut off at their moments by one blow."""

    def __init__(self, strike: Callable[[], None], traps: Sequence[Trap]) -> None:
        self.struck = threading.Event()
        self._strike = strike
        self._waits_for_work = any(trap.moment is Moment.DURING for trap in traps)
        self._left = len(traps)
        self._all_there = threading.Event()
        self._lock = threading.Lock()

    def hold(self, moment: Moment) -> None:
        """Comes back when it has struck; DURING the call, when the call may go on."""
        with self._lock:
            self._left -= 1
            if not self._left:
                self._all_there.set()
        self._all_there.wait(HELD_AT_MOST_S)
        if moment is Moment.DURING:
            return
        if self._waits_for_work:
            self.struck.wait(HELD_AT_MOST_S)
        else:
            self.strike()

    def strike(self) -> None:
        with self._lock:
            if not self.struck.is_set():
                self._strike()
                self.struck.set()


class Wire(ThreadingHTTPServer):
    """From an address of its own to `upstream`; `traps` are on it, each in its ambush. While `kept` is a list, notices
    are put there and acknowledged, and nobody hears of them."""

    daemon_threads = True
    upstream: str
    kept: list[Letter] | None = None

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.upstream = upstream
        self.traps: list[tuple[Trap, Ambush]] = []
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def caught(self, call: str, target: str, body: bytes) -> tuple[Trap, Ambush] | None:
        """The trap that this call walks into, which is then no more."""
        with self._lock:
            for each in self.traps:
                if each[0].catches(call, target, body):
                    self.traps.remove(each)
                    return each
        return None

    def handle_error(self, request: object, client_address: object) -> None:
        """Who was talking is dead."""


@contextmanager
def a_wire_to(upstream: str) -> Iterator[Wire]:
    with Wire(upstream) as wire:
        threading.Thread(target=wire.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield wire
        finally:
            wire.shutdown()


class _Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Wire

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.server.kept is not None:
            self.server.kept.append(Letter(self.path, dict(self.headers), body))
            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nsuccess")
            return
        caught = self.server.caught(call_of(self.command, self.path), self.path, body)
        moment, ambush = (caught[0].moment, caught[1]) if caught else (None, None)
        if ambush and moment is not Moment.AFTER:
            ambush.hold(moment)
            if moment is Moment.BEFORE:
                self.close_connection = True
                return
        there = HTTPConnection(urlsplit(self.server.upstream).netloc, timeout=20)
        try:
            there.request(self.command, self.path, body, dict(self.headers))
            if ambush and moment is Moment.DURING:
                time.sleep(SOON_S)
                ambush.strike()
            answer = there.getresponse()
            told = answer.read()
        except (OSError, HTTPException):
            self.close_connection = True
            return
        finally:
            there.close()
        if ambush:
            if moment is Moment.AFTER:
                ambush.hold(moment)
            self.close_connection = True
            return
        head = [f"HTTP/1.1 {answer.status} {answer.reason}"]
        head += [f"{name}: {text}" for name, text in answer.getheaders() if name.lower() not in HOP_BY_HOP]
        if answer.status != 204:
            head.append(f"content-length: {len(told)}")
        self.wfile.write("\r\n".join([*head, "", ""]).encode("latin-1") + told)

    do_GET = do_POST = _pass_on  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""
