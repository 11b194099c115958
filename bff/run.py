"""`make run`: everything on one machine. Web, worker, Valkey and the sandbox, started together, stopped together.

What the environment gives is used as it is; what it does not give is filled in: SQLite, a Valkey, the sandbox in
place of WeChat, WeChat Pay, Alipay, Tencent Cloud and the government platform. For development only; production has compose.yaml.
"""

import asyncio
import fcntl
import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import honcho.manager
from honcho.manager import Manager
from honcho.printer import Printer

from bff import embedded
from bff.kept_store import forget_everywhere
from bff.settings import Settings, SettingsRefused, read_env_file, read_settings
from bff.wiring import utc_now
from models import database, migrating
from models.booking.importing import import_booking_rules
from models.booking.session_importing import import_session_plans
from models.booking.session_making import make_sessions
from models.calendar import business_day
from models.feedback.importing import import_complaint_clocks
from models.orders.importing import import_refund_rules
from models.risk.importing import import_risk_rules
from models.staff import operations as staff
from models.venues.importing import import_places
from models.vouchers.importing import import_campaigns

DATA = Path(__file__).parent.parent / "data"
KILL_AFTER_SECONDS = 9  # the web process gives requests 8 s to finish; Ctrl-C must end everything within 10
SANDBOX = {  # name of the process → the variables that say where the outside is; it starts unless the first is given
    "wechat": ("WECHAT_BASE_URL", "WECHAT_OPEN_URL"),
    "wechat-pay": ("WECHAT_PAY_BASE_URL",),
    "alipay": ("ALIPAY_BASE_URL",),
    "tencent-cloud": ("TENCENT_CLOUD_SMS_BASE_URL", "TENCENT_CLOUD_FACEID_BASE_URL"),
    "government-platform": ("GOVERNMENT_PLATFORM_BASE_URL",),
}
STOPPED_BY_HAND = (130, 143)  # what honcho returns after SIGINT and SIGTERM


@dataclass(frozen=True)
class Stack:
    """What to start: commands by process name, and the environment that all of them get."""

    settings: Settings
    commands: Mapping[str, list[str]]
    environment: Mapping[str, str]
    ports: Mapping[str, int]


def run(environ: Mapping[str, str]) -> int:
    """Prepares, starts and stays until Ctrl-C (0) or until one process ends by itself (1)."""
    settings = read_settings(environ)
    if settings.in_production:
        raise SettingsRefused(["`make run` is for development; in production start what compose.yaml shows"])
    if not embedded.is_free(settings.host, settings.port):
        raise SettingsRefused(
            [
                f"port {settings.port} on {settings.host} is in use; choose another: make run PORT={settings.port + 1}"
            ]
        )
    with _alone_in(settings.data_dir):
        stack = plan(settings, environ)
        note = settings.data_dir / "development-staff.txt"
        clerk = asyncio.run(
            prepare(stack.settings, with_clerk=not note.exists(), has_valkey=bool(settings.redis_url))
        )
        if clerk:
            _write_privately(note, clerk)
            print(f"An account for the front desk, kept in {note}:\n{clerk}", flush=True)
        return _watch_over(stack)


