"""What every request passes on its way in and out: who is calling, a request id, a log line, a measured time,
careful headers, and for errors that nobody expected a reference instead of their text.

It runs on every request, so it reads headers only where they may be believed and makes no objects in between.
"""

import logging
import re
import time
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bff import metrics, visits
from bff.http.limits import refusal
from bff.logging import report, sentence_for
from bff.pages.apologies import apology, asks_for_a_page
from bff.settings import Network
from bff.tracing import RequestSpan, Spans
from bff.visits import Visit

REQUEST_ID = re.compile(r"[0-9A-Za-z_-]{8,64}")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
TRANSPORT_SECURITY = "max-age=31536000"
QUIET = ("/healthz", "/readyz", "/metrics")
ADDRESSES_KNOWN = 4096  # the longest unseen go first

log = structlog.get_logger("bff.http")


def client_address(scope: Scope, trusted: Iterable[Network]) -> str:
    """Who is really calling: the last address of X-Forwarded-For that no proxy of ours could have written itself.

    Only proxies in `trusted` are believed; anybody else may write what they like and is known by their own
    connection. Empty when the server does not know (a unix socket).
    """
    address = scope["client"][0] if scope.get("client") else ""
    trusted = tuple(trusted)
    given = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    forwarded = b",".join(given).decode("latin-1").split(",")
    while _is_in(address, trusted) and forwarded:
        earlier = forwarded.pop().strip()
        if _parsed(earlier) is None:
            break
        address = earlier
    return address


class Doorway:
    """Everything behind it may take `request.client.host` and the scheme for the truth."""

    def __init__(
        self, app: ASGIApp, trusted_proxies: tuple[Network, ...], over_tls: bool, spans: Spans | None = None
    ) -> None:
        self.app = app
        self.trusted = trusted_proxies
        self.spans = spans
        headers = HEADERS | ({"Strict-Transport-Security": TRANSPORT_SECURITY} if over_tls else {})
        self.headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self._is_proxy = lru_cache(ADDRESSES_KNOWN)(lambda address: _is_in(address, self.trusted))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        client = scope.get("client")
        from_proxy = client is not None and self._is_proxy(client[0])
        visit = Visit((self._told_by_proxy(scope) if from_proxy else "") or visits.new_request_id())
        span = self.spans.request(scope, from_proxy=from_proxy) if self.spans else None
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._with_ours(message.get("headers") or (), visit.request_id)
            await send(message)

        token = visits.current.set(visit)
        try:
            await self.app(scope, receive, send_with_headers)
        except Exception as error:
            await self._apologise(error, scope, receive, send_with_headers, begun=status != 0)
        finally:
            _record(scope, visit, status, time.perf_counter() - started, span)
            visits.current.reset(token)

    def _told_by_proxy(self, scope: Scope) -> str:
        """Puts the caller's address and scheme into the scope; gives the request's id, if the proxy named a good one."""
        said = dict(scope["headers"])
        scheme = said.get(b"x-forwarded-proto", b"").decode("latin-1")
        if scheme in ("http", "https"):
            scope["scheme"] = scheme
        if b"x-forwarded-for" in said:
            scope["client"] = (client_address(scope, self.trusted), 0)
        request_id = said.get(b"x-request-id", b"").decode("latin-1")
        return request_id if REQUEST_ID.fullmatch(request_id) else ""

    def _with_ours(self, theirs: Iterable[tuple[bytes, bytes]], request_id: str) -> list[tuple[bytes, bytes]]:
        """What a door says itself is kept; ASGI has names in lower case."""
        headers = list(theirs)
        said = {name for name, _ in headers}
        headers += [header for header in self.headers if header[0] not in said]
        headers.append((b"x-request-id", request_id.encode()))
        return headers

    async def _apologise(
        self, error: Exception, scope: Scope, receive: Receive, send: Send, *, begun: bool
    ) -> None:
        metrics.UNEXPECTED.inc()
        reference = report(error, path=scope["path"])
        if not begun:
            answer = refusal(sentence_for(reference), 500, "INTERNAL", reference=reference)
            request = Request(scope)
            if asks_for_a_page(request):
                answer = apology(
                    request, 500, "系统出了点问题", "请稍后再试；还是不行，请把编号告诉管理员。", reference
                )
            await answer(scope, receive, send)


def _record(scope: Scope, visit: Visit, status: int, seconds: float, span: RequestSpan | None) -> None:
    """Counts by the route's pattern: paths hold tokens, and there are too many of them."""
    route = getattr(scope.get("route"), "path", "unknown")
    metrics.count_request(scope["method"], route, status, seconds)
    if span:
        span.end(scope["method"], route, status, visit)
    if scope["path"] in QUIET or not logging.getLogger().isEnabledFor(logging.INFO):
        return
    told = {"method": scope["method"], "route": route, "status": status, "ms": round(seconds * 1000, 1)}
    if visit.outcome:
        told["outcome"] = visit.outcome
        if visit.kind:
            told |= {"operation": visit.operation, "kind": visit.kind}
        if visit.document:
            told["document"] = visit.document
    log.info("answered", **told)


@lru_cache(ADDRESSES_KNOWN)
def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _is_in(text: str, networks: Iterable[Network]) -> bool:
    address = _parsed(text)
    return address is not None and any(address in network for network in networks)
