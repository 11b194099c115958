"""The sandbox as a stranger meets it: a process on loopback, reached over HTTP and by `product.env` only."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from bff.embedded import own_port


@dataclass(frozen=True)
class House:
    """One running sandbox process. `env` is what `product.env` tells the product."""

    base_url: str
    env: dict[str, str]

    def control(self, method: str, path: str, content: object = None) -> httpx.Response:
        return httpx.request(
            method, f"{self.base_url}{path}", json=content, trust_env=False, verify=False, timeout=30
        )

    def switch_on(self, **faults: object) -> None:
        """Exactly these faults; without any, none."""
        answer = self.control("PUT", "/_sandbox/faults", faults)
        assert answer.status_code == 200, answer.text


@contextlib.contextmanager
def running(name: str, folder: Path) -> Iterator[House]:
    """The house of this name as a process of its own, on a port of its own, until the block ends."""
    sandbox = [sys.executable, "-m", "sandbox"]
    subprocess.run([*sandbox, "keys", "--dir", str(folder)], check=True, capture_output=True, timeout=60)
    env = dict(line.split("=", 1) for line in (folder / "product.env").read_text().splitlines() if line)
    port = own_port()
    process = subprocess.Popen(
        [*sandbox, name, "--port", str(port), "--dir", str(folder)],
        env={"PATH": "/usr/bin:/bin", "SANDBOX_NOTICE_TIME_SCALE": "0.01"},
    )
    try:
        house = House(f"http://127.0.0.1:{port}", env)
        _wait_until_it_answers(house, process)
        yield house
    finally:
        process.kill()
        process.wait(10)


def _wait_until_it_answers(house: House, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None, "the sandbox process ended by itself"
        assert time.monotonic() < deadline, "the sandbox process did not come up in time"
        with contextlib.suppress(httpx.TransportError):
            if house.control("GET", "/healthz").status_code == 200:
                return
        time.sleep(0.05)


@dataclass(frozen=True)
class Received:
    """A notice as it came over the line."""

    headers: dict[str, str]
    body: bytes


@dataclass
class NoticeDoor:
    """A merchant's notice route on loopback: keeps what comes, acknowledges it."""

    url: str = ""
    _received: list[Received] = field(default_factory=list)

    def received(self, count: int) -> list[Received]:
        """Wait for so many notices and give all that came."""
        deadline = time.monotonic() + 30
        while len(self._received) < count:
            assert time.monotonic() < deadline, f"{len(self._received)} of {count} notices came in time"
            time.sleep(0.01)
        return list(self._received)


@contextlib.contextmanager
def notice_door(says: bytes = b"") -> Iterator[NoticeDoor]:
    """A door that answers 204, or 200 with what it says; and 401 to a probing signature as a merchant must."""
    door = NoticeDoor()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            door._received.append(Received(dict(self.headers), body))
            probe = self.headers.get("Wechatpay-Signature", "").startswith("WECHATPAY/SIGNTEST/")
            self.send_response(401 if probe else 200 if says else 204)
            self.end_headers()
            self.wfile.write(says)

        def log_message(self, *_: object) -> None:
            """Silence: the test tells what came."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    door.url = f"http://127.0.0.1:{server.server_address[1]}/notices"
    try:
        yield door
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
