"""WeChat Pay's own books, for tests and the demo to compare with the merchant's. Statements are made from them."""

from __future__ import annotations

from sandbox.store import Row
from sandbox.wechat_pay.gateway import Gateway


def contents(gateway: Gateway) -> Row:
    """Orders, payments, refunds and notices; sums in fen. `kept_fen` is paid less refunded."""
    store = gateway.store
    paid = store.figure("SELECT sum(total_fen) FROM orders WHERE transaction_id IS NOT NULL")
    refunded = store.figure("SELECT sum(refund_fen) FROM refunds WHERE state = 'SUCCESS'")
    refunding = store.figure("SELECT sum(refund_fen) FROM refunds WHERE state IN ('PROCESSING', 'ABNORMAL')")
    return {
        "orders": store.rows(
            """SELECT out_trade_no, trade_type, appid, state, description, total_fen, openid, created_at,
                 expires_at, closed_at FROM orders ORDER BY rowid"""
        ),
        "payments": store.rows(
            """SELECT transaction_id, out_trade_no, trade_type, appid, total_fen, openid, paid_at
               FROM orders WHERE transaction_id IS NOT NULL ORDER BY paid_at"""
        ),
        "refunds": store.rows(
            """SELECT out_refund_no, refund_id, out_trade_no, refund_fen, state, account, created_at, settled_at
               FROM refunds ORDER BY rowid"""
        ),
        "notices": store.rows(
            """SELECT notice_id, event_type, out_trade_no, state, attempts, created_at, next_attempt_at,
                 last_answer FROM notices ORDER BY seq"""
        ),
        "sums": {
            "paid_fen": paid,
            "refunded_fen": refunded,
            "refunding_fen": refunding,
            "kept_fen": paid - refunded,
        },
    }
