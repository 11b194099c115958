"""Bodies that never end."""

import asyncio

from starlette.types import Message, Receive, Scope, Send

from bff.http.limits import BodyLimit


async def nobody(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise AssertionError("the door must not hear of it")


async def test_who_does_not_finish_a_body_is_told_so_and_hung_up_on() -> None:
    begun: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}]
    answered: list[Message] = []

    async def receive() -> Message:
        return begun.pop() if begun else await asyncio.Future()

    async def send(message: Message) -> None:
        answered.append(message)

    async with asyncio.timeout(10):
        await BodyLimit(nobody, seconds=0.05)({"type": "http"}, receive, send)
    assert answered[0]["status"] == 408
    assert (b"connection", b"close") in answered[0]["headers"]
    assert "请求的内容迟迟没有传完" in answered[1]["body"].decode()
