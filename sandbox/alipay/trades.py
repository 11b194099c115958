"""Trades: they come to be when a payer signs in, scans, or shows a code; then they are paid, closed, finished."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sandbox.alipay import notices, orders, parameters
from sandbox.alipay.gateway import Gateway
from sandbox.alipay.refusals import bad_parameter, failed
from sandbox.clock import BEIJING, as_instant, as_text
from sandbox.store import Row

FINISHED_AFTER = timedelta(days=365)  # 12 months, in which it can be refunded
STATE_IN_WORDS = {
    "WAIT_BUYER_PAY": "等待付款",
    "TRADE_SUCCESS": "支付成功",
    "TRADE_CLOSED": "交易关闭",
    "TRADE_FINISHED": "交易完成",
}

TABLES = """
CREATE TABLE IF NOT EXISTS trades (
    out_trade_no TEXT PRIMARY KEY, trade_no TEXT NOT NULL UNIQUE, method TEXT NOT NULL, subject TEXT NOT NULL,
    body TEXT, passback_params TEXT, total_fen INTEGER NOT NULL, notify_url TEXT, return_url TEXT, quit_url TEXT,
    certificate_mode INTEGER NOT NULL, buyer_user_id TEXT NOT NULL REFERENCES people, state TEXT NOT NULL,
    created_at TEXT NOT NULL, expires_at TEXT NOT NULL, paid_at TEXT, closed_at TEXT);
"""
KEPT_OF_ORDER = (
    *("out_trade_no", "method", "subject", "body", "passback_params", "total_fen"),
    *("notify_url", "return_url", "quit_url", "certificate_mode"),
)


def add(gateway: Gateway, order: Row, person: Row, at: datetime) -> Row:
    row = {name: order[name] for name in KEPT_OF_ORDER} | {
        "trade_no": new_trade_no(at, person["buyer_user_id"]),
        "buyer_user_id": person["buyer_user_id"],
        "state": "WAIT_BUYER_PAY",
        "created_at": as_text(at),
        "expires_at": as_text(orders.ends_at(order, at)),
    }
    names, marks = ", ".join(row), ", ".join("?" for _ in row)
    gateway.store.run(f"INSERT INTO trades ({names}) VALUES ({marks})", *row.values())
    return gateway.store.rows("SELECT * FROM trades WHERE out_trade_no = ?", order["out_trade_no"])[0]


def new_trade_no(at: datetime, buyer_user_id: str) -> str:
    """28 digits: the day, 22001, four of the buyer's, and chance."""
    return f"{at.astimezone(BEIJING):%Y%m%d}22001{buyer_user_id[-4:]}{secrets.randbelow(10**11):011d}"


def find(gateway: Gateway, out_trade_no: str) -> Row | None:
    return gateway.store.row("SELECT * FROM trades WHERE out_trade_no = ?", out_trade_no)


def asked_for(gateway: Gateway, biz: Row) -> Row:
    trade = named(gateway, biz)
    if trade is None:
        raise failed("ACQ.TRADE_NOT_EXIST", "交易不存在")
    return trade


def named(gateway: Gateway, biz: Row) -> Row | None:
    """The trade that a merchant names; of both numbers, trade_no counts."""
    trade_no = parameters.optional_text(biz, "trade_no", most=64)
    out_trade_no = parameters.optional_text(biz, "out_trade_no", most=64)
    if trade_no is None and out_trade_no is None:
        raise bad_parameter("out_trade_no", "与 trade_no 不能同时为空")
    if trade_no is not None:
        trade = gateway.store.row("SELECT * FROM trades WHERE trade_no = ?", trade_no)
    else:
        trade = find(gateway, str(out_trade_no))
    return trade and up_to_date(gateway, trade)


