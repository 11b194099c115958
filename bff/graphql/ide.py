"""GraphiQL for developers, from our own files: a browser that opens /graphql gets it, in development only."""

from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from bff.pages.rendering import STATIC

FILES = STATIC / "graphiql"
POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; font-src data:; "
    "style-src 'self' 'sha256-nzTgYzXYDNe6BAHiiI7NNlfK8n/auuOAhh2t92YvuXo='; "  # with which a dialog stops scrolling
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
"""Our own files only. GraphiQL's style sheet holds its fonts and arrows as data."""


class Ide:
    """The page itself."""

    def __init__(self) -> None:
        self._page = (FILES / "index.html").read_bytes()
        self._headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-length", b"%d" % len(self._page)),
            (b"content-security-policy", POLICY.encode()),
            (b"vary", b"Accept"),
        ]

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._page})


def ide_routes() -> list[BaseRoute]:
    """Where the page finds its scripts and styles."""
    return [Mount("/graphql/ide", StaticFiles(directory=FILES))]
