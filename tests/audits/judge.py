"""npm's `graphql-http` as an independent judge of our GraphQL over HTTP, run by the Node.js of a wheel."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

from tests.npm import NODE, installed

HERE = Path(__file__).parent
PATIENCE_S = 120


@dataclass(frozen=True)
class Finding:
    id: str
    name: str
    status: str  # ok; notice, warn or error for a MAY, a SHOULD or a MUST that is not kept
    reason: str | None = None

    def __str__(self) -> str:
        return f"{self.id} {self.name}: {self.status}, {self.reason}"


def packages() -> Path:
    """Where the judge is. Raises `Unreachable`."""
    return installed("audits", HERE)


async def judged(url: str) -> list[Finding]:
    """What the judge says of the server at that address."""
    process = await asyncio.create_subprocess_exec(
        NODE, str(HERE / "run.cjs"), str(packages()), url, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE_S):
        said, _ = await process.communicate()
    assert process.returncode == 0, "its reason stands above"
    return [Finding(**finding) for finding in json.loads(said)]
