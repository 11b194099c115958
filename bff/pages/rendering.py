"""Turns a template into a page that runs only our own files."""

from hashlib import sha256
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates
from starlette.types import Scope

HERE = Path(__file__).parent
STATIC = HERE / "static"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # not "no-referrer": with it a browser's form sends "Origin: null"
    "Cache-Control": "no-store",
}

_templates = Jinja2Templates(directory=HERE / "templates")


def page(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    return _templates.TemplateResponse(request, template, context, status_code=status, headers=HEADERS)


def _fingerprint() -> str:
    """Goes into the addresses of static files, so that a browser never mixes two releases."""
    files = sorted(file for file in STATIC.rglob("*") if file.is_file())
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:10]


RELEASE = _fingerprint()
_templates.env.globals["release"] = RELEASE


class OwnFiles(StaticFiles):
    """Static files of this release, which a browser keeps: old PCs on slow lines load them once. An address of another
    release, while a deployment goes on, is asked for again."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        is_ours = response.status_code == 200 and scope["query_string"] == RELEASE.encode()
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if is_ours else "no-cache"
        return response
