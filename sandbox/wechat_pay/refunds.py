"""Refunds: accepted at once, settled a little later, then noticed."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta

from sandbox.clock import as_beijing, as_instant, as_text
from sandbox.store import Row
from sandbox.wechat_pay import notices, orders, parameters
from sandbox.wechat_pay.gateway import Gateway
from sandbox.wechat_pay.refusals import Refusal, bad_parameter

DEFAULT_SECONDS = 0.2  # until a refund settles; the fault refund_seconds changes it
DEFAULT_INTERVAL_SECONDS = 60  # between two refunds of one order; the fault refund_interval_seconds changes it
MOST_OF_ONE_ORDER = 50
REFUNDABLE_FOR = timedelta(days=365)
MONEY_STILL_OUT = "state <> 'CLOSED'"  # a closed refund gives the money back to what can be refunded

# ends_as says how it settles whatever the fault refunds_end_as says: a refund that was led elsewhere arrives.
TABLES = """
CREATE TABLE IF NOT EXISTS refunds (
    out_refund_no TEXT PRIMARY KEY, refund_id TEXT NOT NULL UNIQUE,
    out_trade_no TEXT NOT NULL REFERENCES orders, request TEXT NOT NULL, refund_fen INTEGER NOT NULL,
    notify_url TEXT, state TEXT NOT NULL, created_at TEXT NOT NULL, settles_at TEXT NOT NULL,
    settled_at TEXT, account TEXT NOT NULL DEFAULT '支付用户零钱', ends_as TEXT);
"""


def ask(gateway: Gateway, body: Row) -> Row:
    """`POST /v3/refund/domestic/refunds`: the same out_refund_no with the same parameters is the same refund."""
    out_refund_no = parameters.text(body, "out_refund_no", most=64, pattern=r"[0-9A-Za-z_\-|*@]+")
    parameters.optional_text(body, "reason", most=80)
    notify_url = parameters.notify_url(body, required=False)
    amount = parameters.part(body, "amount")
    refund_fen, total_fen = parameters.fen(amount, "refund"), parameters.fen(amount, "total")
    parameters.text(amount, "currency", most=16, pattern="CNY")
    order = _order_of(gateway, body)

    request = json.dumps(body, sort_keys=True, ensure_ascii=False)
    known = find(gateway, out_refund_no)
    if known is not None:
        if known["request"] != request:
            raise Refusal("INVALID_REQUEST", "商户退款单号已存在，且退款参数与之前不一致")
        return shown(known, order)
    _check_amount(gateway, order, refund_fen=refund_fen, total_fen=total_fen)
    _check_interval(gateway, order)
    _keep(gateway, order, out_refund_no, request, refund_fen, notify_url)
    gateway.store.run("UPDATE orders SET state = 'REFUND' WHERE out_trade_no = ?", order["out_trade_no"])
    return query(gateway, out_refund_no)


def give_back_whole(gateway: Gateway, order: Row) -> None:
    """What 撤销 does with a paid order. The statement shows it under the order's own number (交易账单)."""
    number = order["out_trade_no"]
    if gateway.store.rows("SELECT * FROM refunds WHERE ? IN (out_trade_no, out_refund_no)", number):
        raise Refusal("INVALID_REQUEST", "订单已有退款，请调用申请退款接口")
    _keep(gateway, order, number, "", order["total_fen"], None)


def query(gateway: Gateway, out_refund_no: str) -> Row:
    refund = find(gateway, out_refund_no)
    if refund is None:
        raise Refusal("RESOURCE_NOT_EXISTS", "退款单不存在")
    return shown(refund, orders.known(gateway, refund["out_trade_no"]))


def settle_due(gateway: Gateway) -> None:
    """Settle every refund whose time has come, each with its notice in the same transaction."""
    now = gateway.now()
    usual = gateway.faults.get("refunds_end_as", "SUCCESS")
    due = gateway.store.rows(
        "SELECT * FROM refunds WHERE state = 'PROCESSING' AND settles_at <= ? ORDER BY settles_at",
        as_text(now),
    )
    for refund in due:
        ending = refund["ends_as"] or usual
        with gateway.store.transaction():
            gateway.store.run(
                "UPDATE refunds SET state = ?, settled_at = ? WHERE out_refund_no = ?",
                *(ending, as_text(now), refund["out_refund_no"]),
            )
            if refund["notify_url"]:
                settled = refund | {"state": ending, "settled_at": as_text(now)}
                notices.add_refund_notice(gateway, settled)


