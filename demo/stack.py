"""A stack of the demo's own: `bff run` in a fresh folder on ports of its own, and the controls of its sandbox."""

import os
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bff import embedded

TOP = Path(__file__).parent.parent
START_S = 60
STOP_S = 12
LOOPBACK: dict[str, Any] = {"trust_env": False, "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}
"""How to call what has no TLS: a client of its own for each call would read the world's authorities anew, 26 ms."""
NOT_OURS = ("DATABASE_URL", "REDIS_URL", "ENV", "PUBLIC_BASE_URL", "VIRTUAL_ENV", "PYTHONPATH")


class Broken(Exception):
    """The journey did not go as promised; the sentence says where."""


@dataclass(frozen=True)
class Stack:
    """Where everything is. `wechat`, `wechat_pay`, `alipay`, `tencent_cloud` and `platform` are the sandbox."""

    house: str
    wechat: str
    wechat_pay: str
    alipay: str
    tencent_cloud: str
    platform: str
    folder: Path
    environment: dict[str, str]

    @property
    def log(self) -> Path:
        """What all its processes have written."""
        return self.folder / "log.txt"

    def command(self, *words: str, typed: str = "") -> str:
        """What an operator types, on the same data; gives what it printed."""
        done = subprocess.run(  # noqa: S603 - our own command line
            [sys.executable, "-m", "bff", *words],
            cwd=TOP,
            env=self.environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode:
            raise Broken(f"{' '.join(words)}: {done.stderr.strip()}")
        return done.stdout


@contextmanager
def a_folder() -> Iterator[Path]:
    """In which a house lives for as long as the demo lasts."""
    with tempfile.TemporaryDirectory(prefix="sports-for-all-demo-") as box:
        yield Path(box)


@contextmanager
def running(folder: Path, *, clock_ahead_seconds: int) -> Iterator[Stack]:
    """The whole house, its clock turned ahead by so many seconds; stopped afterwards. Again in the same folder it goes on
    with the same data."""
    environment = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    environment |= {
        "PORT": str(embedded.own_port()),
        "DATA_DIR": str(folder / "data"),
        "CLOCK_AHEAD_SECONDS": str(clock_ahead_seconds),
    }
    log = folder / "log.txt"
    with log.open("a") as out:
        already = out.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "bff", "run"],
            cwd=TOP,
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield _when_ready(process, log, already, environment, clock_ahead_seconds)
    except BaseException:
        print(log.read_text()[-4000:], file=sys.stderr)
        raise
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()


def _when_ready(
    process: subprocess.Popen[bytes], log: Path, already: int, environment: dict[str, str], ahead: int
) -> Stack:
    """`already`: so many bytes of the log are of an earlier start."""

    def said() -> str:
        return log.read_bytes()[already:].decode()

    house = f"http://127.0.0.1:{environment['PORT']}"
    deadline = time.monotonic() + START_S
    while not (_answers(f"{house}/readyz") and "Ctrl-C" in said()):
        if process.poll() is not None or time.monotonic() > deadline:
            raise Broken("the house did not start")
        time.sleep(0.1)
    labels = ("WeChat", "WeChat Pay", "Alipay", "Tencent Cloud", "The platform")
    wechat, wechat_pay, alipay, tencent_cloud, platform = (_address(said(), label) for label in labels)
    for outside in (wechat, wechat_pay, alipay, tencent_cloud, platform):
        put(f"{outside}/_sandbox/clock", {"offset_seconds": ahead})
    return Stack(house, wechat, wechat_pay, alipay, tencent_cloud, platform, log.parent, environment)


def _address(said: str, label: str) -> str:
    found = re.search(rf"{re.escape(label)}\s{{2,}}(http://127\.0\.0\.1:\d+)", said)
    if found is None:
        raise Broken(f"the start did not say where {label} is")
    return found[1]


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=3, **LOOPBACK).status_code == 200
    except httpx.TransportError:
        return False


def put(url: str, body: Any) -> None:
    httpx.put(url, json=body, timeout=10, **LOOPBACK).raise_for_status()


def post(url: str, body: Any) -> Any:
    answer = httpx.post(url, json=body, timeout=10, **LOOPBACK)
    if answer.is_error:
        raise Broken(f"{url}: {answer.status_code} {answer.text}")
    return answer.json()


def get(url: str) -> Any:
    answer = httpx.get(url, timeout=10, **LOOPBACK)
    answer.raise_for_status()
    return answer.json()
