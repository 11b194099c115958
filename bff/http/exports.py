"""Everything that is held about somebody, as a file: GET /exports/{token}, once, within ten minutes.

The token is the credential: whoever is signed in got it by `exportMyData`. What was once fetched, unknown or
expired is the same 404. The file is written while it is sent; nothing of it stays here or in a cache.
"""

from collections.abc import Callable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from bff.pages.apologies import apology, asks_for_a_page
from models.errors import DomainError, ErrorCode
from models.members.standing import MemberGone
from models.privacy import exporting
from models.privacy.rules import ExportUnknown, PrivacyKeys

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
FILE_NAME = "my-data.json"


def export_routes(*, keys: PrivacyKeys, clock: Callable[[], datetime]) -> list[BaseRoute]:
    """The one route. A HEAD, as a browser's preview sends it, uses nothing up."""

    async def export(request: Request) -> Response:
        if request.method != "GET":
            return Response(status_code=405, headers={**HEADERS, "Allow": "GET"})
        now = clock()
        try:
            member_id = await exporting.redeem(token=request.path_params["token"], now=now)
        except (ExportUnknown, MemberGone):
            return _refused(request, ExportUnknown(), 404)
        except DomainError as refusal:
            return _refused(request, refusal, 503 if refusal.code is ErrorCode.BUSY else 400)
        return StreamingResponse(
            exporting.written(member_id=member_id, keys=keys, now=now),
            media_type="application/json",
            headers={**HEADERS, "Content-Disposition": f'attachment; filename="{FILE_NAME}"'},
        )

    return [Route("/exports/{token}", export, methods=["GET"])]


def _refused(request: Request, refusal: DomainError, status: int) -> Response:
    """Whoever opened an old link in a browser is shown a page."""
    if asks_for_a_page(request):
        page = apology(request, status, refusal.message, refusal.next_step or "")
        page.headers.update(HEADERS)
        return page
    return PlainTextResponse(refusal.sentence(), status, headers=HEADERS)
