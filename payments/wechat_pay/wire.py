"""WeChat Pay's JSON and our words, both ways. Pure.

Reading an unexpected shape raises AttributeError, KeyError, TypeError or ValueError.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from payments.port import (
    BankCard,
    ChannelPayment,
    ChannelRefund,
    PaymentState,
    PrepayRequest,
    RefundRequest,
    RefundState,
)
from payments.wechat_pay.merchant import Merchant
from payments.wechat_pay.signing import shut_box

STATES = {
    "SUCCESS": PaymentState.SUCCEEDED,
    "REFUND": PaymentState.REFUNDED,
    "NOTPAY": PaymentState.PENDING,
    "USERPAYING": PaymentState.PENDING,
    "PAYERROR": PaymentState.PENDING,  # a failed try; until it is closed another may succeed
    "CLOSED": PaymentState.CLOSED,
    "REVOKED": PaymentState.CLOSED,
}
# Whoever pays in a browser or by code was never named by us; WeChat may tell who it was (查询订单: payer).
ANYBODY_PAYS = {"MWEB", "NATIVE", "MICROPAY"}


def refund_order(request: RefundRequest, merchant: Merchant) -> dict[str, Any]:
    """Compose the body of POST /v3/refund/domestic/refunds."""
    return {
        "out_trade_no": request.payment_no,
        "out_refund_no": request.refund_no,
        "reason": request.reason[:80],
        "notify_url": merchant.notify_url,
        "amount": {"refund": request.amount_fen, "total": request.payment_amount_fen, "currency": "CNY"},
    }


def redirection(refund: ChannelRefund) -> dict[str, str]:
    """Compose the body of 发起异常退款 that sends the money back to our own account."""
    return {"out_refund_no": refund.refund_no, "type": "MERCHANT_BANK_CARD"}


def redirection_to_card(refund: ChannelRefund, card: BankCard, key: RSAPublicKey) -> dict[str, str]:
    """Compose the body of 发起异常退款 that sends the money to another card, sealed for the holder of `key`."""
    return {
        "out_refund_no": refund.refund_no,
        "type": "USER_BANK_CARD",
        "bank_type": card.bank_type,
        "bank_account": shut_box(key, card.number),
        "real_name": shut_box(key, card.holder),
    }


def pending(request: PrepayRequest, merchant: Merchant) -> ChannelPayment:
    """What is known of a payment that WeChat Pay took up without saying more (付款码支付: USERPAYING)."""
    return ChannelPayment(
        payment_no=request.payment_no,
        state=PaymentState.PENDING,
        amount_fen=None,
        channel_trade_no=None,
        paid_at=None,
        payer=None,
        appid=request.appid,
        mchid=merchant.mchid,
    )


def payment(order: Mapping[str, Any]) -> ChannelPayment:
    """Read an order, from a query or a notice. Until it is paid WeChat leaves out what it does not know."""
    state = STATES[order["trade_state"]]
    if state in (PaymentState.SUCCEEDED, PaymentState.REFUNDED):
        return ChannelPayment(
            payment_no=text(order["out_trade_no"]),
            state=state,
            amount_fen=_cny_fen(order["amount"]),
            channel_trade_no=text(order["transaction_id"]),
            paid_at=_instant(order["success_time"]),
            payer=_payer(order),
            appid=text(order["appid"]),
            mchid=text(order["mchid"]),
        )
    total = (order.get("amount") or {}).get("total")
    return ChannelPayment(
        payment_no=text(order["out_trade_no"]),
        state=state,
        amount_fen=None if total is None else _fen(total),
        channel_trade_no=order.get("transaction_id") or None,
        paid_at=None,
        payer=(order.get("payer") or {}).get("openid") or None,
        appid=text(order["appid"]),
        mchid=text(order["mchid"]),
    )


def refund(entry: Mapping[str, Any], *, state: str) -> ChannelRefund:
    """Read a refund. The API calls its state `status`, the notice calls it `refund_status`."""
    success_time = entry.get("success_time")
    return ChannelRefund(
        refund_no=text(entry["out_refund_no"]),
        payment_no=text(entry["out_trade_no"]),
        state=RefundState(state),
        amount_fen=_fen(entry["amount"]["refund"]),
        payment_amount_fen=_fen(entry["amount"]["total"]),
        channel_refund_no=text(entry["refund_id"]),
        channel_trade_no=text(entry["transaction_id"]),
        refunded_at=_instant(success_time) if success_time else None,
    )


def _payer(order: Mapping[str, Any]) -> str | None:
    if order.get("trade_type") in ANYBODY_PAYS:
        openid = (order.get("payer") or {}).get("openid")
        return text(openid) if openid else None
    return text(order["payer"]["openid"])


def text(value: object) -> str:
    """A text that is not empty, or TypeError."""
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
    instant = datetime.fromisoformat(text(value))
    if instant.tzinfo is None:
        raise ValueError("expected a time with its zone")
    return instant.astimezone(UTC)
