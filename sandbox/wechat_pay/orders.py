"""Orders: kept, asked for, closed. They are placed in placing.py and codepay.py, paid in payer.py."""

from __future__ import annotations

from sandbox.clock import as_beijing, as_instant, as_text
from sandbox.store import Row
from sandbox.wechat_pay.gateway import Gateway
from sandbox.wechat_pay.refusals import Refusal

PAID = ("SUCCESS", "REFUND")
OPEN = ("NOTPAY", "USERPAYING")
MICROPAY = "MICROPAY"  # the trade_type of 付款码支付, the only kind that can be reversed
STATE_IN_WORDS = {
    "NOTPAY": "订单未支付",
    "USERPAYING": "需要用户输入支付密码",
    "SUCCESS": "支付成功",
    "PAYERROR": "支付失败，请撤销订单",
    "CLOSED": "订单已关闭",
    "REVOKED": "订单已撤销",
    "REFUND": "转入退款",
}

# openid is '' until somebody pays what any person may pay; notify_url is '' for a payment code, which has none.
TABLES = """
CREATE TABLE IF NOT EXISTS orders (
    out_trade_no TEXT PRIMARY KEY, request TEXT NOT NULL, description TEXT NOT NULL, attach TEXT,
    openid TEXT NOT NULL, total_fen INTEGER NOT NULL, notify_url TEXT NOT NULL, state TEXT NOT NULL,
    created_at TEXT NOT NULL, expires_at TEXT NOT NULL, closed_at TEXT,
    transaction_id TEXT UNIQUE, paid_at TEXT,
    trade_type TEXT NOT NULL DEFAULT 'JSAPI', appid TEXT NOT NULL DEFAULT '');
"""


def query(gateway: Gateway, out_trade_no: str) -> Row:
    return shown(gateway, known(gateway, out_trade_no))


def query_by_transaction(gateway: Gateway, transaction_id: str) -> Row:
    order = gateway.store.row("SELECT * FROM orders WHERE transaction_id = ?", transaction_id)
    if order is None:
        raise Refusal("ORDER_NOT_EXIST", "订单不存在")
    return shown(gateway, order)


def close(gateway: Gateway, out_trade_no: str) -> None:
    """Repeatable; a paid order is refused with ORDER_PAID, whatever was refunded of it."""
    order = known(gateway, out_trade_no)
    if order["state"] in PAID:
        raise Refusal("ORDER_PAID", "订单已支付，不能关闭")
    if order["trade_type"] == MICROPAY:
        raise Refusal("INVALID_REQUEST", "付款码支付的订单不能关闭，请调用撤销接口")
    if order["state"] == "NOTPAY":
        end(gateway, order, "CLOSED")


def end(gateway: Gateway, order: Row, state: str) -> None:
    gateway.store.run(
        "UPDATE orders SET state = ?, closed_at = ? WHERE out_trade_no = ?",
        *(state, as_text(gateway.now()), order["out_trade_no"]),
    )


def find(gateway: Gateway, out_trade_no: str) -> Row | None:
    return gateway.store.row("SELECT * FROM orders WHERE out_trade_no = ?", out_trade_no)


def known(gateway: Gateway, out_trade_no: str) -> Row:
    order = find(gateway, out_trade_no)
    if order is None:
        raise Refusal("ORDER_NOT_EXIST", "订单不存在")
    return order


def shown(gateway: Gateway, order: Row) -> Row:
    """An order as the query and the notice show it; what only a payment brings is absent before it."""
    answer: Row = {
        "appid": order["appid"],
        "mchid": gateway.known.mchid,
        "out_trade_no": order["out_trade_no"],
        "trade_state": order["state"],
        "trade_state_desc": STATE_IN_WORDS[order["state"]],
        "amount": {"total": order["total_fen"], "currency": "CNY"},
    }
    if order["transaction_id"] is None:
        return answer
    answer["amount"] |= {"payer_total": order["total_fen"], "payer_currency": "CNY"}
    return answer | {
        "transaction_id": order["transaction_id"],
        "trade_type": order["trade_type"],
        "bank_type": "OTHERS",
        "attach": order["attach"] or "",
        "success_time": as_beijing(as_instant(order["paid_at"])),
        "payer": {"openid": order["openid"]},
    }
