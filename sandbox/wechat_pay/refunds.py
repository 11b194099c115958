"""Refunds: accepted at once, settled a little later, then noticed."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta

from sandbox.clock import as_beijing, as_instant, as_text
from sandbox.store import Row
from sandbox.wechat_pay import notices, parameters
from sandbox.wechat_pay.gateway import Gateway
from sandbox.wechat_pay.refusals import Refusal, bad_parameter

DEFAULT_SECONDS = 0.2  # until a refund settles; the fault refund_seconds changes it
MOST_OF_ONE_ORDER = 50
REFUNDABLE_FOR = timedelta(days=365)
MONEY_STILL_OUT = "state <> 'CLOSED'"  # a closed refund gives the money back to what can be refunded
USER_ACCOUNT = "支付用户零钱"

TABLES = """
CREATE TABLE IF NOT EXISTS refunds (
    out_refund_no TEXT PRIMARY KEY, refund_id TEXT NOT NULL UNIQUE,
    out_trade_no TEXT NOT NULL REFERENCES orders, request TEXT NOT NULL, refund_fen INTEGER NOT NULL,
    notify_url TEXT, state TEXT NOT NULL, created_at TEXT NOT NULL, settles_at TEXT NOT NULL,
    settled_at TEXT);
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
    known = _find(gateway, out_refund_no)
    if known is not None:
        if known["request"] != request:
            raise Refusal("INVALID_REQUEST", "商户退款单号已存在，且退款参数与之前不一致")
        return shown(known, order)
    _check_amount(gateway, order, refund_fen=refund_fen, total_fen=total_fen)
    _keep(gateway, order, out_refund_no, request, refund_fen, notify_url)
    return query(gateway, out_refund_no)


def query(gateway: Gateway, out_refund_no: str) -> Row:
    refund = _find(gateway, out_refund_no)
    if refund is None:
        raise Refusal("RESOURCE_NOT_EXISTS", "退款单不存在")
    order = gateway.store.rows("SELECT * FROM orders WHERE out_trade_no = ?", refund["out_trade_no"])[0]
    return shown(refund, order)


def settle_due(gateway: Gateway) -> None:
    """Settle every refund whose time has come, each with its notice in the same transaction."""
    now = gateway.now()
    ending = gateway.faults.get("refunds_end_as", "SUCCESS")
    due = gateway.store.rows(
        "SELECT * FROM refunds WHERE state = 'PROCESSING' AND settles_at <= ? ORDER BY settles_at",
        as_text(now),
    )
    for refund in due:
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
        "channel": "ORIGINAL",
        "user_received_account": USER_ACCOUNT,
        "create_time": as_beijing(as_instant(refund["created_at"])),
        "status": refund["state"],
        "funds_account": "AVAILABLE",
        "amount": amount,
        "promotion_detail": [],
    }
    if refund["state"] == "SUCCESS":
        answer["success_time"] = as_beijing(as_instant(refund["settled_at"]))
    return answer


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


def _keep(
    gateway: Gateway, order: Row, out_refund_no: str, request: str, refund_fen: int, notify_url: str | None
) -> None:
    now = gateway.now()
    settles_at = now + timedelta(seconds=float(gateway.faults.get("refund_seconds", DEFAULT_SECONDS)))
    refund_id = f"5030{now:%Y%m%d}" + f"{secrets.randbelow(10**17):017d}"
    gateway.store.run(
        "INSERT INTO refunds VALUES (?, ?, ?, ?, ?, ?, 'PROCESSING', ?, ?, NULL)",
        *(out_refund_no, refund_id, order["out_trade_no"], request, refund_fen, notify_url),
        *(as_text(now), as_text(settles_at)),
    )
    gateway.store.run("UPDATE orders SET state = 'REFUND' WHERE out_trade_no = ?", order["out_trade_no"])
    gateway.wake.set()


def _find(gateway: Gateway, out_refund_no: str) -> Row | None:
    return gateway.store.row("SELECT * FROM refunds WHERE out_refund_no = ?", out_refund_no)
