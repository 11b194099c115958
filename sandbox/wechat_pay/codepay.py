"""付款码支付: the cashier scans the code on the payer's phone (pay.weixin.qq.com 4012382150, and 撤销).

The result is in the answer; WeChat Pay sends no notice of it, also when the payer confirmed later
(developers.weixin.qq.com/community/pay/doc/000ce47592cef893289fd214c51000).
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from sandbox.clock import as_instant, as_text
from sandbox.store import Row
from sandbox.wechat_pay import orders, parameters, payer, placing, refunds
from sandbox.wechat_pay.door import Accepted, Asked
from sandbox.wechat_pay.gateway import Gateway
from sandbox.wechat_pay.refusals import Refusal

CODE_LIFE = timedelta(minutes=1)
CODE = r"1[0-5][0-9]{16}"
# 验证密码规则: more than 1,000 yuan needs the password, and WeChat may ask for it at any amount.
CONFIRMED_FROM_FEN = 1000_00
REVERSIBLE_FOR = timedelta(days=7)  # 撤销订单 of v2; v3's page names no limit

TABLES = """
CREATE TABLE IF NOT EXISTS payer_codes (
    auth_code TEXT PRIMARY KEY, openid TEXT NOT NULL, created_at TEXT NOT NULL,
    out_trade_no TEXT REFERENCES orders);
"""


def new_code(gateway: Gateway, openid: str) -> str:
    """What the payer's phone shows: 18 digits that begin with 10 to 15, good once and for a minute."""
    code = f"1{secrets.randbelow(6)}{secrets.randbelow(10**16):016d}"
    gateway.store.run("INSERT INTO payer_codes VALUES (?, ?, ?, NULL)", code, openid, as_text(gateway.now()))
    return code


def pay(gateway: Gateway, asked: Asked) -> Row | Accepted:
    """`POST /v3/pay/transactions/codepay`: paid at once, or 202 USERPAYING while the payer must confirm."""
    auth_code = parameters.text(parameters.part(asked.body, "payer"), "auth_code", most=32, pattern=CODE)
    store_info = parameters.part(parameters.part(asked.body, "scene_info"), "store_info")
    parameters.text(store_info, "id", most=32)
    order = placing.checked(gateway, asked.body, orders.MICROPAY)
    known = orders.find(gateway, order["out_trade_no"])
    if known is not None:
        placing.check_repeated(known, order)
        return _waiting()
    openid = _used(gateway, auth_code)
    order |= {"openid": openid, "notify_url": "", "state": "USERPAYING"}
    placing.insert(gateway, order)
    gateway.store.run(
        "UPDATE payer_codes SET out_trade_no = ? WHERE auth_code = ?", order["out_trade_no"], auth_code
    )
    if order["total_fen"] >= CONFIRMED_FROM_FEN or gateway.faults.is_on("payer_must_confirm"):
        return _waiting()
    payer.pay(gateway, {"out_trade_no": order["out_trade_no"]})
    return orders.query(gateway, order["out_trade_no"])


def reverse(gateway: Gateway, asked: Asked) -> Row:
    """`POST …/reverse`, repeatable: an unpaid order can't be paid any more, a paid one is given back whole."""
    appid = parameters.text(asked.body, "appid", most=32)
    order = orders.known(gateway, asked.path["out_trade_no"])
    if appid != order["appid"]:
        raise Refusal("APPID_MCHID_NOT_MATCH", "appid 与下单时不一致")
    if order["trade_type"] != orders.MICROPAY:
        raise Refusal("INVALID_REQUEST", "只有付款码支付的订单可以撤销")
    if order["state"] != "REVOKED":
        if gateway.now() > as_instant(order["created_at"]) + REVERSIBLE_FOR:
            raise Refusal("INVALID_REQUEST", "订单已超过七天，请调用申请退款接口")
        if order["state"] in orders.PAID:
            refunds.give_back_whole(gateway, order)
        orders.end(gateway, order, "REVOKED")
    return {"appid": appid, "mchid": gateway.known.mchid, "out_trade_no": order["out_trade_no"]}


def _waiting() -> Accepted:
    """A 202 that tells the state and nothing else.

    github.com/binarywang/WxJava/issues/4050 and developers.weixin.qq.com, 付款码V3接口返回tradeStateDesc是空值.
    """
    return Accepted({"trade_state": "USERPAYING"})


def _used(gateway: Gateway, auth_code: str) -> str:
    """Whose code it is. v3's page lists no code of its own for a stale one; this is v2's (AUTH_CODE_INVALID)."""
    code = gateway.store.row("SELECT * FROM payer_codes WHERE auth_code = ?", auth_code)
    if code is None:
        raise Refusal("AUTH_CODE_INVALID", "101 付款码无效，请重新扫码")
    too_late = gateway.now() >= as_instant(code["created_at"]) + CODE_LIFE
    if too_late or code["out_trade_no"] is not None:
        raise Refusal("AUTH_CODE_INVALID", "101 付款码已过期，请退出重试")
    return str(code["openid"])
