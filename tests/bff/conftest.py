"""A real Valkey that a test may stop and start again, and settings as a development start would make them."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest

from bff import embedded
from bff.settings import Settings, read_settings
from tests.journal import journal

T = TypeVar("T")

START_SECONDS = 120  # a process takes three or four on an idle machine; twenty have been seen


class Valkey:
    """Keeps its port over stops, as a restarted server does."""

    def __init__(self, folder: Path) -> None:
        self.port = embedded.ports(folder, ["valkey"])["valkey"]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(embedded.valkey_command(self.port), start_new_session=True)
        until = time.monotonic() + START_SECONDS
        while not embedded.answers(self.port):
            assert time.monotonic() < until, "Valkey did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        """At once, like a crash; it keeps nothing."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def log_lines(settings: Settings) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What the process has logged in this test, as production writes it."""
    with journal(settings, "test") as written:
        yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return read_settings({"DATA_DIR": str(tmp_path), "TRUSTED_PROXIES": "127.0.0.1"})


def at_once(act: Coroutine[Any, Any, T]) -> T:
    """What it gives or raises without waiting for anything, on however busy a machine."""
    try:
        act.send(None)
    except StopIteration as ended:
        return cast(T, ended.value)
    act.close()
    raise AssertionError("it waits for something")


def clean_environment(**given: str) -> dict[str, str]:
    """What a process needs of this one's environment, without any of our own variables."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ} | given
