"""The person with the phone: pays, refuses, pays late. By page for people, by JSON for tests and the demo."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from sandbox.clock import as_instant, as_text
from sandbox.store import Row
from sandbox.wechat_pay import notices, orders, signing
from sandbox.wechat_pay.gateway import Gateway


class Declined(Exception):
    """The payer can't pay; nothing was charged."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.answer = {"code": code, "message": message}


def pay(gateway: Gateway, asked: Row) -> Row:
    """Perform the payment that `asked` names by prepay_id, out_trade_no or the parameters of wx.requestPayment.

    `late: true` pays an order past its time_expire, as if at its last second and noticed only now.
    """
    now = gateway.now()
    if "paySign" in asked:
        order = _order_of_prepay(gateway, _signed_prepay_id(gateway, asked), now)
    elif "prepay_id" in asked:
        order = _order_of_prepay(gateway, asked["prepay_id"], now)
    else:
        order = _known(orders.find(gateway, str(asked.get("out_trade_no", ""))))
    if asked.get("openid", order["openid"]) != order["openid"]:
        raise Declined(403, "PAYER_MISMATCH", "付款人与下单时的用户不一致")
    return _paid(gateway, order, late=asked.get("late") is True, now=now)


def _paid(gateway: Gateway, order: Row, *, late: bool, now: datetime) -> Row:
    if order["state"] == "CLOSED":
        raise Declined(409, "ORDER_CLOSED", "订单已关闭，请返回商户重新下单")
    if order["state"] != "NOTPAY":
        raise Declined(409, "ORDER_PAID", "该订单已支付，无需重复支付")
    expires_at = as_instant(order["expires_at"])
    if now >= expires_at and not late:
        raise Declined(409, "ORDER_EXPIRED", "订单已过支付时间，请返回商户重新下单")
    order = order | {
        "state": "SUCCESS",
        "transaction_id": f"4200{now:%Y%m%d}" + f"{secrets.randbelow(10**16):016d}",
        "paid_at": as_text(min(now, expires_at - timedelta(seconds=1))),
    }
    gateway.store.run(
        "UPDATE orders SET state = ?, transaction_id = ?, paid_at = ? WHERE out_trade_no = ?",
        *(order["state"], order["transaction_id"], order["paid_at"], order["out_trade_no"]),
    )
    notices.add_payment_notice(gateway, order)
    return {
        "out_trade_no": order["out_trade_no"],
        "transaction_id": order["transaction_id"],
        "trade_state": "SUCCESS",
        "total_fen": order["total_fen"],
    }


def _signed_prepay_id(gateway: Gateway, asked: Row) -> str:
    """wx.requestPayment refuses parameters that the merchant's key didn't sign (pay.weixin.qq.com, 调起支付)."""
    names = ("appId", "timeStamp", "nonceStr", "package")
    if not all(isinstance(asked.get(name), str) for name in (*names, "paySign")):
        raise Declined(400, "PARAM_ERROR", "缺少 appId、timeStamp、nonceStr、package 或 paySign，且均应为字符串")
    if asked.get("signType") != "RSA":
        raise Declined(400, "PARAM_ERROR", "signType 应为 RSA")
    if asked["appId"] != gateway.known.mini_program_appid:
        raise Declined(400, "APPID_MISMATCH", "appId 与小程序不一致")
    message = "".join(f"{asked[name]}\n" for name in names).encode()
    if not signing.is_signed_by(gateway.merchant_key, message, asked["paySign"]):
        raise Declined(400, "PAY_SIGN_ERROR", "支付验证签名失败")
    name, _, prepay_id = asked["package"].partition("=")
    if name != "prepay_id":
        raise Declined(400, "PARAM_ERROR", "package 应为 prepay_id=…")
    return str(prepay_id)


def _order_of_prepay(gateway: Gateway, prepay_id: object, now: datetime) -> Row:
    found = gateway.store.row("SELECT * FROM prepays WHERE prepay_id = ?", str(prepay_id))
    if found is None:
        raise Declined(404, "PREPAY_NOT_EXIST", "预支付交易会话不存在")
    if now >= as_instant(found["created_at"]) + orders.PREPAY_LIFE:
        raise Declined(409, "PREPAY_EXPIRED", "预支付交易会话已过期，请返回商户重新支付")
    return _known(orders.find(gateway, found["out_trade_no"]))


def _known(order: Row | None) -> Row:
    if order is None:
        raise Declined(404, "ORDER_NOT_EXIST", "订单不存在")
    return order
