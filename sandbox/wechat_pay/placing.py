"""Orders placed: in the mini-program or the official account (JSAPI), in a browser (H5), to be scanned (Native).

Each way gives the payer a ticket that lives for a while: a prepay_id, an h5_url, a code_url. The order lives longer.
"""

from __future__ import annotations

import json
import secrets
import string
from datetime import datetime, timedelta

from sandbox.clock import BEIJING, as_instant, as_text
from sandbox.store import Row
from sandbox.wechat_pay import orders, parameters
from sandbox.wechat_pay.door import Asked
from sandbox.wechat_pay.gateway import Gateway
from sandbox.wechat_pay.refusals import Refusal

DEFAULT_LIFE = timedelta(days=7)  # without time_expire
SHORTEST_LIFE = timedelta(minutes=1)  # an earlier time_expire is moved to it, a later one than 90 days back
LONGEST_LIFE = timedelta(days=90)
# pay.weixin.qq.com: prepay_id and code_url 4012525167 and 4012525171, h5_url 4012791834
TICKET_LIFE = {"JSAPI": timedelta(hours=2), "NATIVE": timedelta(hours=2), "MWEB": timedelta(minutes=5)}
H5_PATH = "/cgi-bin/mmpayweb-bin/checkmweb"  # as at wx.tenpay.com
CODE_URL = "weixin://wxpay/bizpayurl?pr="

TABLES = """
CREATE TABLE IF NOT EXISTS prepays (
    prepay_id TEXT PRIMARY KEY, out_trade_no TEXT NOT NULL REFERENCES orders, created_at TEXT NOT NULL);
"""


def jsapi(gateway: Gateway, asked: Asked) -> Row:
    """`POST /v3/pay/transactions/jsapi`: a new prepay_id, also for an open order asked for once more."""
    openid = parameters.text(parameters.part(asked.body, "payer"), "openid", most=128)
    _place(gateway, asked.body, "JSAPI", openid=openid)
    return {"prepay_id": _ticket(gateway, asked.body, _prepay_id(gateway.now()))}


def h5(gateway: Gateway, asked: Asked) -> Row:
    """`POST /v3/pay/transactions/h5`: an address of this process, where a person pays in a browser."""
    scene = parameters.part(asked.body, "scene_info")
    parameters.ip_address(scene, "payer_client_ip")
    parameters.text(parameters.part(scene, "h5_info"), "type", most=32)
    _place(gateway, asked.body, "MWEB")
    prepay_id = _ticket(gateway, asked.body, _prepay_id(gateway.now()))
    return {"h5_url": f"{asked.base_url}{H5_PATH}?prepay_id={prepay_id}&package={secrets.randbits(31)}"}


def native(gateway: Gateway, asked: Asked) -> Row:
    """`POST /v3/pay/transactions/native`: what the merchant shows as a QR code, for whoever scans it."""
    _place(gateway, asked.body, "NATIVE")
    letters = string.ascii_letters + string.digits
    code = "".join(secrets.choice(letters) for _ in range(7)) + "zz"
    return {"code_url": CODE_URL + _ticket(gateway, asked.body, code)}


def checked(gateway: Gateway, body: Row, trade_type: str) -> Row:
    """The order that `body` asks for, with what all kinds have in common."""
    now = gateway.now()
    appid = parameters.text(body, "appid", most=32)
    parameters.text(body, "mchid", most=32)
    amount = parameters.part(body, "amount")
    order = {
        "out_trade_no": parameters.text(body, "out_trade_no", least=6, most=32, pattern=r"[0-9A-Za-z_\-|*]+"),
        "request": json.dumps(body, sort_keys=True, ensure_ascii=False),
        "description": parameters.text(body, "description", most=127),
        "attach": parameters.optional_text(body, "attach", most=128, least=0),
        "total_fen": parameters.fen(amount, "total"),
        "created_at": as_text(now),
        "expires_at": as_text(_end_of(parameters.time_expire(body), now)),
        "trade_type": trade_type,
        "appid": appid,
    }
    parameters.optional_text(amount, "currency", most=16, pattern="CNY")
    if appid not in gateway.appids:
        raise Refusal("APPID_MCHID_NOT_MATCH", "商户号 mchid 与 appid 不匹配")
    return order


def insert(gateway: Gateway, order: Row) -> None:
    names = ", ".join(order)
    marks = ", ".join("?" for _ in order)
    gateway.store.run(f"INSERT INTO orders ({names}) VALUES ({marks})", *order.values())


def check_repeated(known: Row, order: Row) -> None:
    """Asked for under a known number: only the same order, still open, may be asked for again."""
    if known["state"] in orders.PAID:
        raise Refusal("OUT_TRADE_NO_USED", "商户订单号重复，该订单已支付")
    if known["state"] in ("CLOSED", "REVOKED"):
        raise Refusal("ORDER_CLOSED", "订单已关闭，请使用新的商户订单号下单")
    if known["state"] == "PAYERROR":
        raise Refusal("TRADE_ERROR", "用户没有完成支付，请撤销后使用新的商户订单号")
    if (known["trade_type"], known["request"]) != (order["trade_type"], order["request"]):
        raise Refusal("INVALID_REQUEST", "请求重入时，参数与首次请求时不一致")
    if as_instant(known["expires_at"]) <= as_instant(order["created_at"]):
        raise Refusal("INVALID_REQUEST", "订单已过支付结束时间，请使用新的商户订单号下单")


def _place(gateway: Gateway, body: Row, trade_type: str, *, openid: str = "") -> None:
    order = checked(gateway, body, trade_type)
    notify_url = parameters.notify_url(body, required=True)
    known = orders.find(gateway, order["out_trade_no"])
    if known is None:
        insert(gateway, order | {"openid": openid, "notify_url": notify_url, "state": "NOTPAY"})
    else:
        check_repeated(known, order)


def _end_of(time_expire: datetime | None, now: datetime) -> datetime:
    if time_expire is None:
        return now + DEFAULT_LIFE
    return min(max(time_expire, now + SHORTEST_LIFE), now + LONGEST_LIFE)


def _prepay_id(now: datetime) -> str:
    return f"wx{now.astimezone(BEIJING):%d%H%M%S}{secrets.token_hex(13)}"


def _ticket(gateway: Gateway, body: Row, ticket: str) -> str:
    gateway.store.run("INSERT INTO prepays VALUES (?, ?, ?)", ticket, body["out_trade_no"], as_text(gateway.now()))
    return ticket
