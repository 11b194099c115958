"""The cashier page that a wap or page payment opens: sign in, pay or leave, go back to the merchant."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.alipay import offers, orders, parameters, payer, people, signing, trades
from sandbox.alipay.gateway import Gateway
from sandbox.service import pages
from sandbox.store import Row


def routes(gateway: Gateway) -> list[Route]:
    async def show(request: Request) -> Response:
        return _page(gateway, request.path_params["token"], left=False)

    async def show_left(request: Request) -> Response:
        return _page(gateway, request.path_params["token"], left=True)

    async def press(request: Request) -> Response:
        """Do what the button says, then show the page at its own address (a reload repeats nothing)."""
        token, button = request.path_params["token"], request.path_params["button"]
        chosen = await form_of(request)
        offer = offers.find(gateway, token)
        if offer is None:
            return problem("TRADE_NOT_EXIST", "没有这笔订单")
        try:
            with gateway.store.transaction():
                _press(gateway, offer, button, chosen.get("buyer_user_id"))
        except payer.Declined as declined:
            return problem(declined.code, str(declined))
        return RedirectResponse(f"/cashier/{token}" + ("/left" if button == "leave" else ""), 303)

    return [
        Route("/cashier/{token}", show),
        Route("/cashier/{token}/left", show_left),
        Route("/cashier/{token}/{button}", press, methods=["POST"]),
    ]


async def form_of(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode(errors="replace")))


def problem(code: str, message: str) -> Response:
    shown = {"title": "没有付款", "message": message, "code": code}
    return HTMLResponse(pages.get_template("alipay_error.html").render(shown))


def return_address(gateway: Gateway, trade: Row) -> str | None:
    """return_url with the signed synchronous parameters (同步返回): they say where to look, not that it is paid."""
    if not trade["return_url"]:
        return None
    content = {
        "charset": "utf-8",
        "method": f"{trade['method']}.return",
        "app_id": gateway.app_id,
        "auth_app_id": gateway.app_id,
        "seller_id": gateway.seller_id,
        "out_trade_no": trade["out_trade_no"],
        "trade_no": trade["trade_no"],
        "total_amount": parameters.yuan(trade["total_fen"]),
        "timestamp": parameters.beijing(gateway.now()),
        "version": "1.0",
        "sign_type": "RSA2",
    }
    identity = gateway.identity(certificate_mode=bool(trade["certificate_mode"]))
    content["sign"] = signing.signature(identity.key, signing.notice_content(content))
    return f"{trade['return_url']}{'&' if '?' in trade['return_url'] else '?'}{urlencode(content)}"


def _press(gateway: Gateway, offer: Row, button: str, buyer_user_id: str | None) -> None:
    if button in ("sign-in", "leave"):
        payer.sign_in(gateway, offer, buyer_user_id, late=False)
    elif button in ("pay", "pay-late"):
        late = button == "pay-late"
        trade = payer.sign_in(gateway, offer, buyer_user_id, late=late)
        payer.pay_trade(gateway, trade, late=late)


def _page(gateway: Gateway, token: str, *, left: bool) -> Response:
    offer = offers.find(gateway, token)
    if offer is None:
        return problem("TRADE_NOT_EXIST", "没有这笔订单")
    order = orders.from_json(offer["request"])
    trade = trades.find(gateway, offer["out_trade_no"])
    shown = {
        "token": token,
        "order": payer.shown(gateway, trade or order | offer),
        "people": people.everybody(gateway),
        "left": left,
        "back": return_address(gateway, trade) if trade and trade["paid_at"] else None,
        "quit_url": order["quit_url"] or order["return_url"],
    }
    return HTMLResponse(pages.get_template("alipay_cashier.html").render(shown))
