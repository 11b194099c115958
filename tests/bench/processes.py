"""The processes of a bench: one web process a side, a Valkey for all; and how much CPU each has used."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from bff import embedded
from bff.settings import read_env_file
from models import database
from tests.bench.servers import CONNECTIONS
from tests.bench.servers.node import NoMercurius, mercurius

START_SECONDS = 30
Process = subprocess.Popen[bytes]
OURS = {"ours": "off", "ours_cached": "on"}
"""Our own processes, and whether they keep answers (ANSWERS_CACHE)."""
UNDER_UVICORN = {
    "bare": "tests.bench.servers.bare.app:from_environment",
    "strawberry": "tests.bench.servers.strawberry_server:stock",
    "strawberry_cached": "tests.bench.servers.strawberry_server:cached",
    "ariadne": "tests.bench.servers.ariadne_server:from_environment",
}
MERCURIUS = "mercurius"
SERVER = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--no-proxy-headers", "--no-server-header"]


@dataclass(frozen=True)
class Side:
    """A web process. `name` is also what its database connections call themselves."""

    name: str
    port: int
    pid: int


@contextmanager
def all_sides(folder: Path, environment: Mapping[str, str]) -> Iterator[dict[str, Side]]:
    """Ours as `bff web` starts it, and the others, under the same server where they are Python.

    Mercurius is missing when its packages cannot be had here; then it is said why.
    """
    starts: dict[str, tuple[list[str], dict[str, str]]] = {}
    for name, keeps_answers in OURS.items():
        starts[name] = [sys.executable, "-m", "bff", "web"], {"ANSWERS_CACHE": keeps_answers}
    for name, factory in UNDER_UVICORN.items():
        starts[name] = (
            [sys.executable, "-m", "uvicorn", factory, "--factory", *SERVER, "--log-level", "warning"],
            {},
        )
    try:
        starts[MERCURIUS] = mercurius(folder)
    except NoMercurius as error:
        print(f"Mercurius is left out: {error}", file=sys.stderr)
    ports = embedded.ports(folder, starts)
    valkey = embedded.valkey_command(urlsplit(environment["REDIS_URL"]).port or 0)
    with ExitStack() as stack:
        stack.enter_context(running(valkey, environment, folder))
        started = {}
        for name, (command, more) in starts.items():
            own = {**environment, **_of_its_own(environment, name), **more, "PORT": str(ports[name])}
            at = ["--port", str(ports[name])] if name in UNDER_UVICORN else []
            started[name] = stack.enter_context(running(command + at, own, folder))
        for name, process in started.items():
            _wait_for(name, process, ports[name], folder)
        yield {name: Side(name, ports[name], process.pid) for name, process in started.items()}


def _of_its_own(environment: Mapping[str, str], name: str) -> dict[str, str]:
    """The database, under the side's name; for Mercurius in libpq's variables, since a socket's URL is asyncpg's."""
    url = with_parameters(
        environment["DATABASE_URL"],
        minsize=str(CONNECTIONS),
        maxsize=str(CONNECTIONS),
        application_name=name,
    )
    parts = urlsplit(url)
    libpq = {
        "PGHOST": parts.hostname or dict(parse_qsl(parts.query)).get("host", ""),
        "PGPORT": str(parts.port or ""),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": parts.path[1:],
    }
    return {"DATABASE_URL": url, **(libpq if name == MERCURIUS else {})}


def environment_of(folder: Path, database_url: str) -> dict[str, str]:
    """Every process's: the sandbox's keys, and an outside where nobody listens, since nobody is called there."""
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
        "ANSWERS_CACHE": "off",
        "DATABASE_URL": database_url,
        "BARE_DATABASE_URL": with_parameters(database_url),
        "REDIS_URL": f"redis://{embedded.LOOPBACK}:{embedded.ports(folder, ['valkey'])['valkey']}/0",
        "WECHAT_BASE_URL": nobody,
        "WECHAT_PAY_BASE_URL": nobody,
        "TENCENT_CLOUD_SMS_BASE_URL": nobody,
        "TENCENT_CLOUD_FACEID_BASE_URL": nobody,
        "GOVERNMENT_PLATFORM_BASE_URL": nobody,
    }


def with_parameters(database_url: str, **parameters: str) -> str:
    """The same database, with these parameters in place of a pool's size."""
    parts = urlsplit(database_url)
    kept = {name: value for name, value in parse_qsl(parts.query) if name not in ("minsize", "maxsize")}
    return parts._replace(query=urlencode(kept | parameters)).geturl()


@contextmanager
def running(command: list[str], environment: Mapping[str, str], folder: Path) -> Iterator[Process]:
    """A process that ends with the block; what it says is in `processes.log`."""
    with (folder / "processes.log").open("ab") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(name: str, process: Process, port: int, folder: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while not embedded.answers(port):
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"{name} did not start:\n{(folder / 'processes.log').read_text()[-3000:]}")
        time.sleep(0.05)


def cpu_seconds(pid: int) -> float:
    """What a process has used, all its threads, user and system, to the nanosecond (clock_getcpuclockid(3))."""
    return time.clock_gettime(~pid << 3 | 2)


async def backends(side: Side) -> list[int]:
    """The PostgreSQL processes that serve this side, when the server is on this machine."""
    found = await database.rows("SELECT pid FROM pg_stat_activity WHERE application_name = $1", side.name)
    return [row["pid"] for row in found if Path(f"/proc/{row['pid']}/comm").exists()]
