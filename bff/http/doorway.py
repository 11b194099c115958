"""What every request passes on its way in and out: who is calling, a request id, a log line, a measured time,
careful headers, and for errors that nobody expected a reference instead of their text."""

import re
import secrets
import time
from collections.abc import Iterable
from ipaddress import ip_address

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bff import metrics
from bff.http.limits import refusal
from bff.logging import report, sentence_for
from bff.settings import Network

REQUEST_ID = re.compile(r"[0-9A-Za-z_-]{8,64}")
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
TRANSPORT_SECURITY = "max-age=31536000"
QUIET = ("/healthz", "/readyz", "/metrics")

log = structlog.get_logger("bff.http")


def client_address(scope: Scope, trusted: Iterable[Network]) -> str:
    """Who is really calling: the last address of X-Forwarded-For that no proxy of ours could have written itself.

    Only proxies in `trusted` are believed; anybody else may write what they like and is known by their own
    connection. Empty when the server does not know (a unix socket).
    """
    address = scope["client"][0] if scope.get("client") else ""
    trusted = tuple(trusted)
    forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")
    while _is_in(address, trusted) and forwarded:
        earlier = forwarded.pop().strip()
        if not _is_address(earlier):
            break
        address = earlier
    return address


class Doorway:
    """Everything behind it may take `request.client.host` and the scheme for the truth."""

    def __init__(self, app: ASGIApp, trusted_proxies: tuple[Network, ...], over_tls: bool) -> None:
        self.app = app
        self.trusted = trusted_proxies
        self.headers = HEADERS | ({"Strict-Transport-Security": TRANSPORT_SECURITY} if over_tls else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = self._recognise(scope)
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, receive, send_with_headers)
            except Exception as error:
                await self._apologise(error, scope, receive, send_with_headers, begun=status != 0)
            finally:
                _record(scope, status, time.perf_counter() - started)

    def _recognise(self, scope: Scope) -> str:
        """Puts the caller's address and scheme into the scope; gives the request's id, a proxy's or ours."""
        headers = Headers(scope=scope)
        request_id = ""
        if scope.get("client") and _is_in(scope["client"][0], self.trusted):
            request_id = headers.get("x-request-id", "")
            if headers.get("x-forwarded-proto") in ("http", "https"):
                scope["scheme"] = headers["x-forwarded-proto"]
            scope["client"] = (client_address(scope, self.trusted), 0)
        return request_id if REQUEST_ID.fullmatch(request_id) else secrets.token_hex(8)

    async def _apologise(
        self, error: Exception, scope: Scope, receive: Receive, send: Send, *, begun: bool
    ) -> None:
        metrics.UNEXPECTED.inc()
        reference = report(error, path=scope["path"])
        if not begun:
            answer = refusal(sentence_for(reference), 500, "INTERNAL", reference=reference)
            await answer(scope, receive, send)


def _record(scope: Scope, status: int, seconds: float) -> None:
    """Counts by the route's pattern: paths hold tokens, and there are too many of them."""
    route = getattr(scope.get("route"), "path", "unknown")
    metrics.REQUESTS.labels(scope["method"], route, str(status)).inc()
    metrics.DURATIONS.labels(scope["method"], route).observe(seconds)
    if scope["path"] not in QUIET:
        log.info("answered", method=scope["method"], route=route, status=status, ms=round(seconds * 1000, 1))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_in(address: str, networks: Iterable[Network]) -> bool:
    return _is_address(address) and any(ip_address(address) in network for network in networks)
