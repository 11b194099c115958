"""The person with the phone: scans, signs in, pays, refuses, pays late. For the pages, for tests and the demo."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from sandbox.alipay import offers, parameters, people, trades
from sandbox.alipay.gateway import Gateway
from sandbox.clock import as_instant
from sandbox.store import Row

OpenUrl = Callable[[str], Row]  # a signed page's query → the offer that the payer's browser gets


def no_url(_: str) -> Row:
    """For the pages, which name orders by their numbers."""
    raise Declined(404, "TRADE_NOT_EXIST", "交易不存在")


class Declined(Exception):
    """The payer can't; nothing was charged."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.answer = {"code": code, "message": message}


def pay(gateway: Gateway, asked: Row, open_url: OpenUrl = no_url) -> Row:
    """Pay what `asked` names by out_trade_no, qr_code or url.

    `late: true` pays past the end, as if at the last second and heard of only now; not once the merchant was told
    that the trade is closed.
    """
    late = asked.get("late") is True
    return _told(pay_trade(gateway, _opened(gateway, asked, open_url, late=late), late=late))


def pay_trade(gateway: Gateway, trade: Row, *, late: bool) -> Row:
    if trade["state"] == "TRADE_CLOSED" and trade["paid_at"] is None:
        raise Declined(409, "TRADE_HAS_CLOSE", "交易已关闭，请返回商户重新下单")
    if trade["state"] != "WAIT_BUYER_PAY":
        raise Declined(409, "TRADE_HAS_SUCCESS", "交易已支付，无需重复支付")
    expires_at = as_instant(trade["expires_at"])
    if gateway.now() >= expires_at and not late:
        raise Declined(409, "TRADE_EXPIRED", "已过支付时间，请返回商户重新下单")
    return trades.pay(gateway, trade, min(gateway.now(), expires_at - timedelta(seconds=1)))


def refuse(gateway: Gateway, asked: Row, open_url: OpenUrl = no_url) -> Row:
    """Look at it and leave: the trade has come to be and waits, until it times out or the merchant closes it."""
    return _told(_opened(gateway, asked, open_url, late=False))


def sign_in(gateway: Gateway, offer: Row, buyer_user_id: object, *, late: bool) -> Row:
    """The trade of an offer, opened by this person."""
    if not (late or trades.find(gateway, offer["out_trade_no"]) or offers.is_alive(offer, gateway.now())):
        raise Declined(409, "TRADE_EXPIRED", "已过支付时间，请返回商户重新下单")
    trade = offers.opened(gateway, offer, person(gateway, buyer_user_id), late=late)
    return _of_the_same_buyer(trade, buyer_user_id)


def offer_of_qr_code(gateway: Gateway, qr_code: str) -> Row:
    token = qr_code.strip().removeprefix(offers.QR_CODE)
    offer = offers.find(gateway, token)
    if offer is None or offer["kind"] != "qr":
        raise Declined(404, "QR_CODE_INVALID", "二维码无效")
    return offer


def person(gateway: Gateway, buyer_user_id: object) -> Row:
    """Nobody in particular is the first person there is."""
    if buyer_user_id is None:
        return people.everybody(gateway)[0]
    found = people.find(gateway, str(buyer_user_id))
    if found is None:
        raise Declined(404, "BUYER_NOT_EXIST", "没有这个支付宝账户")
    return found


def _opened(gateway: Gateway, asked: Row, open_url: OpenUrl, *, late: bool) -> Row:
    buyer_user_id = asked.get("buyer_user_id")
    offer: Row | None
    if "url" in asked:
        offer = open_url(urlsplit(str(asked["url"])).query)
    elif "qr_code" in asked:
        offer = offer_of_qr_code(gateway, str(asked["qr_code"]))
    else:
        out_trade_no = str(asked.get("out_trade_no", ""))
        trade = trades.find(gateway, out_trade_no)
        if trade is not None:
            return _of_the_same_buyer(trade, buyer_user_id)
        offer = offers.newest(gateway, out_trade_no)
    if offer is None:
        raise Declined(404, "TRADE_NOT_EXIST", "交易不存在")
    return sign_in(gateway, offer, buyer_user_id, late=late)


def _of_the_same_buyer(trade: Row, buyer_user_id: Any) -> Row:
    if buyer_user_id not in (None, trade["buyer_user_id"]):
        raise Declined(403, "BUYER_MISMATCH", "这笔交易属于另一位付款人")
    return trade


def _told(trade: Row) -> Row:
    return {name: trade[name] for name in ("out_trade_no", "trade_no")} | {
        "trade_status": trade["state"],
        "total_fen": trade["total_fen"],
    }


def shown(gateway: Gateway, row: Row) -> Row:
    """A trade, or an order that nobody has opened yet, as the pages show it."""
    end = row.get("expires_at") or row.get("dies_at")
    expires_at = as_instant(end) if end else None
    state = row.get("state", "NOT_OPENED")
    return {
        "out_trade_no": row["out_trade_no"],
        "subject": row["subject"],
        "yuan": parameters.yuan(row["total_fen"]),
        "deadline": expires_at and parameters.beijing(expires_at)[5:16],
        "expired": expires_at is not None and gateway.now() >= expires_at,
        "state": state,
        "paid": bool(row.get("paid_at")),
        "state_in_words": trades.STATE_IN_WORDS.get(state, "等待扫码或登录"),
    }
