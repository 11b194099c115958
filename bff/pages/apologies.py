"""What a person's browser is shown where there is nothing for them: a sentence and a way on, instead of JSON.

`/` is where WeChat Pay and Alipay send a payer's browser back to (`PUBLIC_BASE_URL`). What stands in its address is
nobody's word: only a signed notice or a query makes an order paid, so nothing of it is read.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bff.pages.rendering import page


def asks_for_a_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def apology(request: Request, status: int, sentence: str, next_step: str = "", reference: str = "") -> Response:
    """With a link to the desk for whoever was at the desk."""
    return page(
        request,
        "apology.html",
        status,
        sentence=sentence,
        next_step=next_step,
        reference=reference,
        at_desk=request.url.path.startswith("/desk"),
    )


def home_routes() -> list[BaseRoute]:
    return [Route("/", _home, methods=["GET"])]


async def _home(request: Request) -> Response:
    return page(request, "home.html")
