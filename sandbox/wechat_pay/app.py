"""WeChat Pay v3 put together: the merchant's routes, the payer's, the controls, and the background."""

from __future__ import annotations

import base64
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Route

from sandbox.clock import Clock
from sandbox.deliveries import beside
from sandbox.faults import Faults
from sandbox.keys import load_secrets
from sandbox.service import Service, control_routes
from sandbox.store import Row, Store
from sandbox.wechat_pay import (
    abnormal_refunds,
    books,
    codepay,
    controls,
    notices,
    orders,
    parameters,
    payer_page,
    payment_sheet,
    placing,
    refunds,
    signing,
    statements,
)
from sandbox.wechat_pay.background import Background
from sandbox.wechat_pay.door import Asked, Handler, merchant_route
from sandbox.wechat_pay.gateway import Gateway, open_gateway
from sandbox.wechat_pay.older_stores import bring_up_to_date
from sandbox.wechat_pay.own_faults import OWN_FAULTS
from sandbox.wechat_pay.refusals import bad_parameter

TABLES = "".join(part.TABLES for part in (orders, placing, codepay, refunds, notices, statements))


def create_app(folder: Path, *, notice_time_scale: float = 1.0) -> Starlette:
    """`notice_time_scale` stretches or shortens WeChat's schedule of notice retries."""
    store = Store(folder / "wechat-pay.sqlite3", TABLES)
    clock, known = Clock(store), load_secrets(folder)
    bring_up_to_date(store, known.mini_program_appid)
    service = Service("wechat-pay", "微信支付", store, clock, Faults(store, OWN_FAULTS))
    gateway = open_gateway(folder, service, known)
    service.on_change = lambda: after_change(gateway)

    return Starlette(
        routes=[
            *merchant_routes(gateway),
            *control_routes(service, lambda _: books.contents(gateway)),
            *controls.routes(gateway),
            *payment_sheet.routes(gateway),
            *payer_page.routes(gateway),
        ],
        lifespan=beside(Background(gateway, notice_time_scale=notice_time_scale)),
    )


def merchant_routes(gateway: Gateway) -> list[Route]:
    transactions, domestic = "/v3/pay/transactions", "/v3/refund/domestic"
    by_number = f"{transactions}/out-trade-no/{{out_trade_no}}"
    table: list[tuple[str, str, Handler]] = [
        ("POST", f"{transactions}/jsapi", placing.jsapi),
        ("POST", f"{transactions}/h5", placing.h5),
        ("POST", f"{transactions}/native", placing.native),
        ("POST", f"{transactions}/codepay", codepay.pay),
        ("GET", by_number, lambda g, asked: orders.query(g, asked.path["out_trade_no"])),
        ("POST", f"{by_number}/close", lambda g, asked: orders.close(g, asked.path["out_trade_no"])),
        ("POST", f"{by_number}/reverse", codepay.reverse),
        ("GET", f"{transactions}/id/{{transaction_id}}", query_by_transaction),
        ("POST", f"{domestic}/refunds", lambda g, asked: refunds.ask(g, asked.body)),
        ("GET", f"{domestic}/refunds/{{out_refund_no}}", query_refund),
        ("POST", f"{domestic}/refunds/{{refund_id}}/apply-abnormal-refund", abnormal_refunds.apply),
        ("GET", "/v3/bill/tradebill", statements.trade),
        ("GET", "/v3/bill/fundflowbill", statements.fund_flow),
        ("GET", statements.FILE_PATH, statements.download),
        ("GET", "/v3/certificates", certificates),
        ("POST", "/v3/security/echo", echo),
    ]
    return [merchant_route(gateway, method, path, handler) for method, path, handler in table]


def query_by_transaction(gateway: Gateway, asked: Asked) -> Row:
    return orders.query_by_transaction(gateway, asked.path["transaction_id"])


def query_refund(gateway: Gateway, asked: Asked) -> Row:
    return refunds.query(gateway, asked.path["out_refund_no"])


def certificates(gateway: Gateway, _: Asked) -> Row:
    return gateway.platform.listed(gateway.known.apiv3_key, retired=gateway.faults.is_on("retire_certificates"))


def echo(gateway: Gateway, asked: Asked) -> Row:
    """`POST /v3/security/echo` (pay.weixin.qq.com 4015139289): signs, verifies, decrypts, encrypts, notices.

    `encrypted_echo_message` is decrypted with the key that Wechatpay-Serial names and given back under the
    merchant's own key.
    """
    answer: Row = {"echo_message": parameters.text(asked.body, "echo_message", most=1024)}
    sealed = parameters.optional_text(asked.body, "encrypted_echo_message", most=2048)
    if sealed is not None:
        try:
            retired = gateway.faults.is_on("retire_certificates")
            plaintext = gateway.platform.opened(sealed, asked.wanted_serial, retired=retired)
        except ValueError as error:
            raise bad_parameter("encrypted_echo_message", "请确认待处理的消息是否为加密后的密文") from error
        under_merchant_key = gateway.merchant_key.encrypt(plaintext, signing.FIELD_ENCRYPTION)
        answer["encrypted_echo_message"] = base64.b64encode(under_merchant_key).decode()
    notify_url = parameters.notify_url(asked.body, required=False)
    if notify_url:
        notices.add_echo_notice(gateway, notify_url, answer["echo_message"])
    return answer


def after_change(gateway: Gateway) -> None:
    """The background looks at once; `rotate_certificate` acts when it is switched on, not while it stays on."""
    rotating, rotated = gateway.faults.is_on("rotate_certificate"), gateway.store.setting("rotated", False)
    if rotating and not rotated:
        gateway.platform.rotate(gateway.now())
    gateway.store.keep_setting("rotated", rotating)
    gateway.wake.set()
