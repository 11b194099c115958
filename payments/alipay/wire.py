"""Alipay's words and ours, both ways: yuan, Beijing times, orders, trades and refunds. Pure.

Reading an unexpected shape raises KeyError, TypeError or ValueError.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from payments.alipay.app import App
from payments.port import (
    ChannelPayment,
    ChannelRefund,
    PaymentState,
    PrepayRequest,
    RefundRequest,
    RefundState,
    Way,
)

BEIJING = timezone(timedelta(hours=8))
YUAN = re.compile(r"[0-9]{1,11}(\.[0-9]{1,2})?")
TIME = "%Y-%m-%d %H:%M:%S"

PRODUCT_CODES = {
    Way.MOBILE_WEB: "QUICK_WAP_WAY",
    Way.DESKTOP_WEB: "FAST_INSTANT_TRADE_PAY",
    Way.CODE: "FACE_TO_FACE_PAYMENT",
    Way.PAYER_CODE: "FACE_TO_FACE_PAYMENT",
}
STATES = {
    "WAIT_BUYER_PAY": PaymentState.PENDING,
    "TRADE_SUCCESS": PaymentState.SUCCEEDED,  # also after a part of it was refunded; Alipay does not tell
    "TRADE_FINISHED": PaymentState.SUCCEEDED,  # and can no longer be refunded
    "TRADE_CLOSED": PaymentState.CLOSED,  # or refunded whole: see `payment`
}


def order(request: PrepayRequest) -> dict[str, str]:
    """What every way of announcing a payment says, with its last second in Beijing time.

    `time_expire` is absolute, and Alipay holds to it also where its page is already open ("订单已超时,不能付款").
    """
    return {
        "out_trade_no": request.payment_no,
        "total_amount": yuan(request.amount_fen),
        "subject": subject(request.description),
        "product_code": PRODUCT_CODES[request.way],
        "time_expire": beijing(request.expires_at),
    }


def web_order(request: PrepayRequest) -> dict[str, str]:
    """biz_content of alipay.trade.wap.pay and alipay.trade.page.pay; who gives up on a phone comes back too."""
    leaving = {"quit_url": request.return_url} if request.way is Way.MOBILE_WEB and request.return_url else {}
    return order(request) | leaving


def desk_order(request: PrepayRequest, payer_code: str) -> dict[str, str]:
    """biz_content of alipay.trade.pay, for a code that a desk has scanned."""
    venue = {"store_id": request.venue[:32]} if request.venue else {}
    return order(request) | {"scene": "bar_code", "auth_code": payer_code} | venue


def refund_order(request: RefundRequest) -> dict[str, str]:
    """biz_content of alipay.trade.refund. Our number makes repeating it harmless."""
    return {
        "out_trade_no": request.payment_no,
        "out_request_no": request.refund_no,
        "refund_amount": yuan(request.amount_fen),
        "refund_reason": request.reason[:256],
    }


def subject(description: str) -> str:
    """What the payer sees: at most 256 characters, without those Alipay forbids (订单标题: 不可使用特殊字符) and
    those that could break a row of its statement."""
    return re.sub(r'[/=&,"#\s]+', " ", description).strip()[:256] or "订单"


def payment(trade: Mapping[str, Any], app: App) -> ChannelPayment:
    """Read a trade, from an answer to alipay.trade.query or from a notice whose app and seller were compared.

    TRADE_CLOSED is both "未付款交易超时关闭" and "支付完成后全额退款". What tells them apart is the time at which it
    was paid, `send_pay_date` in a query and `gmt_payment` in a notice: only a paid trade has one. Amounts do not:
    a trade that was refunded whole answers with buyer_pay_amount and receipt_amount 0.00.

    A query's answer names neither app nor seller; signed for our app, it can be about no other seller's trade.
    """
    paid_at = trade.get("send_pay_date") or trade.get("gmt_payment")
    state = STATES[trade["trade_status"]]
    if state is PaymentState.CLOSED and (paid_at or trade.get("gmt_refund")):
        state = PaymentState.REFUNDED
    return _payment(trade, app, state, paid_at)


def charged(answer: Mapping[str, Any], app: App) -> ChannelPayment:
    """Read the answer of alipay.trade.pay, which has no status: 10000 is paid, 10003 waits for the payer."""
    state = PaymentState.SUCCEEDED if answer["code"] == "10000" else PaymentState.PENDING
    return _payment(answer, app, state, answer.get("gmt_payment"))


def _payment(trade: Mapping[str, Any], app: App, state: PaymentState, paid_at: str | None) -> ChannelPayment:
    paid = state in (PaymentState.SUCCEEDED, PaymentState.REFUNDED)
    if trade.get("trans_currency", "CNY") != "CNY":
        raise ValueError("expected CNY")
    amount, trade_no = trade.get("total_amount"), trade.get("trade_no")
    payer = trade.get("buyer_user_id") or trade.get("buyer_id") or trade.get("buyer_open_id")
    return ChannelPayment(
        payment_no=text(trade["out_trade_no"]),
        state=state,
        amount_fen=fen(amount) if paid or amount is not None else None,
        channel_trade_no=text(trade_no) if paid else trade_no or None,
        paid_at=instant(paid_at) if paid and paid_at else None,
        payer=payer or None,
        appid=app.app_id,
        mchid=app.seller_id,
    )


def refund_of(request: RefundRequest, answer: Mapping[str, Any], state: RefundState) -> ChannelRefund:
    """Read the answer of alipay.trade.refund. Its refund_fee is the sum of all refunds of the trade, not this one.

    Alipay gives a refund no number of its own, so `channel_refund_no` is empty.
    """
    refunded_at = answer.get("gmt_refund_pay") if state is RefundState.SUCCESS else None
    return ChannelRefund(
        refund_no=request.refund_no,
        payment_no=text(answer["out_trade_no"]),
        state=state,
        amount_fen=request.amount_fen,
        payment_amount_fen=request.payment_amount_fen,
        channel_refund_no="",
        channel_trade_no=text(answer["trade_no"]),
        refunded_at=instant(refunded_at) if refunded_at else None,
    )


def refund(answer: Mapping[str, Any]) -> ChannelRefund | None:
    """Read the answer of alipay.trade.fastpay.refund.query; None when there is no such refund.

    "未返回该字段表示退款请求未收到或者退款失败": without a status and an amount it was not received, or failed, and
    may be asked for again under its number. An amount without the status says neither yes nor no.
    """
    status, amount = answer.get("refund_status"), answer.get("refund_amount")
    if status == "REFUND_FAIL" or (not status and amount is None):
        return None
    refunded_at = answer.get("gmt_refund_pay")
    return ChannelRefund(
        refund_no=text(answer["out_request_no"]),
        payment_no=text(answer["out_trade_no"]),
        state=RefundState.SUCCESS if status == "REFUND_SUCCESS" else RefundState.PROCESSING,
        amount_fen=fen(amount),
        payment_amount_fen=fen(answer["total_amount"]),
        channel_refund_no="",
        channel_trade_no=text(answer["trade_no"]),
        refunded_at=instant(refunded_at) if refunded_at else None,
    )


def yuan(amount_fen: int) -> str:
    """Fen as Alipay wants them: yuan with two decimals."""
    return f"{Decimal(amount_fen).scaleb(-2):.2f}"


def fen(amount: object) -> int:
    """Yuan as Alipay writes them ("12", "12.0", "12.00"), in fen; no sign, no exponent, no third decimal."""
    if not YUAN.fullmatch(text(amount)):
        raise ValueError("expected yuan with at most two decimals")
    return int(Decimal(text(amount)).scaleb(2))


def beijing(moment: datetime) -> str:
    """A moment as Alipay writes it, cut to the second."""
    return moment.astimezone(BEIJING).strftime(TIME)


def instant(moment: object) -> datetime:
    """Alipay's Beijing time, some of it with milliseconds, as aware UTC."""
    return datetime.strptime(text(moment)[:19], TIME).replace(tzinfo=BEIJING).astimezone(UTC)


def person(answer: Mapping[str, Any]) -> str:
    """Read the answer of alipay.system.oauth.token: as an app was set up, Alipay names people by one or the other."""
    return text(answer.get("user_id") or answer.get("open_id"))


def text(value: object) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        raise TypeError("expected a text")
    return value