def up_to_date(gateway: Gateway, trade: Row) -> Row:
    """Times out and finishes when the merchant looks: what it has once been told never changes back.

    Until then somebody may still pay late (payer.py), as if at the last second.
    """
    now = gateway.now()
    if trade["state"] == "WAIT_BUYER_PAY" and now >= as_instant(trade["expires_at"]):
        return end(gateway, trade, "TRADE_CLOSED", as_instant(trade["expires_at"]))
    if trade["state"] == "TRADE_SUCCESS" and now >= as_instant(trade["paid_at"]) + FINISHED_AFTER:
        return end(gateway, trade, "TRADE_FINISHED", as_instant(trade["paid_at"]) + FINISHED_AFTER)
    return trade


def reusable(gateway: Gateway, order: Row) -> Row | None:
    """The open trade of this number, if there is one; refuses a number that is used up or means something else."""
    trade = find(gateway, order["out_trade_no"])
    if trade is None:
        return None
    trade = up_to_date(gateway, trade)
    if trade["state"] == "TRADE_CLOSED":
        raise failed("ACQ.TRADE_HAS_CLOSE", "交易已经关闭")
    if trade["state"] != "WAIT_BUYER_PAY":
        raise failed("ACQ.TRADE_HAS_SUCCESS", "交易已被支付")
    check_same(trade, order)
    return trade


def check_same(known: Row, order: Row) -> None:
    if (known["total_fen"], known["subject"]) != (order["total_fen"], order["subject"]):
        raise failed("ACQ.CONTEXT_INCONSISTENT", f'交易信息被篡改：{{subject="{order["subject"]}"}}')


def end(gateway: Gateway, trade: Row, state: str, at: datetime) -> Row:
    gateway.store.run(
        "UPDATE trades SET state = ?, closed_at = ? WHERE out_trade_no = ?",
        *(state, as_text(at), trade["out_trade_no"]),
    )
    return trade | {"state": state, "closed_at": as_text(at)}


def pay(gateway: Gateway, trade: Row, at: datetime) -> Row:
    """The money moves, and the notice of it is a row in the same transaction."""
    paid = trade | {"state": "TRADE_SUCCESS", "paid_at": as_text(at)}
    gateway.store.run(
        "UPDATE trades SET state = ?, paid_at = ? WHERE out_trade_no = ?",
        *(paid["state"], paid["paid_at"], paid["out_trade_no"]),
    )
    notices.add_payment_notice(gateway, paid)
    return paid


def query(gateway: Gateway, biz: Row) -> Row:
    trade = asked_for(gateway, biz)
    answer = shown(gateway, trade) | {"trade_status": trade["state"]}
    if trade["paid_at"]:
        answer["send_pay_date"] = parameters.beijing(as_instant(trade["paid_at"]))
    return answer


def close(gateway: Gateway, biz: Row) -> Row:
    """Only what waits for its payer can be closed; a second close is refused like one of a paid trade."""
    trade = asked_for(gateway, biz)
    if trade["state"] != "WAIT_BUYER_PAY":
        raise failed("ACQ.TRADE_STATUS_ERROR", f"交易状态不合法（{STATE_IN_WORDS[trade['state']]}）")
    end(gateway, trade, "TRADE_CLOSED", gateway.now())
    return {"out_trade_no": trade["out_trade_no"], "trade_no": trade["trade_no"]}


def shown(gateway: Gateway, trade: Row) -> Row:
    """The part that the answers of pay and query share; before the payment the payer's amounts are zero."""
    buyer = gateway.store.rows("SELECT * FROM people WHERE buyer_user_id = ?", trade["buyer_user_id"])[0]
    total = parameters.yuan(trade["total_fen"])
    paid = total if trade["paid_at"] else "0.00"
    answer = {
        "out_trade_no": trade["out_trade_no"],
        "trade_no": trade["trade_no"],
        "total_amount": total,
        "receipt_amount": paid,
        "buyer_pay_amount": paid,
        "point_amount": "0.00",
        "invoice_amount": paid,
        **buyer,
        "ext_infos": '{"action":"pay"}',  # text that holds JSON, as in life: a brace that closes nothing
    }
    if trade["paid_at"]:
        answer["fund_bill_list"] = [{"amount": total, "fund_channel": "ALIPAYACCOUNT"}]
    return answer
