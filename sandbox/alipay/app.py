"""Alipay put together: the gateway, the bill, the payer's pages, the controls, and the background."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import deliveries
from sandbox.alipay import (
    books,
    cashier,
    door,
    methods,
    notices,
    offers,
    payer,
    payer_page,
    people,
    refunds,
    statements,
    trades,
)
from sandbox.alipay.background import Background
from sandbox.alipay.faults import OWN_FAULTS
from sandbox.alipay.gateway import Gateway, open_gateway
from sandbox.alipay.refusals import Refusal
from sandbox.clock import Clock
from sandbox.faults import Faults
from sandbox.service import Service, control_routes, json_object, refuse_control
from sandbox.store import Row, Store

TABLES = "".join(part.TABLES for part in (people, trades, offers, refunds, notices, statements))


def create_app(folder: Path, *, notice_time_scale: float = 1.0) -> Starlette:
    """`notice_time_scale` stretches or shortens Alipay's schedule of notice retries."""
    store = Store(folder / "alipay.sqlite3", TABLES)
    clock = Clock(store)
    service = Service("alipay", "支付宝", store, clock, Faults(store, OWN_FAULTS))
    gateway = open_gateway(folder, service)
    service.on_change = gateway.wake.set

    return Starlette(
        routes=[
            *methods.routes(gateway),
            *control_routes(service, lambda _: books.contents(gateway)),
            *payer_routes(gateway),
            *payer_page.routes(gateway),
            *cashier.routes(gateway),
        ],
        lifespan=deliveries.beside(Background(gateway, notice_time_scale=notice_time_scale)),
    )


def payer_routes(gateway: Gateway) -> list[Route]:
    def control(path: str, act: Callable[[Row], Row]) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                asked = json_object(await request.body())
                with gateway.store.transaction():
                    return JSONResponse(act(asked))
            except payer.Declined as declined:
                return JSONResponse(declined.answer, declined.status)
            except Refusal as refusal:
                return JSONResponse({"code": refusal.sub_code, "message": refusal.message}, 400)
            except ValueError as error:
                return refuse_control(str(error))

        return Route(path, endpoint, methods=["POST"])

    def open_url(query: str) -> Row:
        return methods.page_offer(gateway, door.decoded(query), "")

    def show_code(asked: Row) -> Row:
        return {"auth_code": people.show_code(gateway, payer.person(gateway, asked.get("buyer_user_id")))}

    def say_who(asked: Row) -> Row:
        return {"auth_code": people.say_who(gateway, payer.person(gateway, asked.get("buyer_user_id")))}

    def send_again(asked: Row) -> Row:
        return {"notices": deliveries.send_again(gateway, str(asked.get("out_trade_no")))}

    return [
        control("/_sandbox/people", lambda asked: people.add(gateway, asked)),
        control("/_sandbox/payer-codes", show_code),
        control("/_sandbox/auth-codes", say_who),
        control("/_sandbox/pay", lambda asked: payer.pay(gateway, asked, open_url)),
        control("/_sandbox/refuse", lambda asked: payer.refuse(gateway, asked, open_url)),
        control("/_sandbox/send-notices-again", send_again),
    ]
