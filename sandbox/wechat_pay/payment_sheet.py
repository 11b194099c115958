"""One order on the payer's phone, reached by an h5_url or by scanning a code_url: pay it, or leave.

The address names the order, so the buttons post to the address itself.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.service import pages
from sandbox.store import Row
from sandbox.wechat_pay import payer, placing
from sandbox.wechat_pay.gateway import Gateway
from sandbox.wechat_pay.payer_page import outcome_of, outcome_page, shown

SCAN_PATH = "/payer/scan"


def routes(gateway: Gateway) -> list[Route]:
    return [
        _route(gateway, placing.H5_PATH, lambda url: {"h5_url": str(url)}),
        _route(gateway, SCAN_PATH, lambda url: {"code_url": _asked_for(url, "code_url")}),
    ]


def _route(gateway: Gateway, path: str, named_by: Callable[[URL], Row]) -> Route:
    async def sheet(request: Request) -> Response:
        back_to = _back_to(request.url)
        pressed = parse_qs((await request.body()).decode(errors="replace")).get("button", [""])[0]
        if pressed == "leave":
            return RedirectResponse(back_to or "/payer", 303)
        try:
            with gateway.store.transaction():
                order = payer.named(gateway, named_by(request.url))
                if pressed == "pay":
                    payer.pay(gateway, named_by(request.url))
        except payer.Declined as declined:
            return outcome_page(outcome_of(declined), back_to=back_to)
        if pressed == "pay":
            return RedirectResponse(back_to or f"/payer/{order['out_trade_no']}/pay", 303)
        known = {"order": shown(order, gateway.now()), "back_to": back_to}
        return HTMLResponse(pages.get_template("payer_sheet.html").render(known))

    return Route(path, sheet, methods=["GET", "POST"])


def _asked_for(url: URL, name: str) -> str:
    return parse_qs(url.query).get(name, [""])[0]


def _back_to(url: URL) -> str | None:
    """Where the merchant wants the person back; WeChat Pay tells it nothing of the result (H5支付, redirect_url)."""
    wanted = _asked_for(url, "redirect_url")
    return wanted if urlsplit(wanted).scheme in ("http", "https") else None
