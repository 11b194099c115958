"""The processes of a bench: one web process a side, a Valkey for both; and how much CPU each has used."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from bff import embedded
from bff.settings import read_env_file
from models import database
from tests.bench.baseline import CONNECTIONS

START_SECONDS = 30


@dataclass(frozen=True)
class Side:
    """A web process. `name` is also what its database connections call themselves."""

    name: str
    port: int
    pid: int


@contextmanager
def both_sides(folder: Path, environment: Mapping[str, str]) -> Iterator[tuple[Side, Side]]:
    """Ours as `bff web` starts it, and the bare routes under the same server with the same settings."""
    ports = embedded.ports(folder, ["ours", "bare"])
    uvicorn = ["uvicorn", "tests.bench.baseline:from_environment", "--factory", "--port", str(ports["bare"])]
    lean = ["--no-access-log", "--no-proxy-headers", "--no-server-header", "--log-level", "warning"]
    commands = {
        "ours": [sys.executable, "-m", "bff", "web"],
        "bare": [sys.executable, "-m", *uvicorn, "--loop", "uvloop", "--http", "httptools", *lean],
    }
    valkey = embedded.valkey_command(urlsplit(environment["REDIS_URL"]).port or 0)
    with (
        running(valkey, environment, folder),
        running(commands["ours"], {**environment, "PORT": str(ports["ours"])}, folder) as ours,
        running(commands["bare"], environment, folder) as bare,
    ):
        for port in ports.values():
            _wait_for(port, folder)
        yield Side("ours", ports["ours"], ours), Side("bare", ports["bare"], bare)


def environment_of(folder: Path, database_url: str) -> dict[str, str]:
    """Both processes': the sandbox's keys, and an outside where nobody listens, since nobody is called there."""
    sandbox = folder / "sandbox"
    subprocess.run(
        [sys.executable, "-m", "sandbox", "keys", "--dir", str(sandbox)], check=True, stdout=subprocess.DEVNULL
    )
    nobody = f"http://{embedded.LOOPBACK}:9"
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ},
        **read_env_file(sandbox / "product.env"),
        "DATA_DIR": str(folder),
        "LOG_LEVEL": "WARNING",
        "DATABASE_URL": with_parameters(
            database_url, minsize=str(CONNECTIONS), maxsize=str(CONNECTIONS), application_name="ours"
        ),
        "BARE_DATABASE_URL": with_parameters(database_url),
        "REDIS_URL": f"redis://{embedded.LOOPBACK}:{embedded.ports(folder, ['valkey'])['valkey']}/0",
        "WECHAT_BASE_URL": nobody,
        "WECHAT_PAY_BASE_URL": nobody,
        "GOVERNMENT_PLATFORM_BASE_URL": nobody,
    }


def with_parameters(database_url: str, **parameters: str) -> str:
    """The same database, with these parameters in place of a pool's size."""
    parts = urlsplit(database_url)
    kept = {name: value for name, value in parse_qsl(parts.query) if name not in ("minsize", "maxsize")}
    return parts._replace(query=urlencode(kept | parameters)).geturl()


@contextmanager
def running(command: list[str], environment: Mapping[str, str], folder: Path) -> Iterator[int]:
    """The id of a process that ends with the block; what it says is in `processes.log`."""
    with (folder / "processes.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int, folder: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while not embedded.answers(port):
        if time.monotonic() > until:
            raise RuntimeError(f"a web process did not start:\n{(folder / 'processes.log').read_text()[-3000:]}")
        time.sleep(0.05)


def cpu_seconds(pid: int) -> float:
    """What a process has used, all its threads, user and system, to the nanosecond (clock_getcpuclockid(3))."""
    return time.clock_gettime(~pid << 3 | 2)


async def backends(side: Side) -> list[int]:
    """The PostgreSQL processes that serve this side, when the server is on this machine."""
    found = await database.rows("SELECT pid FROM pg_stat_activity WHERE application_name = $1", side.name)
    return [row["pid"] for row in found if Path(f"/proc/{row['pid']}/comm").exists()]
