"""Tencent Cloud's API 3.0 with two of its services on one address: the signature says which is meant."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from sandbox.clock import Clock
from sandbox.faults import Faults, one_of, switch
from sandbox.keys import load_secrets
from sandbox.service import Service, control_routes, json_object, refuse_control, under_faults
from sandbox.store import Row, Store
from sandbox.tencent_cloud import messages, people
from sandbox.tencent_cloud.errors import CloudError
from sandbox.tencent_cloud.signing import KeyPair, service_of

SMS_REFUSALS = (
    "LimitExceeded.DeliveryFrequencyLimit",
    "LimitExceeded.AppDailyLimit",
    "FailedOperation.PhoneNumberInBlacklist",
    "FailedOperation.InsufficientBalanceInSmsPackage",
    "InternalError.Timeout",
)
AUTHORITY_ANSWERS = {"down": "-4", "upgrading": "-6", "limited": "-7"}

OWN_FAULTS = {
    "busy": switch,  # InternalError to every request, and nothing is done
    "rate_limited": switch,  # RequestLimitExceeded to every request
    "sms_refused": one_of(*SMS_REFUSALS),  # the status of every message; none is sent
    "authority": one_of(*AUTHORITY_ANSWERS),  # Result -4, -6 or -7 to every question
}


@dataclass(frozen=True)
class Action:
    service: str
    version: str
    needs_region: bool
    act: Callable[[Row, datetime], Row]


def create_app(folder: Path) -> Starlette:
    known = load_secrets(folder)
    store = Store(folder / "tencent-cloud.sqlite3", messages.TABLES + people.TABLES)
    clock = Clock(store)
    service = Service("tencent-cloud", "腾讯云短信与身份信息认证", store, clock, Faults(store, OWN_FAULTS))
    faults = service.faults
    keys = KeyPair(known.tencent_cloud_secret_id, known.tencent_cloud_secret_key)

    def send_sms(asked: Row, now: datetime) -> Row:
        return messages.send(store, asked, known, faults.get("sms_refused", ""), now=now)

    def verify(asked: Row, now: datetime) -> Row:
        return people.verify(store, asked, AUTHORITY_ANSWERS.get(faults.get("authority", ""), ""), now=now)

    actions = {
        "SendSms": Action("sms", "2021-01-11", True, send_sms),
        "IdCardVerification": Action("faceid", "2018-03-01", False, verify),
    }

    async def answered(request: Request) -> Response:
        try:
            if faults.is_on("busy"):
                raise CloudError("InternalError")
            if faults.is_on("rate_limited"):
                raise CloudError("RequestLimitExceeded")
            content = done(request, await request.body(), clock.now())
        except CloudError as error:
            content = error.content
        return JSONResponse({"Response": content | {"RequestId": str(uuid.uuid4())}})

    def done(request: Request, body: bytes, now: datetime) -> Row:
        headers = request.headers
        meant = service_of(headers, body, keys, now)
        action = actions.get(headers.get("x-tc-action", ""))
        if action is None or action.service != meant:
            raise CloudError("InvalidAction")
        if headers.get("x-tc-version") != action.version:
            raise CloudError("NoSuchVersion")
        if action.needs_region and not headers.get("x-tc-region"):
            raise CloudError("MissingParameter", "X-TC-Region")
        if headers.get("content-type", "").split(";")[0].strip() != "application/json":
            raise CloudError("InvalidParameter", "Content-Type")
        try:
            asked = json_object(body)
        except ValueError as error:
            raise CloudError("InvalidParameter") from error
        with store.transaction():
            return action.act(asked, now)

    async def endpoint(request: Request) -> Response:
        failure = "Internal Server Error"
        return await under_faults(service, lambda: answered(request), lambda: PlainTextResponse(failure, 500))

    async def register(request: Request) -> Response:
        try:
            return JSONResponse(people.register(store, json_object(await request.body())))
        except ValueError as error:
            return refuse_control(str(error))

    async def of_phone(request: Request) -> Response:
        return JSONResponse({"messages": messages.of_phone(store, request.query_params.get("phone", ""))})

    return Starlette(
        routes=[
            Route("/", endpoint, methods=["POST"]),
            *control_routes(service, lambda _: {"messages": messages.contents(store)} | people.contents(store)),
            Route("/_sandbox/people", register, methods=["PUT"]),
            Route("/_sandbox/messages", of_phone),
        ]
    )
