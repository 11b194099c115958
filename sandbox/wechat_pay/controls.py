"""`/_sandbox/…` of WeChat Pay alone: what a person does with a phone, as JSON for tests and the demo."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox import deliveries
from sandbox.service import json_object, refuse_control
from sandbox.store import Row
from sandbox.wechat_pay import codepay, payer
from sandbox.wechat_pay.gateway import Gateway


def routes(gateway: Gateway) -> list[Route]:
    table: dict[str, Callable[[Gateway, Row], Row]] = {
        "pay": payer.pay,
        "refuse": lambda g, asked: payer.refuse(g, str(asked.get("out_trade_no"))),
        "payer-codes": _new_code,
        "send-notices-again": lambda g, asked: {
            "notices": deliveries.send_again(g, str(asked.get("out_trade_no")))
        },
    }
    return [_route(gateway, name, act) for name, act in table.items()]


def _route(gateway: Gateway, name: str, act: Callable[[Gateway, Row], Row]) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            asked = json_object(await request.body())
            with gateway.store.transaction():
                return JSONResponse(act(gateway, asked))
        except payer.Declined as declined:
            return JSONResponse(declined.answer, declined.status)
        except ValueError as error:
            return refuse_control(str(error))

    return Route(f"/_sandbox/{name}", endpoint, methods=["POST"])


def _new_code(gateway: Gateway, asked: Row) -> Row:
    openid = asked.get("openid")
    if not isinstance(openid, str) or not openid:
        raise ValueError("openid says whose payment code it is")
    return {"auth_code": codepay.new_code(gateway, openid)}
