"""Notices: written down with what they tell of, then delivered until the merchant acknowledges.

A row is durable before anybody is told; what was pending when the process died is delivered after its restart.
"""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

from sandbox.clock import as_beijing, as_instant, as_text
from sandbox.store import Row
from sandbox.wechat_pay import orders, signing
from sandbox.wechat_pay.certificates import Identity, signed_headers
from sandbox.wechat_pay.gateway import Gateway

# pay.weixin.qq.com, 支付通知: 15s/15s/30s/3m/10m/20m/30m/30m/30m/60m/3h/3h/3h/6h/6h
RETRY_SECONDS = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
REFUND_IN_WORDS = {"SUCCESS": "退款成功", "ABNORMAL": "退款异常", "CLOSED": "退款关闭"}

TABLES = """
CREATE TABLE IF NOT EXISTS notices (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, notice_id TEXT NOT NULL UNIQUE, out_trade_no TEXT,
    event_type TEXT NOT NULL, summary TEXT NOT NULL, original_type TEXT NOT NULL, resource TEXT NOT NULL,
    notify_url TEXT NOT NULL, state TEXT NOT NULL, created_at TEXT NOT NULL, attempts INTEGER NOT NULL,
    next_attempt_at TEXT NOT NULL, last_answer TEXT);
CREATE INDEX IF NOT EXISTS notices_due ON notices (state, next_attempt_at);
"""


def add_payment_notice(gateway: Gateway, order: Row) -> None:
    resource = orders.shown(gateway, order)
    _add(gateway, order, "TRANSACTION.SUCCESS", "支付成功", "transaction", resource)


def add_refund_notice(gateway: Gateway, refund: Row) -> None:
    order = gateway.store.rows("SELECT * FROM orders WHERE out_trade_no = ?", refund["out_trade_no"])[0]
    resource = {
        "mchid": gateway.known.mchid,
        "out_trade_no": order["out_trade_no"],
        "transaction_id": order["transaction_id"],
        "out_refund_no": refund["out_refund_no"],
        "refund_id": refund["refund_id"],
        "refund_status": refund["state"],
        "user_received_account": refund["account"],
        "amount": {
            "total": order["total_fen"],
            "refund": refund["refund_fen"],
            "payer_total": order["total_fen"],
            "payer_refund": refund["refund_fen"],
        },
    }
    if refund["state"] == "SUCCESS":
        resource["success_time"] = as_beijing(as_instant(refund["settled_at"]))
    to = {"out_trade_no": order["out_trade_no"], "notify_url": refund["notify_url"]}
    _add(gateway, to, f"REFUND.{refund['state']}", REFUND_IN_WORDS[refund["state"]], "refund", resource)


def add_echo_notice(gateway: Gateway, notify_url: str, echo_message: str) -> None:
    """The notice that `/v3/security/echo` asks for (pay.weixin.qq.com 4019605946)."""
    to = {"out_trade_no": None, "notify_url": notify_url}
    _add(gateway, to, "SECURITY_ECHO.SUCCESS", "回调通知成功", "security", {"echo_message": echo_message})


def _add(gateway: Gateway, to: Row, event_type: str, summary: str, original_type: str, resource: Row) -> None:
    now = gateway.now()
    first = now + timedelta(seconds=float(gateway.faults.get("late_notices", 0)))
    gateway.store.run(
        """INSERT INTO notices (notice_id, out_trade_no, event_type, summary, original_type, resource,
             notify_url, state, created_at, attempts, next_attempt_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, 'PENDING', ?, 0, ?)""",
        *(str(uuid.uuid4()), to["out_trade_no"], event_type, summary, original_type),
        *(json.dumps(resource, ensure_ascii=False), to["notify_url"], as_text(now), as_text(first)),
    )
    gateway.wake.set()


def composed(gateway: Gateway, notice: Row) -> tuple[bytes, dict[str, str]]:
    """The body and headers of one delivery. Signing and encrypting happen anew each time, as WeChat's do."""
    plaintext = json.dumps(_told(gateway, notice), ensure_ascii=False).encode()
    associated_data = "" if notice["original_type"] == "security" else notice["original_type"]
    sealed = signing.encrypted(gateway.known.apiv3_key, plaintext, associated_data)
    envelope = {
        "id": notice["notice_id"],
        "create_time": as_beijing(as_instant(notice["created_at"])),
        "resource_type": "encrypt-resource",
        "event_type": notice["event_type"],
        "summary": notice["summary"],
        "resource": {"original_type": notice["original_type"]} | sealed,
    }
    body = json.dumps(envelope, ensure_ascii=False).encode()
    probe = gateway.faults.is_on("signtest") and notice["attempts"] == 0
    headers = signed_headers(_signer(gateway), body, gateway.now(), probe=probe)
    return body, headers | {"Content-Type": "application/json"}


def _told(gateway: Gateway, notice: Row) -> Row:
    """What the notice tells: what happened, except where a fault makes it a forgery."""
    resource: Row = json.loads(notice["resource"])
    if gateway.faults.is_on("forged_amount") and "amount" in resource:
        resource["amount"]["total"] += 1
    for name in ("appid", "mchid"):
        if name in resource:
            resource[name] = gateway.faults.get(f"notices_{name}", resource[name])
    return resource


def _signer(gateway: Gateway) -> Identity:
    if gateway.faults.is_on("notices_signed_by_unknown"):
        return gateway.platform.stranger
    by_certificate = gateway.faults.get("notices_signed_by", "public_key") == "certificate"
    return gateway.platform.certificates[-1] if by_certificate else gateway.platform.public_key
