"""WeChat Pay's JSON and our words, both ways. Pure.

Reading an unexpected shape raises AttributeError, KeyError, TypeError or ValueError.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from payments.port import (
    ChannelPayment,
    ChannelRefund,
    PaymentState,
    PrepayRequest,
    RefundRequest,
    RefundState,
)
from payments.wechat_pay.merchant import Merchant

BEIJING = timezone(timedelta(hours=8))
STATES = {
    "SUCCESS": PaymentState.SUCCEEDED,
    "REFUND": PaymentState.REFUNDED,
    "NOTPAY": PaymentState.PENDING,
    "USERPAYING": PaymentState.PENDING,
    "PAYERROR": PaymentState.PENDING,  # a failed try; until it is closed another may succeed
    "CLOSED": PaymentState.CLOSED,
    "REVOKED": PaymentState.CLOSED,
}


def jsapi_order(request: PrepayRequest, merchant: Merchant) -> dict[str, Any]:
    """Compose the body of POST /v3/pay/transactions/jsapi."""
    return {
        "appid": merchant.appid,
        "mchid": merchant.mchid,
        "description": request.description[:127],
        "out_trade_no": request.payment_no,
        "time_expire": request.expires_at.astimezone(BEIJING).isoformat(timespec="seconds"),
        "notify_url": merchant.notify_url,
        "amount": {"total": request.amount_fen, "currency": "CNY"},
        "payer": {"openid": request.payer_openid},
    }


def refund_order(request: RefundRequest, merchant: Merchant) -> dict[str, Any]:
    """Compose the body of POST /v3/refund/domestic/refunds."""
    return {
        "out_trade_no": request.payment_no,
        "out_refund_no": request.refund_no,
        "reason": request.reason[:80],
        "notify_url": merchant.notify_url,
        "amount": {"refund": request.amount_fen, "total": request.payment_amount_fen, "currency": "CNY"},
    }


def payment(order: Mapping[str, Any]) -> ChannelPayment:
    """Read an order, from a query or a notice. Until it is paid WeChat leaves out what it does not know."""
    state = STATES[order["trade_state"]]
    if state in (PaymentState.SUCCEEDED, PaymentState.REFUNDED):
        return ChannelPayment(
            payment_no=_text(order["out_trade_no"]),
            state=state,
            amount_fen=_cny_fen(order["amount"]),
            channel_trade_no=_text(order["transaction_id"]),
            paid_at=_instant(order["success_time"]),
            payer_openid=_text(order["payer"]["openid"]),
            appid=_text(order["appid"]),
            mchid=_text(order["mchid"]),
        )
    total = (order.get("amount") or {}).get("total")
    return ChannelPayment(
        payment_no=_text(order["out_trade_no"]),
        state=state,
        amount_fen=None if total is None else _fen(total),
        channel_trade_no=order.get("transaction_id") or None,
        paid_at=None,
        payer_openid=(order.get("payer") or {}).get("openid") or None,
        appid=_text(order["appid"]),
        mchid=_text(order["mchid"]),
    )


def refund(entry: Mapping[str, Any], *, state: str) -> ChannelRefund:
    """Read a refund. The API calls its state `status`, the notice calls it `refund_status`."""
    success_time = entry.get("success_time")
    return ChannelRefund(
        refund_no=_text(entry["out_refund_no"]),
        payment_no=_text(entry["out_trade_no"]),
        state=RefundState(state),
        amount_fen=_fen(entry["amount"]["refund"]),
        payment_amount_fen=_fen(entry["amount"]["total"]),
        channel_refund_no=_text(entry["refund_id"]),
        channel_trade_no=_text(entry["transaction_id"]),
        refunded_at=_instant(success_time) if success_time else None,
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("expected a text")
    return value


def _fen(value: object) -> int:
    if type(value) is not int or value < 0:  # a bool is an int, and 1.0 == 1
        raise TypeError("expected whole fen")
    return value


def _cny_fen(amount: Mapping[str, Any]) -> int:
    """The total of an amount in CNY; a cent is no fen."""
    if amount.get("currency", "CNY") != "CNY":
        raise ValueError("expected CNY")
    return _fen(amount["total"])


def _instant(value: object) -> datetime:
    instant = datetime.fromisoformat(_text(value))
    if instant.tzinfo is None:
        raise ValueError("expected a time with its zone")
    return instant.astimezone(UTC)
