"""Orders: placed, asked for, closed. Payment itself is in payer.py."""

from __future__ import annotations

import json
import secrets
from datetime import datetime, timedelta

from sandbox.clock import BEIJING, as_beijing, as_instant, as_text
from sandbox.store import Row
from sandbox.wechat_pay import parameters
from sandbox.wechat_pay.gateway import Gateway
from sandbox.wechat_pay.refusals import Refusal

PREPAY_LIFE = timedelta(hours=2)
DEFAULT_LIFE = timedelta(days=7)  # without time_expire
SHORTEST_LIFE = timedelta(minutes=1)  # an earlier time_expire is moved to it, a later one than 90 days back
LONGEST_LIFE = timedelta(days=90)
STATE_IN_WORDS = {"NOTPAY": "订单未支付", "SUCCESS": "支付成功", "CLOSED": "订单已关闭", "REFUND": "转入退款"}

TABLES = """
CREATE TABLE IF NOT EXISTS orders (
    out_trade_no TEXT PRIMARY KEY, request TEXT NOT NULL, description TEXT NOT NULL, attach TEXT,
    openid TEXT NOT NULL, total_fen INTEGER NOT NULL, notify_url TEXT NOT NULL, state TEXT NOT NULL,
    created_at TEXT NOT NULL, expires_at TEXT NOT NULL, closed_at TEXT,
    transaction_id TEXT UNIQUE, paid_at TEXT);
CREATE TABLE IF NOT EXISTS prepays (
    prepay_id TEXT PRIMARY KEY, out_trade_no TEXT NOT NULL REFERENCES orders, created_at TEXT NOT NULL);
"""


def place(gateway: Gateway, body: Row) -> Row:
    """`POST /v3/pay/transactions/jsapi`: a new prepay_id, also for an open order asked for once more."""
    now = gateway.now()
    order = _checked(gateway, body, now)
    known = find(gateway, order["out_trade_no"])
    if known is None:
        _insert(gateway, order)
    else:
        _check_repeated(known, order)
    prepay_id = f"wx{now.astimezone(BEIJING):%d%H%M%S}{secrets.token_hex(13)}"
    gateway.store.run("INSERT INTO prepays VALUES (?, ?, ?)", prepay_id, order["out_trade_no"], as_text(now))
    return {"prepay_id": prepay_id}


def query(gateway: Gateway, out_trade_no: str) -> Row:
    return shown(gateway, _found(gateway, out_trade_no))


def query_by_transaction(gateway: Gateway, transaction_id: str) -> Row:
    order = gateway.store.row("SELECT * FROM orders WHERE transaction_id = ?", transaction_id)
    if order is None:
        raise Refusal("ORDER_NOT_EXIST", "订单不存在")
    return shown(gateway, order)


def close(gateway: Gateway, out_trade_no: str) -> None:
    """Repeatable; a paid order is refused with ORDER_PAID, whatever was refunded of it."""
    order = _found(gateway, out_trade_no)
    if order["state"] in ("SUCCESS", "REFUND"):
        raise Refusal("ORDER_PAID", "订单已支付，不能关闭")
    if order["state"] == "NOTPAY":
        gateway.store.run(
            "UPDATE orders SET state = 'CLOSED', closed_at = ? WHERE out_trade_no = ?",
            *(as_text(gateway.now()), out_trade_no),
        )


def find(gateway: Gateway, out_trade_no: str) -> Row | None:
    return gateway.store.row("SELECT * FROM orders WHERE out_trade_no = ?", out_trade_no)


def shown(gateway: Gateway, order: Row) -> Row:
    """An order as the query and the notice show it; what only a payment brings is absent before it."""
    answer: Row = {
        "appid": gateway.known.mini_program_appid,
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
        "trade_type": "JSAPI",
        "bank_type": "OTHERS",
        "attach": order["attach"] or "",
        "success_time": as_beijing(as_instant(order["paid_at"])),
        "payer": {"openid": order["openid"]},
    }


def _checked(gateway: Gateway, body: Row, now: datetime) -> Row:
    appid = parameters.text(body, "appid", most=32)
    parameters.text(body, "mchid", most=32)
    order = {
        "out_trade_no": parameters.text(body, "out_trade_no", least=6, most=32, pattern=r"[0-9A-Za-z_\-|*]+"),
        "request": json.dumps(body, sort_keys=True, ensure_ascii=False),
        "description": parameters.text(body, "description", most=127),
        "attach": parameters.optional_text(body, "attach", most=128, least=0),
        "openid": parameters.text(parameters.part(body, "payer"), "openid", most=128),
        "total_fen": parameters.fen(parameters.part(body, "amount"), "total"),
        "notify_url": parameters.notify_url(body, required=True),
        "created_at": as_text(now),
        "expires_at": as_text(_end_of(parameters.time_expire(body), now)),
    }
    parameters.optional_text(body["amount"], "currency", most=16, pattern="CNY")
    if appid != gateway.known.mini_program_appid:
        raise Refusal("APPID_MCHID_NOT_MATCH", "商户号 mchid 与 appid 不匹配")
    return order


def _end_of(time_expire: datetime | None, now: datetime) -> datetime:
    if time_expire is None:
        return now + DEFAULT_LIFE
    return min(max(time_expire, now + SHORTEST_LIFE), now + LONGEST_LIFE)


def _insert(gateway: Gateway, order: Row) -> None:
    names = ", ".join(order)
    marks = ", ".join("?" for _ in order)
    gateway.store.run(f"INSERT INTO orders (state, {names}) VALUES ('NOTPAY', {marks})", *order.values())


def _check_repeated(known: Row, order: Row) -> None:
    if known["state"] in ("SUCCESS", "REFUND"):
        raise Refusal("OUT_TRADE_NO_USED", "商户订单号重复，该订单已支付")
    if known["state"] == "CLOSED":
        raise Refusal("ORDER_CLOSED", "订单已关闭，请使用新的商户订单号下单")
    if known["request"] != order["request"]:
        raise Refusal("INVALID_REQUEST", "请求重入时，参数与首次请求时不一致")
    if as_instant(known["expires_at"]) <= as_instant(order["created_at"]):
        raise Refusal("INVALID_REQUEST", "订单已过支付结束时间，请使用新的商户订单号下单")


def _found(gateway: Gateway, out_trade_no: str) -> Row:
    order = find(gateway, out_trade_no)
    if order is None:
        raise Refusal("ORDER_NOT_EXIST", "订单不存在")
    return order
