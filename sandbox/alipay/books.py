"""Alipay's own books, for tests and the demo to compare with the merchant's."""

from __future__ import annotations

from sandbox.alipay import offers
from sandbox.alipay.gateway import Gateway
from sandbox.store import Row


def contents(gateway: Gateway) -> Row:
    """Trades, refunds and notices; sums in fen. `kept_fen` is paid less refunded."""
    store = gateway.store
    paid = store.figure("SELECT sum(total_fen) FROM trades WHERE paid_at IS NOT NULL")
    refunded = store.figure("SELECT sum(refund_fen) FROM refunds")
    return {
        "people": store.rows("SELECT * FROM people ORDER BY rowid"),
        "offers": [
            {name: offer[name] for name in ("kind", "out_trade_no", "created_at", "dies_at")}
            for offer in offers.unopened(gateway)
        ],
        "trades": store.rows(
            """SELECT out_trade_no, trade_no, method, state, subject, total_fen, buyer_user_id, created_at,
                 expires_at, paid_at, closed_at FROM trades ORDER BY rowid"""
        ),
        "refunds": store.rows(
            "SELECT out_request_no, out_trade_no, refund_fen, reason, refunded_at FROM refunds ORDER BY rowid"
        ),
        "notices": store.rows(
            """SELECT notify_id, trade_status, out_trade_no, state, attempts, created_at, next_attempt_at,
                 last_answer FROM notices ORDER BY seq"""
        ),
        "sums": {"paid_fen": paid, "refunded_fen": refunded, "kept_fen": paid - refunded},
    }
