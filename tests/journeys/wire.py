"""Wires between real processes and real sandboxes, on which a test may stand and kill who is talking.

A wire passes every request on as it is, and the answer back, byte for byte in what is signed. A trap on it waits for
one call, known by its channel's own path or method, and springs at one moment of it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length")
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


@dataclass
class Trap:
    """Springs once, at this moment of the first such call in which `words` stand."""

    call: str
    moment: Moment
    spring: Callable[[], None]
    words: str = ""
    sprung: threading.Event = field(default_factory=threading.Event)
    _taken: threading.Lock = field(default_factory=threading.Lock)

    def catches(self, call: str, target: str, body: bytes) -> bool:
        meant = call == self.call and (self.words in target or self.words.encode() in body)
        return meant and self._taken.acquire(blocking=False)

    def snap(self) -> None:
        self.spring()
        self.sprung.set()


class Wire(ThreadingHTTPServer):
    """From an address of its own to `upstream`; `trap` is the one that waits on it. While `kept` is a list, notices
    are put there and acknowledged, and nobody hears of them."""

    daemon_threads = True
    upstream: str
    trap: Trap | None = None
    kept: list[Letter] | None = None

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.upstream = upstream

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

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
        trap = self.server.trap
        if trap and not trap.catches(call_of(self.command, self.path), self.path, body):
            trap = None
        if trap and trap.moment is Moment.BEFORE:
            self._hang_up(trap)
            return
        there = HTTPConnection(urlsplit(self.server.upstream).netloc, timeout=20)
        try:
            there.request(self.command, self.path, body, dict(self.headers))
            if trap and trap.moment is Moment.DURING:
                time.sleep(SOON_S)
                self._hang_up(trap)
                return
            answer = there.getresponse()
            told = answer.read()
        except (OSError, HTTPException):
            self.close_connection = True
            return
        finally:
            there.close()
        if trap:
            self._hang_up(trap)
            return
        head = [f"HTTP/1.1 {answer.status} {answer.reason}"]
        head += [f"{name}: {text}" for name, text in answer.getheaders() if name.lower() not in HOP_BY_HOP]
        if answer.status != 204:
            head.append(f"content-length: {len(told)}")
        self.wfile.write("\r\n".join([*head, "", ""]).encode("latin-1") + told)

    do_GET = do_POST = _pass_on

    def _hang_up(self, trap: Trap) -> None:
        self.close_connection = True
        trap.snap()

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""