def plan(settings: Settings, environ: Mapping[str, str]) -> Stack:
    """Fills in what the environment does not give, and makes the sandbox's keys when it is needed."""
    missing = {name: variables for name, variables in SANDBOX.items() if not environ.get(variables[0])}
    wanted = list(missing) if environ.get("REDIS_URL") else ["valkey", *missing]
    ports = embedded.ports(settings.data_dir, wanted)
    commands: dict[str, list[str]] = {}
    filled: dict[str, str] = {}
    if "valkey" in ports:
        commands["valkey"] = embedded.valkey_command(ports["valkey"])
        filled["REDIS_URL"] = f"redis://{embedded.LOOPBACK}:{ports['valkey']}/0"
    if missing:
        folder = settings.data_dir / "sandbox"
        subprocess.run(_python("sandbox", "keys", "--dir", str(folder)), check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        filled |= read_env_file(folder / "product.env")
        for name, variables in missing.items():
            commands[name] = _python("sandbox", name, "--port", str(ports[name]), "--dir", str(folder))
            filled |= dict.fromkeys(variables, f"http://{embedded.LOOPBACK}:{ports[name]}")
    commands["web"] = _python("bff", "web")
    commands["worker"] = _python("bff", "worker")
    environment = {**filled, **{name: value for name, value in environ.items() if value}}
    return Stack(read_settings(environment), commands, environment, ports)


async def prepare(settings: Settings, *, with_clerk: bool, has_valkey: bool) -> str:
    """Migrates, brings the data in, and, when asked to, opens an account for the desk, which it tells. `has_valkey`:
    one is running already, and so others may keep what was there before."""
    await migrating.migrate(settings.database_url)
    await database.connect(settings.database_url)
    try:
        report = await import_places(folder=DATA, today=business_day(utc_now()))
        await import_booking_rules(folder=DATA, report=report, now=utc_now())
        await import_refund_rules(folder=DATA, report=report)
        await import_complaint_clocks(folder=DATA, report=report)
        await import_session_plans(folder=DATA, report=report, now=utc_now())
        await make_sessions(now=utc_now())
        await import_campaigns(folder=DATA, report=report, now=utc_now())
        await import_risk_rules(folder=DATA, report=report, now=utc_now())
        if report.touched and has_valkey:
            await forget_everywhere(settings.redis_url)
        return await _open_clerk() if with_clerk else ""
    finally:
        await database.close()


async def _open_clerk() -> str:
    """An account for every venue, with a random password; gives both as text."""
    username, password = f"desk-{secrets.token_hex(2)}", f"{secrets.token_urlsafe(9)}-7Kd"
    await staff.create_staff(
        username=username, display_name="演示前台", password=password, venue_public_ids=None, now=utc_now()
    )
    return f"username: {username}\npassword: {password}\n"


def _write_privately(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def _watch_over(stack: Stack) -> int:
    honcho.manager.KILL_WAIT = KILL_AFTER_SECONDS
    manager = Manager(Printer(sys.stdout))
    for name, command in stack.commands.items():
        manager.add_process(name, f"exec {shlex.join(command)}", env=dict(stack.environment))
    threading.Thread(target=_announce, args=(stack,), daemon=True).start()
    with _interrupts_through_make():
        manager.loop()
    if manager.returncode in STOPPED_BY_HAND:
        print("all stopped", flush=True)
        return 0
    ended = [name for name, process in manager._processes.items() if process["returncode"] == manager.returncode]
    print(f"{ended[0]} ended by itself ({manager.returncode}), so everything was stopped", file=sys.stderr)
    return 1


def _announce(stack: Stack) -> None:
    """Once everything listens, says where it is. Whoever waits in vain for it sees the processes' own words."""
    settings, environment = stack.settings, stack.environment
    while embedded.is_free(settings.host, settings.port) or not all(map(embedded.answers, stack.ports.values())):
        time.sleep(0.1)
    here = f"http://{settings.host}:{settings.port}"
    print(
        f"""
  GraphQL         {here}/graphql   (POST; in a browser: an IDE)
  Front desk      {here}/desk   (account: {settings.data_dir}/development-staff.txt)
  WeChat          {environment["WECHAT_BASE_URL"]}   (sandbox)
  WeChat Pay      {environment["WECHAT_PAY_BASE_URL"]}/payer   (sandbox: be the payer)
  Alipay          {environment["ALIPAY_BASE_URL"]}/payer   (sandbox: be the payer)
  Tencent Cloud   {environment["TENCENT_CLOUD_SMS_BASE_URL"]}   (sandbox: SMS at /_sandbox/store)
  The platform    {environment["GOVERNMENT_PLATFORM_BASE_URL"]}/_sandbox/store
  Health          {here}/readyz   {here}/metrics
  Data            {settings.data_dir}

  Ctrl-C stops everything.
""",
        flush=True,
    )


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Two stacks on the same data would run the same sandbox twice."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "running.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsRefused(
                [f"another `make run` works in {folder}; stop it, or choose a DATA_DIR"]
            ) from None
        yield


@contextmanager
def _interrupts_through_make() -> Iterator[None]:
    """Stops also when only `make` was interrupted, and when the terminal was closed.

    A terminal's Ctrl-C reaches us as well as make. A SIGINT sent to make alone does not: GNU make then blocks the
    signal and waits for its children for ever. That blocked signal is what can be seen from here.
    """

    def look(*_: Any) -> None:
        if _is_interrupted(os.getppid()):
            signal.setitimer(signal.ITIMER_REAL, 0)
            os.kill(os.getpid(), signal.SIGINT)

    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, 0.5, 0.5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _is_interrupted(make: int) -> bool:
    status = Path(f"/proc/{make}/status")
    if not status.exists():
        return False
    said = dict(re.findall(r"^(\w+):\s*(\S+)", status.read_text(), re.MULTILINE))
    return said["Name"] in ("make", "gmake") and bool(int(said["SigBlk"], 16) >> (signal.SIGINT - 1) & 1)


def _python(module: str, *words: str) -> list[str]:
    return [sys.executable, "-m", module, *words]
