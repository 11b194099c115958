"""Refunds and cancellations: done at once, noticed to the notify_url of the payment."""

from __future__ import annotations

from datetime import timedelta

from sandbox.alipay import notices, parameters, trades
from sandbox.alipay.gateway import Gateway
from sandbox.alipay.refusals import bad_parameter, failed, failure
from sandbox.clock import as_instant, as_text
from sandbox.store import Row

CANCELLABLE_FOR = timedelta(hours=24)  # 撤销 is for a payment whose end isn't known; later it is a refund

TABLES = """
CREATE TABLE IF NOT EXISTS refunds (
    out_trade_no TEXT NOT NULL REFERENCES trades, out_request_no TEXT NOT NULL, refund_fen INTEGER NOT NULL,
    reason TEXT, refunded_at TEXT NOT NULL, PRIMARY KEY (out_trade_no, out_request_no));
"""


def refund(gateway: Gateway, biz: Row) -> Row:
    """`alipay.trade.refund`: the same out_request_no is the same refund and moves no money again (fund_change N)."""
    trade = trades.asked_for(gateway, biz)
    refund_fen = parameters.fen(biz, "refund_amount")
    reason = parameters.optional_text(biz, "refund_reason", most=256)
    out_request_no = _out_request_no(biz, trade, refund_fen)
    known = _find(gateway, trade, out_request_no)
    if known is not None:
        if known["refund_fen"] != refund_fen:
            raise failed("ACQ.DISCORDANT_REPEAT_REQUEST", f'不一致的请求：{{out_request_no="{out_request_no}"}}')
        return _shown(gateway, trade, known, fund_change="N")
    _check(gateway, trade, refund_fen)
    done = _keep(gateway, trade, out_request_no, refund_fen, reason)
    if gateway.faults.is_on("refund_ends_unknown"):
        return failure("20000", "isp.unknow-error", "系统繁忙")
    return _shown(gateway, trade, done, fund_change="Y")


def query(gateway: Gateway, biz: Row) -> Row:
    """`alipay.trade.fastpay.refund.query`: of an unknown refund nothing is told but that the question was fine."""
    trade = trades.asked_for(gateway, biz)
    found = _find(gateway, trade, parameters.text(biz, "out_request_no", most=64))
    if found is None:
        return {}
    answer = {
        "trade_no": trade["trade_no"],
        "out_trade_no": trade["out_trade_no"],
        "out_request_no": found["out_request_no"],
        "total_amount": parameters.yuan(trade["total_fen"]),
        "refund_amount": parameters.yuan(found["refund_fen"]),
        "refund_status": "REFUND_SUCCESS",
    }
    if "gmt_refund_pay" in (biz.get("query_options") or []):
        answer["gmt_refund_pay"] = parameters.beijing(as_instant(found["refunded_at"]))
    return answer


def cancel(gateway: Gateway, biz: Row) -> Row:
    """`alipay.trade.cancel`: closes what is unpaid, refunds what is paid; `action` is absent when there is no trade."""
    answer = {"out_trade_no": biz.get("out_trade_no") or "", "retry_flag": "N"}
    trade = trades.named(gateway, biz)
    if trade is None:
        return answer
    answer |= {"out_trade_no": trade["out_trade_no"], "trade_no": trade["trade_no"]}
    if trade["state"] == "TRADE_FINISHED":
        raise failed("ACQ.TRADE_HAS_FINISHED", "交易已完结")
    if trade["paid_at"] is None:
        if trade["state"] == "WAIT_BUYER_PAY":
            trades.end(gateway, trade, "TRADE_CLOSED", gateway.now())
        return answer | {"action": "close"}
    left = trade["total_fen"] - refunded_fen(gateway, trade)
    if left:
        if gateway.now() > as_instant(trade["paid_at"]) + CANCELLABLE_FOR:
            raise failed("ACQ.TRADE_CANCEL_TIME_OUT", "超过撤销时间范围，请调用退款")
        _check(gateway, trade, left)
        _keep(gateway, trade, trade["trade_no"], left, "撤销")
    return answer | {"action": "refund"}


def refunded_fen(gateway: Gateway, trade: Row) -> int:
    return gateway.store.figure(
        "SELECT sum(refund_fen) FROM refunds WHERE out_trade_no = ?", trade["out_trade_no"]
    )


def _out_request_no(biz: Row, trade: Row, refund_fen: int) -> str:
    """Required for a part; the whole may go without and then has the order's number."""
    given = parameters.optional_text(biz, "out_request_no", most=64)
    if given is None and refund_fen != trade["total_fen"]:
        raise bad_parameter("out_request_no", "部分退款时必填")
    return given or str(trade["out_trade_no"])


def _check(gateway: Gateway, trade: Row, refund_fen: int) -> None:
    if trade["state"] == "TRADE_FINISHED":
        raise failed("ACQ.TRADE_HAS_FINISHED", "交易已完结")
    if trade["paid_at"] is None:
        raise failed("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
    if refund_fen > trade["total_fen"] - refunded_fen(gateway, trade):
        raise failed("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "撤销或退款金额与订单金额不一致")
    if gateway.faults.is_on("seller_balance_empty"):
        raise failed("ACQ.SELLER_BALANCE_NOT_ENOUGH", "卖家余额不足")


def _keep(gateway: Gateway, trade: Row, out_request_no: str, refund_fen: int, reason: str | None) -> Row:
    now = gateway.now()
    gateway.store.run(
        "INSERT INTO refunds VALUES (?, ?, ?, ?, ?)",
        *(trade["out_trade_no"], out_request_no, refund_fen, reason, as_text(now)),
    )
    refunded = refunded_fen(gateway, trade)
    if refunded == trade["total_fen"]:
        trade = trades.end(gateway, trade, "TRADE_CLOSED", now)
    notices.add_refund_notice(gateway, trade, out_request_no, refunded, now)
    return {"out_request_no": out_request_no, "refund_fen": refund_fen, "refunded_at": as_text(now)}


def _find(gateway: Gateway, trade: Row, out_request_no: str) -> Row | None:
    return gateway.store.row(
        "SELECT * FROM refunds WHERE out_trade_no = ? AND out_request_no = ?",
        trade["out_trade_no"],
        out_request_no,
    )


def _shown(gateway: Gateway, trade: Row, done: Row, *, fund_change: str) -> Row:
    """`refund_fee` is all that was refunded of the trade so far."""
    buyer = gateway.store.rows("SELECT * FROM people WHERE buyer_user_id = ?", trade["buyer_user_id"])[0]
    return {
        "out_trade_no": trade["out_trade_no"],
        "trade_no": trade["trade_no"],
        **buyer,
        "fund_change": fund_change,
        "refund_fee": parameters.yuan(refunded_fen(gateway, trade)),
        "send_back_fee": parameters.yuan(done["refund_fen"] if fund_change == "Y" else 0),
        "gmt_refund_pay": parameters.beijing(as_instant(done["refunded_at"])),
    }
