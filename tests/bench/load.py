"""A load that costs little itself: prepared requests over a few kept connections, each sent when the last was answered."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson

from bff.embedded import LOOPBACK
from tests.bench.workloads import Case, Workload

CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    seconds: float


Wire = Callable[[Workload, Case], bytes]
"""How a case is put to a side: the whole request."""


def by_id(workload: Workload, case: Case) -> bytes:
    """To ours, as our own clients ask: by the id of a trusted document."""
    return _request("/graphql", case, {"documentId": workload.document_id, "variables": case.variables})


def by_text(workload: Workload, case: Case) -> bytes:
    """To any GraphQL server, ours included: a free query."""
    return _request("/graphql", case, {"query": workload.free_document, "variables": case.variables})


def to_bare(workload: Workload, case: Case) -> bytes:
    return _request(workload.bare_path, case, case.variables)


def by_letter(workload: Workload, case: Case) -> bytes:
    """To either side: a notice as a payment channel sends it."""
    return _letter(workload.bare_path, case)


def by_letter_unheard(workload: Workload, case: Case) -> bytes:
    """To the bare route that wakes no worker afterwards."""
    return _letter(f"{workload.bare_path}/unheard", case)


def _letter(path: str, case: Case) -> bytes:
    assert case.letter
    said = {"Host": "bench", "Content-Length": str(len(case.letter.body)), **case.letter.headers}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items())]
    return "\r\n".join([*lines, "", ""]).encode() + case.letter.body


def _request(path: str, case: Case, said: object) -> bytes:
    body = orjson.dumps(said)
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: bench",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    if case.authorization:
        lines.append(f"Authorization: {case.authorization}")
    return "\r\n".join([*lines, "", ""]).encode() + body


async def fire(port: int, requests: Sequence[bytes]) -> list[Answer]:
    """Answers in the order of the requests. Raises when a connection breaks."""
    answers: list[Answer | None] = [None] * len(requests)
    left = iter(range(len(requests)))

    async def one_client() -> None:
        reader, writer = await asyncio.open_connection(LOOPBACK, port, local_addr=(_somebody(), 0))
        for number in left:
            started = time.perf_counter()
            writer.write(requests[number])
            status, body = await _read(reader)
            answers[number] = Answer(status, body, time.perf_counter() - started)
        writer.close()

    async with asyncio.TaskGroup() as clients:
        for _ in range(min(CONNECTIONS, len(requests))):
            clients.create_task(one_client())
    return [answer for answer in answers if answer is not None]


def _somebody() -> str:
    """Another loopback address each time: rates are counted by address, and no house of ours is that busy."""
    return ".".join(["127", *(str(random.randint(1, 254)) for _ in range(3))])


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head[9:12])
    length = 0 if status == 204 else int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
    return status, await reader.readexactly(length)
