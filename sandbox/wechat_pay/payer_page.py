"""The payer's page: server-rendered, Chinese, for a phone and for a person of 75."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.clock import BEIJING, as_instant
from sandbox.service import pages
from sandbox.store import Row
from sandbox.wechat_pay import notices, orders, payer
from sandbox.wechat_pay.gateway import Gateway

MOST_DONE_SHOWN = 10


@dataclass(frozen=True)
class Outcome:
    """What the person reads after a button was pressed; the mark says it without colour too."""

    mark: str
    tone: str
    title: str
    advice: str


OUTCOMES = {
    "pay": Outcome("✓", "good", "支付成功", "商户马上会收到通知。现在可以回到小程序查看订单。"),
    "pay-late": Outcome(
        "✓", "good", "支付成功（超时后）", "这笔钱在最后一刻付出，商户刚刚才得知：场地若已放开，会自动退款。"
    ),
    "leave": Outcome("–", "calm", "您没有付款", "没有扣钱。支付时间结束前，您可以回到列表继续支付。"),
    "notice-again": Outcome("↻", "calm", "已再次通知商户", "钱只付了一次；商户会再收到一次同样的通知。"),
    "ORDER_PAID": Outcome("✓", "calm", "这笔订单已经付过了", "没有重复扣钱。请回到小程序查看订单。"),
    "ORDER_CLOSED": Outcome("!", "bad", "订单已关闭", "没有扣钱。请回到小程序重新下单。"),
    "ORDER_EXPIRED": Outcome("!", "bad", "支付时间已过", "没有扣钱。请回到小程序重新下单。"),
    "ORDER_NOT_EXIST": Outcome("!", "bad", "没有这笔订单", "没有扣钱。请回到小程序重新下单。"),
}


def routes(gateway: Gateway) -> list[Route]:
    async def overview(_: Request) -> Response:
        waiting = gateway.store.rows("SELECT * FROM orders WHERE state = 'NOTPAY' ORDER BY rowid DESC")
        done = gateway.store.rows(
            "SELECT * FROM orders WHERE state <> 'NOTPAY' ORDER BY rowid DESC LIMIT ?", MOST_DONE_SHOWN
        )
        now = gateway.now()
        shown = {"waiting": [_shown(row, now) for row in waiting], "done": [_shown(row, now) for row in done]}
        return HTMLResponse(pages.get_template("payer.html").render(shown))

    async def press(request: Request) -> Response:
        """Do what the button says, then show the outcome at an address of its own (a reload repeats nothing)."""
        number, button = request.path_params["out_trade_no"], request.path_params["button"]
        outcome = button
        try:
            with gateway.store.transaction():
                if button in ("pay", "pay-late"):
                    payer.pay(gateway, {"out_trade_no": number, "late": button == "pay-late"})
                elif button == "notice-again":
                    notices.send_again(gateway, number)
        except payer.Declined as declined:
            outcome = declined.code
        return RedirectResponse(request.url_for("outcome", out_trade_no=number, outcome=outcome), 303)

    async def show_outcome(request: Request) -> Response:
        outcome = OUTCOMES.get(request.path_params["outcome"])
        order = orders.find(gateway, request.path_params["out_trade_no"])
        claims_payment = outcome is not None and outcome.tone == "good"
        if outcome is None or (claims_payment and (order is None or order["transaction_id"] is None)):
            return RedirectResponse("/payer", 303)  # an address typed by hand must not claim a payment
        shown = {"outcome": outcome, "order": order and _shown(order, gateway.now())}
        return HTMLResponse(pages.get_template("payer_outcome.html").render(shown))

    return [
        Route("/payer", overview),
        Route("/payer/{out_trade_no}/{button}", press, methods=["POST"]),
        Route("/payer/{out_trade_no}/{outcome}", show_outcome, name="outcome"),
    ]


def _shown(order: Row, now: datetime) -> Row:
    expires_at = as_instant(order["expires_at"])
    return {
        "out_trade_no": order["out_trade_no"],
        "description": order["description"],
        "yuan": f"{order['total_fen'] // 100}.{order['total_fen'] % 100:02d}",
        "deadline": f"{expires_at.astimezone(BEIJING):%m月%d日 %H:%M}",
        "expired": now >= expires_at,
        "state": order["state"],
        "state_in_words": orders.STATE_IN_WORDS[order["state"]],
    }
