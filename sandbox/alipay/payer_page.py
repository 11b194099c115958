"""The payer's page: every order that waits, a place for a QR code, a payment code to show. Chinese, for a phone."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox import deliveries
from sandbox.alipay import offers, orders, payer, people, trades
from sandbox.alipay.cashier import form_of
from sandbox.alipay.gateway import Gateway
from sandbox.service import pages
from sandbox.store import Row

MOST_DONE_SHOWN = 10


@dataclass(frozen=True)
class Outcome:
    """What the person reads after a button was pressed; the mark says it without colour too."""

    mark: str
    tone: str
    title: str
    advice: str


OUTCOMES = {
    "pay": Outcome("✓", "good", "支付成功", "商户马上会收到通知。现在可以回到商户的页面查看订单。"),
    "pay-late": Outcome(
        "✓", "good", "支付成功（超时后）", "这笔钱在最后一刻付出，商户刚刚才得知：场地若已放开，会自动退款。"
    ),
    "leave": Outcome("–", "calm", "您没有付款", "没有扣钱。支付时间结束前，您可以回到列表继续支付。"),
    "notice-again": Outcome("↻", "calm", "已再次通知商户", "钱只付了一次；商户会再收到一次同样的通知。"),
    "TRADE_HAS_SUCCESS": Outcome("✓", "calm", "这笔订单已经付过了", "没有重复扣钱。请回到商户的页面查看订单。"),
    "TRADE_HAS_CLOSE": Outcome("!", "bad", "交易已关闭", "没有扣钱。请回到商户的页面重新下单。"),
    "TRADE_EXPIRED": Outcome("!", "bad", "支付时间已过", "没有扣钱。请回到商户的页面重新下单。"),
    "TRADE_NOT_EXIST": Outcome("!", "bad", "没有这笔订单", "没有扣钱。请回到商户的页面重新下单。"),
    "QR_CODE_INVALID": Outcome("!", "bad", "二维码无效", "没有扣钱。请核对后再粘贴一次，或请商户重新出码。"),
}


def routes(gateway: Gateway) -> list[Route]:
    async def overview(_: Request) -> Response:
        return HTMLResponse(pages.get_template("alipay_payer.html").render(_overview(gateway)))

    async def scan(request: Request) -> Response:
        try:
            offer = payer.offer_of_qr_code(gateway, (await form_of(request)).get("qr_code", ""))
        except payer.Declined as declined:
            return RedirectResponse(f"/payer/-/{declined.code}", 303)
        return RedirectResponse(f"/cashier/{offer['token']}", 303)

    async def show_code(request: Request) -> Response:
        try:
            person = payer.person(gateway, (await form_of(request)).get("buyer_user_id"))
        except payer.Declined as declined:
            return RedirectResponse(f"/payer/-/{declined.code}", 303)
        shown = {"auth_code": people.show_code(gateway, person), "person": person}
        return HTMLResponse(pages.get_template("alipay_code.html").render(shown))

    async def press(request: Request) -> Response:
        """Do what the button says, then show the outcome at an address of its own (a reload repeats nothing)."""
        number, button = request.path_params["out_trade_no"], request.path_params["button"]
        outcome = button
        try:
            with gateway.store.transaction():
                _press(gateway, number, button)
        except payer.Declined as declined:
            outcome = declined.code
        return RedirectResponse(f"/payer/{number}/{outcome}", 303)

    async def show_outcome(request: Request) -> Response:
        outcome = OUTCOMES.get(request.path_params["outcome"])
        trade = trades.find(gateway, request.path_params["out_trade_no"])
        claims_payment = outcome is not None and outcome.tone == "good"
        if outcome is None or (claims_payment and (trade is None or trade["paid_at"] is None)):
            return RedirectResponse("/payer", 303)  # an address typed by hand must not claim a payment
        shown = {"outcome": outcome, "order": trade and payer.shown(gateway, trade)}
        return HTMLResponse(pages.get_template("alipay_outcome.html").render(shown))

    return [
        Route("/payer", overview),
        Route("/payer/scan", scan, methods=["POST"]),
        Route("/payer/code", show_code, methods=["POST"]),
        Route("/payer/{out_trade_no}/{button}", press, methods=["POST"]),
        Route("/payer/{out_trade_no}/{outcome}", show_outcome),
    ]


def _press(gateway: Gateway, number: str, button: str) -> None:
    asked: Row = {"out_trade_no": number, "late": button == "pay-late"}
    if button in ("pay", "pay-late"):
        payer.pay(gateway, asked)
    elif button == "leave":
        payer.refuse(gateway, asked)
    elif button == "notice-again":
        deliveries.send_again(gateway, number)


def _overview(gateway: Gateway) -> Row:
    unopened = [orders.from_json(offer["request"]) | offer for offer in offers.unopened(gateway)]
    waiting = gateway.store.rows("SELECT * FROM trades WHERE state = 'WAIT_BUYER_PAY' ORDER BY rowid DESC")
    done = gateway.store.rows(
        "SELECT * FROM trades WHERE state <> 'WAIT_BUYER_PAY' ORDER BY rowid DESC LIMIT ?", MOST_DONE_SHOWN
    )
    return {
        "waiting": [payer.shown(gateway, row) for row in unopened + waiting],
        "done": [payer.shown(gateway, row) for row in done],
        "people": people.everybody(gateway),
    }
