"""Notices (异步通知): written down with what they tell of, then posted until the merchant says `success`.

A row is durable before anybody is told; what was pending when the process died is delivered after its restart.
"""

from __future__ import annotations

import json
import secrets
from datetime import datetime, timedelta
from urllib.parse import urlencode

from sandbox.alipay import parameters, signing
from sandbox.alipay.gateway import Gateway
from sandbox.clock import BEIJING, as_instant, as_text
from sandbox.store import Row

# opendocs.alipay.com, 异步通知: 8 deliveries within 25 hours, after 4m,10m,10m,1h,2h,6h,15h
RETRY_SECONDS = (240, 600, 600, 3600, 7200, 21600, 54000)

TABLES = """
CREATE TABLE IF NOT EXISTS notices (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, notify_id TEXT NOT NULL UNIQUE, out_trade_no TEXT NOT NULL,
    trade_status TEXT NOT NULL, content TEXT NOT NULL, notify_url TEXT NOT NULL, certificate_mode INTEGER NOT NULL,
    state TEXT NOT NULL, created_at TEXT NOT NULL, attempts INTEGER NOT NULL, next_attempt_at TEXT NOT NULL,
    last_answer TEXT);
CREATE INDEX IF NOT EXISTS notices_due ON notices (state, next_attempt_at);
"""


def add_payment_notice(gateway: Gateway, trade: Row) -> None:
    total = parameters.yuan(trade["total_fen"])
    _add(
        gateway,
        trade,
        {
            "receipt_amount": total,
            "buyer_pay_amount": total,
            "invoice_amount": total,
            "point_amount": "0.00",
            "fund_bill_list": f'[{{"amount":"{total}","fundChannel":"ALIPAYACCOUNT"}}]',
        },
    )


def add_refund_notice(gateway: Gateway, trade: Row, out_request_no: str, refunded_fen: int, at: datetime) -> None:
    """`refund_fee` is all that was refunded so far; `gmt_refund` has milliseconds, unlike the other times."""
    content = {
        "gmt_refund": f"{parameters.beijing(at)}.{at.microsecond // 1000:03d}",
        "refund_fee": parameters.yuan(refunded_fen),
        "out_biz_no": out_request_no,
    }
    if trade["closed_at"]:
        content["gmt_close"] = parameters.beijing(as_instant(trade["closed_at"]))
    _add(gateway, trade, content)


def _add(gateway: Gateway, trade: Row, content: dict[str, str]) -> None:
    """To the notify_url that the payment was asked for with; without one nobody is told."""
    if not trade["notify_url"]:
        return
    now = gateway.now()
    notify_id = f"{now.astimezone(BEIJING):%Y%m%d}00222{secrets.randbelow(10**21):021d}"
    first = now + timedelta(seconds=float(gateway.faults.get("late_notices", 0)))
    gateway.store.run(
        """INSERT INTO notices (notify_id, out_trade_no, trade_status, content, notify_url, certificate_mode,
             state, created_at, attempts, next_attempt_at) VALUES (?, ?, ?, ?, ?, ?, 'PENDING', ?, 0, ?)""",
        *(notify_id, trade["out_trade_no"], trade["state"]),
        json.dumps(_common(gateway, trade) | content, ensure_ascii=False),
        *(trade["notify_url"], trade["certificate_mode"], as_text(now), as_text(first)),
    )
    gateway.wake.set()


def _common(gateway: Gateway, trade: Row) -> dict[str, str]:
    """A `body` that the merchant didn't send comes blank: blank values are signed too."""
    buyer = gateway.store.rows("SELECT * FROM people WHERE buyer_user_id = ?", trade["buyer_user_id"])[0]
    content = {
        "notify_type": "trade_status_sync",
        "app_id": gateway.app_id,
        "auth_app_id": gateway.app_id,
        "charset": "utf-8",
        "version": "1.0",
        "sign_type": "RSA2",
        "trade_no": trade["trade_no"],
        "out_trade_no": trade["out_trade_no"],
        "trade_status": trade["state"],
        "seller_id": gateway.seller_id,
        "buyer_id": buyer["buyer_user_id"],
        "buyer_open_id": buyer["buyer_open_id"],
        "buyer_logon_id": buyer["buyer_logon_id"],
        "subject": trade["subject"],
        "body": trade["body"] or "",
        "total_amount": parameters.yuan(trade["total_fen"]),
        "gmt_create": parameters.beijing(as_instant(trade["created_at"])),
        "gmt_payment": parameters.beijing(as_instant(trade["paid_at"])),
    }
    if trade["passback_params"]:
        content["passback_params"] = trade["passback_params"]
    return content


def composed(gateway: Gateway, notice: Row) -> bytes:
    """The form of one delivery: notify_id stays, notify_time and the signature are new."""
    content: dict[str, str] = json.loads(notice["content"])
    content |= {"notify_id": notice["notify_id"], "notify_time": parameters.beijing(gateway.now())}
    if gateway.faults.is_on("forged_amount"):
        whole, cents = content["total_amount"].split(".")
        content["total_amount"] = parameters.yuan(int(whole) * 100 + int(cents) + 1)
    content["seller_id"] = gateway.faults.get("notices_seller_id", content["seller_id"])
    content["app_id"] = gateway.faults.get("notices_app_id", content["app_id"])
    identity = gateway.identity(certificate_mode=bool(notice["certificate_mode"]))
    if gateway.faults.is_on("notices_signed_by_unknown"):
        identity = gateway.stranger
    content["sign"] = signing.signature(identity.key, signing.notice_content(content))
    return urlencode(content).encode()
