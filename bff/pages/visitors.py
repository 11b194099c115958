"""What the desk's pages know of whoever asks: the cookies, where this device stands, and that a POST is our own page's.

`bff/pages/desk.py` says what guards what.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from bff.pages.apologies import apology, asks_for_a_page
from models.errors import BadInput, ErrorCode
from models.staff.rules import StaffSignedIn

Endpoint = Callable[[Request], Awaitable[Response]]

SIGN_IN, DEVICE, POST = "desk_sign_in", "desk_device", "desk_post"
STATUS_OF = {  # what the pages' scripts must tell apart: sign in again, try again; all else they only show
    ErrorCode.NOT_SIGNED_IN: 401,
    ErrorCode.BAD_INPUT: 400,
    ErrorCode.TOO_MANY_ATTEMPTS: 429,
    ErrorCode.BUSY: 503,
}
KEPT_S = 400 * 24 * 3600  # the longest that browsers keep a cookie
DEFAULT_CHECKPOINT = "前台"
CHECKPOINT_LENGTH = 20
BODY_LIMIT = 4096  # bytes; a longer password would only buy an attacker our Argon2 time


@dataclass(frozen=True, slots=True)
class Post:
    """The venue and checkpoint a device stands at."""

    venue_id: str
    checkpoint: str

    def as_cookie(self) -> str:
        return f"{quote(self.venue_id, safe='')}:{quote(self.checkpoint, safe='')}"


def from_our_pages(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        sender = request.headers.get("origin") or request.headers.get("referer") or ""
        if _host_in(sender) != request.headers.get("host"):
            if asks_for_a_page(request):
                return apology(request, 403, "这次提交不是从本系统的页面发出的", "请打开前台，重新操作。")
            return PlainTextResponse("这次提交不是从本系统的页面发出的。请打开 /desk 重新操作。", 403)
        return await endpoint(request)

    return guarded


def _host_in(sender: str) -> str:
    try:
        return urlsplit(sender).netloc
    except ValueError:  # "https://["
        return ""


async def form_in(request: Request) -> dict[str, str]:
    """A URL-encoded form, by the standard library: Starlette's own parser would need one more package."""
    try:
        fields = parse_qs((await body_of(request)).decode(), keep_blank_values=True, max_num_fields=10)
    except ValueError:
        raise BadInput("没有读懂提交的内容。", next_step="请刷新页面后重新填写。") from None
    return {name: values[0].replace("\0", "") for name, values in fields.items()}


async def body_of(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise BadInput("提交的内容太长。", next_step="请刷新页面后重新填写。")
    return body


def post_of(request: Request, signed_in: StaffSignedIn) -> Post | None:
    """Where this device stands: as chosen, if the venue is this person's; else their only venue's front desk."""
    venues = dict(signed_in.venues)
    chosen = post_in_cookie(request)
    if chosen and chosen.venue_id in venues:
        return chosen
    return Post(next(iter(venues)), DEFAULT_CHECKPOINT) if len(venues) == 1 else None


def post_in_cookie(request: Request) -> Post | None:
    venue_id, _, checkpoint = map(unquote, request.cookies.get(POST, "").partition(":"))
    return Post(venue_id, checkpoint[:CHECKPOINT_LENGTH] or DEFAULT_CHECKPOINT) if venue_id else None


def address_of(request: Request) -> str:
    """From where somebody asks; behind trusted proxies the client's own (`bff/http/doorway.py`)."""
    return request.client.host if request.client else ""


def device_of(request: Request) -> str | None:
    device_id = request.cookies.get(DEVICE, "")
    return device_id if re.fullmatch(r"[0-9A-Za-z_-]{22}", device_id) else None


def new_device() -> str:
    return secrets.token_urlsafe(16)


def json_response(said: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(said), status, {"Cache-Control": "no-store"}, media_type="application/json")
