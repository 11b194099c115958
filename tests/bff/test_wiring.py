"""What one process speaks to the outside with."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx

from bff.settings import read_settings
from bff.wiring import CONNECTIONS, outward

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def prompt(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
    writer.close()


@asynccontextmanager
async def somebody(answer: Answer) -> AsyncIterator[str]:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def test_who_does_not_answer_keeps_nobody_from_the_others() -> None:
    held: list[asyncio.StreamWriter] = []

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    async with somebody(silent) as wechat, somebody(prompt) as wechat_pay:
        settings = read_settings({"WECHAT_BASE_URL": wechat, "WECHAT_PAY_BASE_URL": wechat_pay})
        async with outward(settings) as http:
            waiting = [asyncio.create_task(http.get(wechat, timeout=60)) for _ in range(CONNECTIONS + 10)]
            async with asyncio.timeout(10):
                while len(held) < CONNECTIONS:
                    await asyncio.sleep(0.01)
            answer = await http.get(wechat_pay, timeout=httpx.Timeout(5))
            assert answer.status_code == 204
            assert not any(task.done() for task in waiting)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        for writer in held:
            writer.close()
