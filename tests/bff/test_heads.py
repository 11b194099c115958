"""Heads of requests that are too long, or never end, over a real socket."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from bff.http.heads import HEAD_BYTES, BoundedHeads

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
HELLO = b"POST / HTTP/1.1\r\nHost: house\r\nContent-Length: 5\r\n\r\nhello"


class Impatient(BoundedHeads):
    seconds = 0.3


async def app(scope: object, receive: object, send: object) -> None:
    """Slower than a head may be."""
    body = await Request(scope, receive).body()  # type: ignore[arg-type]
    await asyncio.sleep(2 * Impatient.seconds)
    await PlainTextResponse(body)(scope, receive, send)  # type: ignore[arg-type]


@pytest.fixture
async def connection() -> AsyncIterator[Connection]:
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, http=Impatient, log_config=None, lifespan="off", timeout_keep_alive=60)
    )
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    yield reader, writer
    writer.close()
    server.should_exit = True
    await serving


async def said(connection: Connection) -> bytes:
    """Everything until the server hangs up."""
    async with asyncio.timeout(10):
        return await connection[0].read()


@pytest.mark.parametrize("begun", [b"", b"POST / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nHost: house\r\nX-Long: a"])
async def test_who_does_not_finish_a_head_is_hung_up_on(connection: Connection, begun: bytes) -> None:
    connection[1].write(begun)
    assert await said(connection) == b""


@pytest.mark.parametrize("header", [b"X-Many: a\r\n", b"a"])
async def test_a_head_without_an_end_is_refused_before_it_fills_the_memory(
    connection: Connection, header: bytes
) -> None:
    connection[1].write(b"POST / HTTP/1.1\r\nX-Long: a" + b"\r\n" * (header != b"a"))
    connection[1].write(header * (HEAD_BYTES // len(header)))
    assert (await said(connection)).startswith(b"HTTP/1.1 400 ")


async def test_an_answer_may_take_longer_than_a_head(connection: Connection) -> None:
    reader, writer = connection
    for _ in range(2):  # the second on the same connection
        writer.write(HELLO)
        async with asyncio.timeout(10):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            assert await reader.readexactly(5) == b"hello"
    writer.write(b"POST / HTTP/1.1\r\nHost:")
    assert await said(connection) == b""


@pytest.mark.parametrize("blank", [b"\r\n", b"\n"])
async def test_who_sends_blank_lines_after_an_answer_is_hung_up_on(connection: Connection, blank: bytes) -> None:
    """They stand before a head and begin none; uvicorn stops waiting for the next one when anything comes."""
    reader, writer = connection
    writer.write(HELLO)
    async with asyncio.timeout(10):
        await reader.readuntil(b"\r\n\r\nhello")
    dripping = asyncio.create_task(drip(writer, blank))
    try:
        async with asyncio.timeout(10 * Impatient.seconds):
            assert await reader.read() == b""
    finally:
        dripping.cancel()


async def drip(writer: asyncio.StreamWriter, part: bytes) -> None:
    while True:
        writer.write(part)
        await asyncio.sleep(Impatient.seconds / 3)
