"""What a merchant asks to be paid: the same for a page, a QR code and a payment code."""

from __future__ import annotations

import json
from datetime import datetime

from sandbox.alipay import parameters
from sandbox.alipay.door import Asked
from sandbox.alipay.gateway import Gateway
from sandbox.alipay.refusals import bad_parameter
from sandbox.clock import as_instant, as_text
from sandbox.store import Row

OUT_TRADE_NO = r"[0-9A-Za-z_]+"
DEFAULT_TIMEOUT = "15d"
PRODUCT_CODES = {"alipay.trade.wap.pay": "QUICK_WAP_WAY", "alipay.trade.page.pay": "FAST_INSTANT_TRADE_PAY"}


def asked_for(gateway: Gateway, asked: Asked) -> Row:
    """The order in `asked`, checked."""
    biz = asked.biz
    product_code = PRODUCT_CODES.get(asked.method)
    if product_code and biz.get("product_code") != product_code:
        raise bad_parameter("product_code", f"应为 {product_code}", biz.get("product_code"))
    time_expire = parameters.time_expire(biz, gateway.now())
    return {
        "out_trade_no": parameters.text(biz, "out_trade_no", most=64, pattern=OUT_TRADE_NO),
        "method": asked.method,
        "subject": parameters.text(biz, "subject", most=256),
        "body": parameters.optional_text(biz, "body", most=128),
        "passback_params": parameters.optional_text(biz, "passback_params", most=512),
        "total_fen": parameters.fen(biz, "total_amount"),
        "notify_url": asked.notify_url,
        "return_url": asked.return_url,
        "quit_url": parameters.optional_text(biz, "quit_url", most=400, pattern=r"https?://\S+"),
        "certificate_mode": asked.certificate_mode,
        "timeout_express": parameters.timeout_express(biz),
        "time_expire": time_expire and as_text(time_expire),
    }


def ends_at(order: Row, opened_at: datetime) -> datetime:
    """time_expire before timeout_express, which counts from when the trade came to be."""
    if order["time_expire"]:
        return as_instant(order["time_expire"])
    return parameters.end_of(order["timeout_express"] or DEFAULT_TIMEOUT, opened_at)


def as_json(order: Row) -> str:
    return json.dumps(order, ensure_ascii=False)


def from_json(text: str) -> Row:
    order: Row = json.loads(text)
    return order