def shown(refund: Row, order: Row) -> Row:
    amount = {
        "total": order["total_fen"],
        "refund": refund["refund_fen"],
        "payer_total": order["total_fen"],
        "payer_refund": refund["refund_fen"],
        "settlement_total": order["total_fen"],
        "settlement_refund": refund["refund_fen"],
        "discount_refund": 0,
        "currency": "CNY",
        "from": [],
    }
    answer = {
        "refund_id": refund["refund_id"],
        "out_refund_no": refund["out_refund_no"],
        "transaction_id": order["transaction_id"],
        "out_trade_no": order["out_trade_no"],
        "channel": channel(refund),
        "user_received_account": refund["account"],
        "create_time": as_beijing(as_instant(refund["created_at"])),
        "status": refund["state"],
        "funds_account": "AVAILABLE",
        "amount": amount,
        "promotion_detail": [],
    }
    if refund["state"] == "SUCCESS":
        answer["success_time"] = as_beijing(as_instant(refund["settled_at"]))
    return answer


def channel(refund: Row) -> str:
    return "OTHER_BANKCARD" if refund["ends_as"] else "ORIGINAL"


def _order_of(gateway: Gateway, body: Row) -> Row:
    transaction_id = parameters.optional_text(body, "transaction_id", most=32)
    out_trade_no = parameters.optional_text(body, "out_trade_no", most=32)
    if transaction_id is None and out_trade_no is None:
        raise bad_parameter("transaction_id", "与 out_trade_no 二选一必填")
    order = gateway.store.row(  # by whichever was given; given both, they must agree
        "SELECT * FROM orders WHERE ? IN (transaction_id, '') AND ? IN (out_trade_no, '')",
        *(transaction_id or "", out_trade_no or ""),
    )
    if order is None:
        raise Refusal("RESOURCE_NOT_EXISTS", "订单不存在")
    return order


def _check_amount(gateway: Gateway, order: Row, *, refund_fen: int, total_fen: int) -> None:
    if order["transaction_id"] is None:
        raise Refusal("INVALID_REQUEST", "订单未支付，不能退款")
    if total_fen != order["total_fen"]:
        raise Refusal("INVALID_REQUEST", "订单金额与原订单不一致")
    if gateway.now() > as_instant(order["paid_at"]) + REFUNDABLE_FOR:
        raise Refusal("INVALID_REQUEST", "订单已超过一年，不能退款")
    of_order = f"FROM refunds WHERE out_trade_no = ? AND {MONEY_STILL_OUT}"
    already = gateway.store.figure(f"SELECT sum(refund_fen) {of_order}", order["out_trade_no"])
    if already + refund_fen > order["total_fen"]:
        raise Refusal("INVALID_REQUEST", "申请退款金额大于订单可退金额")
    if gateway.store.figure(f"SELECT count(*) {of_order}", order["out_trade_no"]) >= MOST_OF_ONE_ORDER:
        raise Refusal("INVALID_REQUEST", f"一笔订单最多退款 {MOST_OF_ONE_ORDER} 次")
    if gateway.faults.is_on("merchant_balance_empty"):
        raise Refusal("NOT_ENOUGH", "商户可用余额不足，请充值后用原退款单号重试")


def _check_interval(gateway: Gateway, order: Row) -> None:
    seconds = float(gateway.faults.get("refund_interval_seconds", DEFAULT_INTERVAL_SECONDS))
    since = as_text(gateway.now() - timedelta(seconds=seconds))
    if gateway.store.figure(
        "SELECT count(*) FROM refunds WHERE out_trade_no = ? AND created_at > ?", order["out_trade_no"], since
    ):
        raise Refusal("FREQUENCY_LIMITED", "单笔订单请求频率过高，请于1分钟后重试")


def settles_at(gateway: Gateway) -> str:
    """When a refund that is put on its way now arrives, as text."""
    seconds = float(gateway.faults.get("refund_seconds", DEFAULT_SECONDS))
    return as_text(gateway.now() + timedelta(seconds=seconds))


def find(gateway: Gateway, out_refund_no: str) -> Row | None:
    return gateway.store.row("SELECT * FROM refunds WHERE out_refund_no = ?", out_refund_no)


def _keep(
    gateway: Gateway, order: Row, out_refund_no: str, request: str, refund_fen: int, notify_url: str | None
) -> None:
    now = gateway.now()
    refund_id = f"5030{now:%Y%m%d}" + f"{secrets.randbelow(10**17):017d}"
    gateway.store.run(
        """INSERT INTO refunds (out_refund_no, refund_id, out_trade_no, request, refund_fen, notify_url,
             state, created_at, settles_at) VALUES (?, ?, ?, ?, ?, ?, 'PROCESSING', ?, ?)""",
        *(out_refund_no, refund_id, order["out_trade_no"], request, refund_fen, notify_url),
        *(as_text(now), settles_at(gateway)),
    )
    gateway.wake.set()
