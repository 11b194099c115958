"""`/gateway.do`: which method does what, and the one way in and out that they share."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.alipay import barcode, door, offers, people, refunds, statements, trades
from sandbox.alipay.door import Asked, Parameters
from sandbox.alipay.gateway import Gateway, Identity
from sandbox.alipay.refusals import Refusal
from sandbox.service import pages, under_faults
from sandbox.store import Row

PAGES = {"alipay.trade.wap.pay", "alipay.trade.page.pay"}  # asked for by the payer's browser, not by the merchant
METHODS: dict[str, Callable[[Gateway, Asked], Row]] = {
    "alipay.trade.precreate": offers.precreate,
    "alipay.trade.pay": barcode.pay,
    "alipay.trade.query": lambda gateway, asked: trades.query(gateway, asked.biz),
    "alipay.trade.close": lambda gateway, asked: trades.close(gateway, asked.biz),
    "alipay.trade.cancel": lambda gateway, asked: refunds.cancel(gateway, asked.biz),
    "alipay.trade.refund": lambda gateway, asked: refunds.refund(gateway, asked.biz),
    "alipay.trade.fastpay.refund.query": lambda gateway, asked: refunds.query(gateway, asked.biz),
    "alipay.data.dataservice.bill.downloadurl.query": statements.ask,
    "alipay.system.oauth.token": lambda gateway, asked: people.exchange(gateway, asked.parameters),
}
OLD = {"alipay.system.oauth.token"}  # an answer without a code, a refusal in `error_response`
KNOWN = PAGES | METHODS.keys()


def routes(gateway: Gateway) -> list[Route]:
    async def gateway_do(request: Request) -> Response:
        async def act() -> Response:
            try:
                parameters = await door.read_parameters(request)
            except Refusal as refusal:
                return door.enveloped("", refusal.answer, None)
            respond = to_cashier if parameters.get("method") in PAGES else answered
            return respond(gateway, parameters, str(request.base_url))

        return await under_faults(gateway.service, act, broken)

    async def bill(request: Request) -> Response:
        async def act() -> Response:
            return statements.download(gateway, request)

        return await under_faults(gateway.service, act, broken)

    return [
        Route("/gateway.do", gateway_do, methods=["GET", "POST"]),
        Route(statements.PATH, bill),
    ]


def answered(gateway: Gateway, parameters: Parameters, base_url: str) -> Response:
    method = parameters.get("method", "")
    named = method in METHODS.keys() | door.WITHOUT_CONTRACT
    identity: Identity | None = None
    try:
        certificate_mode = door.identified(gateway, parameters, KNOWN)
        identity = gateway.identity(certificate_mode=certificate_mode)
        asked = door.understood(gateway, parameters, base_url, certificate_mode=certificate_mode)
        content = _done(gateway, asked)
    except Refusal as refusal:
        content = refusal.answer
    if method in OLD and "sub_code" in content:
        named = False
    return door.enveloped(method if named else "", content, identity)


def _done(gateway: Gateway, asked: Asked) -> Row:
    """A refusal is kept too: whoever was refused because a trade timed out was thereby told that it is closed."""
    with gateway.store.transaction():
        try:
            done = METHODS[asked.method](gateway, asked)
            return done if asked.method in OLD else {"code": "10000", "msg": "Success"} | done
        except Refusal as refusal:
            return refusal.answer


def to_cashier(gateway: Gateway, parameters: Parameters, base_url: str) -> Response:
    """The payer's browser goes to the cashier page, or reads on a page why not."""
    try:
        with gateway.store.transaction():
            offer = page_offer(gateway, parameters, base_url)
    except Refusal as refusal:
        shown = {"title": "暂时不能付款", "message": refusal.message, "code": refusal.sub_code}
        return HTMLResponse(pages.get_template("alipay_error.html").render(shown))
    return RedirectResponse(f"/cashier/{offer['token']}", 302)


def page_offer(gateway: Gateway, parameters: Parameters, base_url: str) -> Row:
    certificate_mode = door.identified(gateway, parameters, PAGES)
    asked = door.understood(gateway, parameters, base_url, certificate_mode=certificate_mode)
    return offers.open_page(gateway, asked)


def broken() -> Response:
    return PlainTextResponse("Internal Server Error", 500)
