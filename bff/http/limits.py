"""What no door should have to think of: bodies that are too long or never end."""

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bff.http.patience import patiently
from models.errors import ErrorCode

BODY_BYTES = 256 * 1024  # the longest honest request, a GraphQL document with its variables, stays far below
LONGER_BODIES = {"/receipts": 1024 * 1024}
"""Where a file may come: a bank's receipt."""
DRAIN_BYTES = 4 * 1024 * 1024  # read and thrown away, so that a sender still writing gets to read our answer
BODY_SECONDS = 15


def refusal(message: str, status: int = 400, code: str = ErrorCode.BAD_INPUT, **more: str) -> Response:
    """A refusal by the house rather than by a door, in the shape of GraphQL's errors."""
    said = {"errors": [{"message": message, "extensions": {"code": code, **more}}]}
    return Response(orjson.dumps(said), status, media_type="application/json")


class BodyLimit:
    """Reads the whole body before the door sees it, and refuses what is too long (400) or too slow (408)."""

    def __init__(self, app: ASGIApp, seconds: float = BODY_SECONDS) -> None:
        self.app = app
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            most = LONGER_BODIES.get(scope.get("path", ""), BODY_BYTES)
            first = await patiently(_whole_body(receive, most), self.seconds)
        except TimeoutError:
            answer = refusal("请求的内容迟迟没有传完，请检查网络后再试。", 408)
            answer.headers["Connection"] = "close"  # else who goes on dripping keeps the connection for ever
            await answer(scope, receive, send)
            return
        if first is None:
            await refusal("请求的内容太长，请减少后再试。")(scope, receive, send)
            return
        waiting = [first]

        async def replay() -> Message:
            return waiting.pop() if waiting else await receive()

        await self.app(scope, replay, send)


async def _whole_body(receive: Receive, most: int) -> Message | None:
    """The body as one message (or the news that the client went away); None when it is too long."""
    parts: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return message
        part = message.get("body", b"")
        length += len(part)
        if length <= most:
            parts.append(part)
        if not message.get("more_body", False) or length > DRAIN_BYTES:
            break
    if length > most:
        return None
    return {"type": "http.request", "body": b"".join(parts), "more_body": False}
