"""The payer's page: server-rendered, Chinese, for a phone and for a person of 75."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox import deliveries
from sandbox.clock import BEIJING, as_instant
from sandbox.service import pages
from sandbox.store import Row
from sandbox.wechat_pay import codepay, orders, payer
from sandbox.wechat_pay.gateway import Gateway

MOST_DONE_SHOWN = 10
KIND_IN_WORDS = {
    "JSAPI": "微信里的订单",
    "MWEB": "手机浏览器里的订单",
    "NATIVE": "扫码订单",
    "MICROPAY": "付款码订单",
}


@dataclass(frozen=True)
class Outcome:
    """What the person reads after a button was pressed; the mark says it without colour too."""

    mark: str
    tone: str
    title: str
    advice: str


DONE = {
    "pay": Outcome("✓", "good", "支付成功", "商户马上会得知。现在可以回到商户查看订单。"),
    "pay-late": Outcome(
        "✓", "good", "支付成功（超时后）", "这笔钱在最后一刻付出，商户刚刚才得知：场地若已放开，会自动退款。"
    ),
    "leave": Outcome("–", "calm", "您没有付款", "没有扣钱。支付时间结束前，您可以回到列表继续支付。"),
    "refuse": Outcome("–", "calm", "您取消了付款", "没有扣钱。收银员会看到支付失败。"),
    "notice-again": Outcome("↻", "calm", "已再次通知商户", "钱只付了一次；商户会再收到一次同样的通知。"),
}
DECLINED = {
    "ORDER_PAID": Outcome(
        "✓",
        "calm",
        "这笔订单已经付过了",
        "微信提示：该订单已支付，无需重复支付。没有重复扣钱。请回到商户查看订单。",
    ),
    "ORDER_CLOSED": Outcome("!", "bad", "订单已关闭", "没有扣钱。请回到商户重新下单。"),
    "ORDER_EXPIRED": Outcome("!", "bad", "支付时间已过", "没有扣钱。请回到商户重新下单。"),
    "ORDER_NOT_EXIST": Outcome("!", "bad", "没有这笔订单", "没有扣钱。请回到商户重新下单。"),
    "ORDER_NOT_USERPAYING": Outcome("!", "bad", "这笔订单没有在等您确认", "没有扣钱。请问一问收银员。"),
    "PREPAY_EXPIRED": Outcome("!", "bad", "这个支付链接已过期", "没有扣钱。请回到商户，重新点一次支付。"),
    "PREPAY_NOT_EXIST": Outcome("!", "bad", "没有找到这个支付链接", "没有扣钱。请看看链接或二维码内容是否完整。"),
}


def routes(gateway: Gateway) -> list[Route]:
    async def overview(_: Request) -> Response:
        return HTMLResponse(pages.get_template("payer.html").render(_overview(gateway)))

    async def press(request: Request) -> Response:
        """Do what the button says, then show the outcome at an address of its own (a reload repeats nothing)."""
        number, outcome = request.path_params["out_trade_no"], request.path_params["button"]
        try:
            with gateway.store.transaction():
                _do(gateway, number, outcome)
        except payer.Declined as declined:
            outcome = declined.code
        return RedirectResponse(request.url_for("outcome", out_trade_no=number, outcome=outcome), 303)

    async def show_outcome(request: Request) -> Response:
        outcome = (DONE | DECLINED).get(request.path_params["outcome"])
        order = orders.find(gateway, request.path_params["out_trade_no"])
        claims_payment = outcome is not None and outcome.tone == "good"
        if outcome is None or (claims_payment and (order is None or order["transaction_id"] is None)):
            return RedirectResponse("/payer", 303)  # an address typed by hand must not claim a payment
        return outcome_page(outcome, order=order and shown(order, gateway.now()))

    async def new_code(_: Request) -> Response:
        code = codepay.new_code(gateway, payer.PASSER_BY)
        return HTMLResponse(pages.get_template("payer_code.html").render(code=code))

    return [
        Route("/payer", overview),
        Route("/payer/code", new_code, methods=["POST"]),
        Route("/payer/{out_trade_no}/{button}", press, methods=["POST"]),
        Route("/payer/{out_trade_no}/{outcome}", show_outcome, name="outcome"),
    ]


def outcome_page(outcome: Outcome, *, order: Row | None = None, back_to: str | None = None) -> Response:
    known = {"outcome": outcome, "order": order, "back_to": back_to}
    return HTMLResponse(pages.get_template("payer_outcome.html").render(known))


def outcome_of(declined: payer.Declined) -> Outcome:
    """What the person reads; where there is nothing plainer, WeChat's own sentence."""
    unknown = Outcome("!", "bad", str(declined), "没有扣钱。请回到商户重新下单。")
    return DECLINED.get(declined.code, unknown)


def shown(order: Row, now: datetime) -> Row:
    expires_at = as_instant(order["expires_at"])
    return {
        "out_trade_no": order["out_trade_no"],
        "description": order["description"],
        "kind": KIND_IN_WORDS[order["trade_type"]],
        "yuan": f"{order['total_fen'] // 100}.{order['total_fen'] % 100:02d}",
        "deadline": f"{expires_at.astimezone(BEIJING):%m月%d日 %H:%M}",
        "expired": now >= expires_at,
        "state": order["state"],
        "state_in_words": orders.STATE_IN_WORDS[order["state"]],
        "paid": order["transaction_id"] is not None,
        "has_notices": bool(order["notify_url"]),
    }


def _overview(gateway: Gateway) -> Row:
    is_open = "state IN ('NOTPAY', 'USERPAYING')"
    waiting = gateway.store.rows(f"SELECT * FROM orders WHERE {is_open} ORDER BY rowid DESC")
    done = gateway.store.rows(
        f"SELECT * FROM orders WHERE NOT {is_open} ORDER BY rowid DESC LIMIT ?", MOST_DONE_SHOWN
    )
    now = gateway.now()
    return {"waiting": [shown(row, now) for row in waiting], "done": [shown(row, now) for row in done]}


def _do(gateway: Gateway, number: str, button: str) -> None:
    if button in ("pay", "pay-late"):
        payer.pay(gateway, {"out_trade_no": number, "late": button == "pay-late"})
    elif button == "refuse":
        payer.refuse(gateway, number)
    elif button == "notice-again":
        deliveries.send_again(gateway, number)
