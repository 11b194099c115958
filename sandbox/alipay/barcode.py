"""`alipay.trade.pay`: the cashier reads the code on the payer's phone (付款码支付)."""

from __future__ import annotations

from sandbox.alipay import orders, parameters, people, trades
from sandbox.alipay.door import Asked
from sandbox.alipay.gateway import Gateway
from sandbox.alipay.refusals import bad_parameter
from sandbox.clock import as_instant
from sandbox.store import Row

AUTH_CODE = r"(2[5-9]|30)\d{14,22}"
MUST_CONFIRM_FROM_FEN = 1_000_00  # below, the phone pays without being asked (小额免密)
INPROCESS = {"code": "10003", "msg": " order success pay inprocess"}  # with Alipay's own space in front


def pay(gateway: Gateway, asked: Asked) -> Row:
    """10000 and paid, or 10003 and WAIT_BUYER_PAY until the person confirms on the phone."""
    order = orders.asked_for(gateway, asked)
    if asked.biz.get("scene") != "bar_code":
        raise bad_parameter("scene", "应为 bar_code", asked.biz.get("scene"))
    auth_code = parameters.text(asked.biz, "auth_code", most=24, pattern=AUTH_CODE)
    known = trades.reusable(gateway, order)
    person = people.buyer_of_code(gateway, auth_code, order["out_trade_no"])
    trade = known or trades.add(gateway, order, person, gateway.now())
    if order["total_fen"] >= MUST_CONFIRM_FROM_FEN or gateway.faults.is_on("payer_must_confirm"):
        return INPROCESS | trades.shown(gateway, trade)
    paid = trades.pay(gateway, trade, gateway.now())
    return trades.shown(gateway, paid) | {"gmt_payment": parameters.beijing(as_instant(paid["paid_at"]))}
