"""The person with the phone: pays, refuses, pays late. By page for people, by JSON for tests and the demo."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from sandbox.clock import as_instant, as_text
from sandbox.store import Row
from sandbox.wechat_pay import notices, orders, placing, signing
from sandbox.wechat_pay.gateway import Gateway

PASSER_BY = "oSandboxPasserBy000000000000"  # who pays what any person may pay, when nobody says who
ENDED = {
    "CLOSED": "订单已关闭，请返回商户重新下单",
    "REVOKED": "订单已撤销，请返回商户重新下单",
    "PAYERROR": "支付已失败，请返回商户重新下单",
}


class Declined(Exception):
    """The payer can't pay; nothing was charged."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.answer = {"code": code, "message": message}


def pay(gateway: Gateway, asked: Row) -> Row:
    """Perform the payment that `asked` names: an order's number, a ticket, or what wx.requestPayment is given.

    `late: true` pays an order past its time_expire, as if at its last second and noticed only now.
    """
    order, now = named(gateway, asked), gateway.now()
    _check_payable(order, late=asked.get("late") is True, now=now)
    payer = asked.get("openid", order["openid"] or PASSER_BY)
    if payer != (order["openid"] or payer) or not isinstance(payer, str) or not payer:
        raise Declined(403, "PAYER_MISMATCH", "付款人与下单时的用户不一致")
    return _paid(gateway, order | {"openid": payer}, now)


def refuse(gateway: Gateway, out_trade_no: str) -> Row:
    """The payer whose code was scanned closes the password box: the payment has failed."""
    order = _known(orders.find(gateway, out_trade_no))
    if order["state"] != "USERPAYING":
        raise Declined(409, "ORDER_NOT_USERPAYING", "该订单没有在等待用户确认")
    orders.end(gateway, order, "PAYERROR")
    return {"out_trade_no": out_trade_no, "trade_state": "PAYERROR"}


def named(gateway: Gateway, asked: Row) -> Row:
    """The order that `asked` names in one of the payer's ways."""
    if "paySign" in asked:
        return _order_of_request_payment(gateway, asked)
    if "prepay_id" in asked:
        return _order_of_ticket(gateway, asked["prepay_id"], "JSAPI")
    if "code_url" in asked:
        return _order_of_ticket(gateway, str(asked["code_url"]).strip().removeprefix(placing.CODE_URL), "NATIVE")
    if "h5_url" in asked:
        query = parse_qs(urlsplit(str(asked["h5_url"])).query)
        return _order_of_ticket(gateway, query.get("prepay_id", [""])[0], "MWEB")
    return _known(orders.find(gateway, str(asked.get("out_trade_no", ""))))


def _check_payable(order: Row, *, late: bool, now: datetime) -> None:
    if order["state"] in ENDED:
        raise Declined(409, "ORDER_CLOSED", ENDED[order["state"]])
    if order["state"] not in orders.OPEN:
        raise Declined(409, "ORDER_PAID", "该订单已支付，无需重复支付")
    if now >= as_instant(order["expires_at"]) and not late:
        raise Declined(409, "ORDER_EXPIRED", "订单已过支付时间，请返回商户重新下单")


def _paid(gateway: Gateway, order: Row, now: datetime) -> Row:
    last_second = as_instant(order["expires_at"]) - timedelta(seconds=1)
    order = order | {
        "state": "SUCCESS",
        "transaction_id": f"4200{now:%Y%m%d}" + f"{secrets.randbelow(10**16):016d}",
        "paid_at": as_text(min(now, last_second)),
    }
    gateway.store.run(
        "UPDATE orders SET state = ?, transaction_id = ?, paid_at = ?, openid = ? WHERE out_trade_no = ?",
        *(order["state"], order["transaction_id"], order["paid_at"], order["openid"], order["out_trade_no"]),
    )
    if order["notify_url"]:
        notices.add_payment_notice(gateway, order)
    return {
        "out_trade_no": order["out_trade_no"],
        "transaction_id": order["transaction_id"],
        "trade_state": "SUCCESS",
        "total_fen": order["total_fen"],
    }


def _order_of_request_payment(gateway: Gateway, asked: Row) -> Row:
    """wx.requestPayment refuses parameters that the merchant's key didn't sign (pay.weixin.qq.com, 调起支付)."""
    names = ("appId", "timeStamp", "nonceStr", "package")
    if not all(isinstance(asked.get(name), str) for name in (*names, "paySign")):
        raise Declined(400, "PARAM_ERROR", "缺少 appId、timeStamp、nonceStr、package 或 paySign，且均应为字符串")
    if asked.get("signType") != "RSA":
        raise Declined(400, "PARAM_ERROR", "signType 应为 RSA")
    if asked["appId"] not in gateway.appids:
        raise Declined(400, "APPID_MISMATCH", "appId 与商户号没有绑定关系")
    message = "".join(f"{asked[name]}\n" for name in names).encode()
    if not signing.is_signed_by(gateway.merchant_key, message, asked["paySign"]):
        raise Declined(400, "PAY_SIGN_ERROR", "支付验证签名失败")
    name, _, prepay_id = asked["package"].partition("=")
    if name != "prepay_id":
        raise Declined(400, "PARAM_ERROR", "package 应为 prepay_id=…")
    order = _order_of_ticket(gateway, prepay_id, "JSAPI")
    if asked["appId"] != order["appid"]:
        raise Declined(400, "APPID_MISMATCH", "appId 与下单时的 appid 不一致")
    return order


def _order_of_ticket(gateway: Gateway, ticket: object, trade_type: str) -> Row:
    found = gateway.store.row(
        "SELECT prepays.created_at, out_trade_no FROM prepays JOIN orders USING (out_trade_no)"
        " WHERE prepay_id = ? AND trade_type = ?",
        *(str(ticket), trade_type),
    )
    if found is None:
        raise Declined(404, "PREPAY_NOT_EXIST", "预支付交易会话不存在")
    if gateway.now() >= as_instant(found["created_at"]) + placing.TICKET_LIFE[trade_type]:
        raise Declined(409, "PREPAY_EXPIRED", "预支付交易会话已过期，请返回商户重新支付")
    return _known(orders.find(gateway, found["out_trade_no"]))


def _known(order: Row | None) -> Row:
    if order is None:
        raise Declined(404, "ORDER_NOT_EXIST", "订单不存在")
    return order
