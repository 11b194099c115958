"""What was offered and nobody has opened yet: a QR code, or a page in the payer's browser. No trade exists so far."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sandbox.alipay import orders, parameters, trades
from sandbox.alipay.door import Asked
from sandbox.alipay.gateway import Gateway
from sandbox.clock import as_instant, as_text
from sandbox.store import Row

QR_CODE = "https://qr.alipay.com/"
DEFAULT_QR_TIMEOUT = "2h"

TABLES = """
CREATE TABLE IF NOT EXISTS offers (
    token TEXT PRIMARY KEY, kind TEXT NOT NULL, out_trade_no TEXT NOT NULL, request TEXT NOT NULL,
    created_at TEXT NOT NULL, dies_at TEXT);
CREATE INDEX IF NOT EXISTS offers_by_number ON offers (out_trade_no);
"""


def precreate(gateway: Gateway, asked: Asked) -> Row:
    """`alipay.trade.precreate`: the same order asked for again has the same code while it lives."""
    order = orders.asked_for(gateway, asked)
    timeout = parameters.timeout_express(asked.biz, "qr_code_timeout_express") or DEFAULT_QR_TIMEOUT
    _check(gateway, order)
    known = gateway.store.row(
        "SELECT * FROM offers WHERE kind = 'qr' AND request = ? ORDER BY rowid DESC", orders.as_json(order)
    )
    if known is None or not is_alive(known, gateway.now()):
        known = _add(gateway, "qr", order, parameters.end_of(timeout, gateway.now()))
    return {"out_trade_no": order["out_trade_no"], "qr_code": qr_code(known)}


def open_page(gateway: Gateway, asked: Asked) -> Row:
    """`alipay.trade.wap.pay` and `.page.pay`, opened by the payer's browser: the cashier page that it is sent to."""
    order = orders.asked_for(gateway, asked)
    _check(gateway, order)
    return _add(gateway, "page", order, None)


def find(gateway: Gateway, token: str) -> Row | None:
    return gateway.store.row("SELECT * FROM offers WHERE token = ?", token)


def newest(gateway: Gateway, out_trade_no: str) -> Row | None:
    return gateway.store.row("SELECT * FROM offers WHERE out_trade_no = ? ORDER BY rowid DESC", out_trade_no)


def unopened(gateway: Gateway) -> list[Row]:
    """The newest offer of each number that has no trade, newest first."""
    return gateway.store.rows(
        """SELECT * FROM offers WHERE rowid IN (SELECT max(rowid) FROM offers GROUP BY out_trade_no)
             AND out_trade_no NOT IN (SELECT out_trade_no FROM trades) ORDER BY rowid DESC"""
    )


def qr_code(offer: Row) -> str:
    return f"{QR_CODE}{offer['token']}"


def is_alive(offer: Row, now: datetime) -> bool:
    return offer["dies_at"] is None or now < as_instant(offer["dies_at"])


def opened(gateway: Gateway, offer: Row, person: Row, *, late: bool) -> Row:
    """The trade, which comes to be now: somebody scanned or signed in. Late means at the offer's last second."""
    order = orders.from_json(offer["request"])
    known = trades.find(gateway, order["out_trade_no"])
    if known is not None:
        return known
    at = gateway.now()
    if late and offer["dies_at"]:
        at = min(at, as_instant(offer["dies_at"]) - timedelta(seconds=1))
    return trades.add(gateway, order, person, at)


def _check(gateway: Gateway, order: Row) -> None:
    """One number means one thing, also before a trade comes of it (stricter than is documented)."""
    offer = newest(gateway, order["out_trade_no"])
    if trades.reusable(gateway, order) is None and offer is not None:
        trades.check_same(orders.from_json(offer["request"]), order)


def _add(gateway: Gateway, kind: str, order: Row, dies_at: datetime | None) -> Row:
    if order["time_expire"]:
        dies_at = min(dies_at or as_instant(order["time_expire"]), as_instant(order["time_expire"]))
    offer = {
        "token": f"bax{secrets.token_hex(9)}",
        "kind": kind,
        "out_trade_no": order["out_trade_no"],
        "request": orders.as_json(order),
        "created_at": as_text(gateway.now()),
        "dies_at": dies_at and as_text(dies_at),
    }
    gateway.store.run("INSERT INTO offers VALUES (?, ?, ?, ?, ?, ?)", *offer.values())
    return offer
