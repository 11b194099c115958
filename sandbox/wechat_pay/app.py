"""WeChat Pay v3 put together: the merchant's routes, the payer's, the controls, and the background."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.clock import Clock
from sandbox.faults import Faults, one_of, seconds, switch
from sandbox.keys import load_secrets
from sandbox.service import Service, control_routes, json_object, refuse_control
from sandbox.store import Row, Store
from sandbox.wechat_pay import books, notices, orders, parameters, payer, payer_page, refunds, signing
from sandbox.wechat_pay.background import Background
from sandbox.wechat_pay.door import Asked, merchant_route
from sandbox.wechat_pay.gateway import Gateway, open_gateway
from sandbox.wechat_pay.refusals import bad_parameter

OWN_FAULTS = {
    "lost_notices": switch,  # notices that fall due never arrive, not later either
    "doubled_notices": switch,  # each delivery happens twice at the same moment
    "late_notices": seconds,  # a new notice's first delivery waits
    "reordered_notices": seconds,  # first deliveries gather for so long, then go newest first
    "signtest": switch,  # every answer, and each notice's first delivery, is a WECHATPAY/SIGNTEST/ probe
    "rotate_certificate": switch,  # switching it on makes a new certificate, which signs from then on
    "notices_signed_by": one_of("public_key", "certificate"),
    "forged_amount": switch,  # notices tell of one fen more than was paid
    "refund_seconds": seconds,  # until a refund settles, instead of 0.2
    "refunds_end_as": one_of("SUCCESS", "ABNORMAL", "CLOSED"),
    "merchant_balance_empty": switch,  # new refunds are refused with NOT_ENOUGH
}
TABLES = orders.TABLES + refunds.TABLES + notices.TABLES


def create_app(folder: Path, *, notice_time_scale: float = 1.0) -> Starlette:
    """`notice_time_scale` stretches or shortens WeChat's schedule of notice retries."""
    store = Store(folder / "wechat-pay.sqlite3", TABLES)
    clock = Clock(store)
    service = Service("wechat-pay", "微信支付", store, clock, Faults(store, OWN_FAULTS))
    gateway = open_gateway(folder, service, load_secrets(folder))
    service.on_change = lambda: after_change(gateway)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(Background(gateway, notice_time_scale=notice_time_scale).run())
        task.add_done_callback(tell_of_failure)
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    return Starlette(
        routes=[
            *merchant_routes(gateway),
            *control_routes(service, lambda _: books.contents(gateway)),
            *payer_routes(gateway),
            *payer_page.routes(gateway),
        ],
        lifespan=lifespan,
    )


def tell_of_failure(background: asyncio.Task[None]) -> None:
    """Without it the process would go on answering while no notice ever left it."""
    if not background.cancelled() and background.exception():
        logging.getLogger(__name__).critical("the background died", exc_info=background.exception())


def merchant_routes(gateway: Gateway) -> list[Route]:
    transactions, domestic = "/v3/pay/transactions", "/v3/refund/domestic"
    by_number = f"{transactions}/out-trade-no/{{out_trade_no}}"
    table = [
        ("POST", f"{transactions}/jsapi", lambda g, asked: orders.place(g, asked.body)),
        ("GET", by_number, lambda g, asked: orders.query(g, asked.path["out_trade_no"])),
        ("POST", f"{by_number}/close", lambda g, asked: orders.close(g, asked.path["out_trade_no"])),
        ("GET", f"{transactions}/id/{{transaction_id}}", query_by_transaction),
        ("POST", f"{domestic}/refunds", lambda g, asked: refunds.ask(g, asked.body)),
        ("GET", f"{domestic}/refunds/{{out_refund_no}}", query_refund),
        ("GET", "/v3/certificates", lambda g, _: g.platform.listed(g.known.apiv3_key)),
        ("POST", "/v3/security/echo", echo),
    ]
    return [merchant_route(gateway, method, path, handler) for method, path, handler in table]


def query_by_transaction(gateway: Gateway, asked: Asked) -> Row:
    return orders.query_by_transaction(gateway, asked.path["transaction_id"])


def query_refund(gateway: Gateway, asked: Asked) -> Row:
    return refunds.query(gateway, asked.path["out_refund_no"])


def echo(gateway: Gateway, asked: Asked) -> Row:
    """`POST /v3/security/echo` (pay.weixin.qq.com 4015139289): signs, verifies, decrypts, encrypts, notices.

    `encrypted_echo_message` is decrypted with the key that Wechatpay-Serial names and given back under the
    merchant's own key.
    """
    answer: Row = {"echo_message": parameters.text(asked.body, "echo_message", most=1024)}
    sealed = parameters.optional_text(asked.body, "encrypted_echo_message", most=2048)
    if sealed is not None:
        key = gateway.platform.key_of(asked.wanted_serial)
        try:
            plaintext = key.decrypt(base64.b64decode(sealed, validate=True), signing.FIELD_ENCRYPTION)
        except (binascii.Error, ValueError) as error:
            raise bad_parameter("encrypted_echo_message", "请确认待处理的消息是否为加密后的密文") from error
        under_merchant_key = gateway.merchant_key.encrypt(plaintext, signing.FIELD_ENCRYPTION)
        answer["encrypted_echo_message"] = base64.b64encode(under_merchant_key).decode()
    notify_url = parameters.notify_url(asked.body, required=False)
    if notify_url:
        notices.add_echo_notice(gateway, notify_url, answer["echo_message"])
    return answer


def payer_routes(gateway: Gateway) -> list[Route]:
    async def pay(request: Request) -> Response:
        try:
            asked = json_object(await request.body())
            with gateway.store.transaction():
                return JSONResponse(payer.pay(gateway, asked))
        except payer.Declined as declined:
            return JSONResponse(declined.answer, declined.status)
        except ValueError as error:
            return refuse_control(str(error))

    async def send_again(request: Request) -> Response:
        try:
            out_trade_no = json_object(await request.body()).get("out_trade_no")
        except ValueError as error:
            return refuse_control(str(error))
        return JSONResponse({"notices": notices.send_again(gateway, str(out_trade_no))})

    return [
        Route("/_sandbox/pay", pay, methods=["POST"]),
        Route("/_sandbox/send-notices-again", send_again, methods=["POST"]),
    ]


def after_change(gateway: Gateway) -> None:
    """The background looks at once; `rotate_certificate` acts when it is switched on, not while it stays on."""
    rotating, rotated = gateway.faults.is_on("rotate_certificate"), gateway.store.setting("rotated", False)
    if rotating and not rotated:
        gateway.platform.rotate(gateway.now())
    gateway.store.keep_setting("rotated", rotating)
    gateway.wake.set()
