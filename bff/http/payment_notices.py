"""Where payment channels tell us what happened. Verified, settled once, then acknowledged.

Acknowledged (204): settled, known already, surplus, or a refund recorded. Refused with 4xx and
`{"code": "FAIL"}`: not to be believed, or it says something else than our books (WeChat Pay sends it again; an
engineer has the log by then). 5xx: not known yet, or the database is busy: it must come again.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.checkout.refunding import record_refund
from models.checkout.settling import Settled, settle_notice
from models.errors import DomainError, ErrorCode
from payments.port import (
    EchoNotice,
    NoticeProbe,
    NoticeRefused,
    PaymentChannel,
    PaymentError,
    PaymentNotice,
    RefundNotice,
)

STATUS_OF = {ErrorCode.PAYMENT_MISMATCH: 400, ErrorCode.BUSY: 503}

log = structlog.get_logger("bff.payment_notices")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeDoor:
    """One channel's door. `mchid` is the merchant that notices must be meant for."""

    name: str
    channel: PaymentChannel
    mchid: str
    clock: Callable[[], datetime]
    wake: Callable[[str], Awaitable[None]]

    async def receive(self, request: Request) -> Response:
        body = await request.body()
        try:
            notice = await self.channel.parse_notice(request.headers, body, self.clock())
        except NoticeProbe:
            return _fail(401, "signature")
        except NoticeRefused as refused:
            log.warning("notice refused", channel=self.name, why=type(refused).__name__)
            return _fail(401, "signature")
        except PaymentError as error:
            log.warning("notice could not be verified now", channel=self.name, code=error.code)
            return _fail(503, "try again")
        return await self._take(notice)

    async def _take(self, notice: PaymentNotice | RefundNotice | EchoNotice) -> Response:
        if isinstance(notice, EchoNotice):
            return Response(status_code=204)
        try:
            if isinstance(notice, RefundNotice):
                known = await record_refund(notice.refund, now=self.clock())
                return Response(status_code=204) if known else _fail(500, "unknown refund")
            outcome = await settle_notice(notice, channel=self.name, mchid=self.mchid, now=self.clock())
        except DomainError as refusal:
            return _fail(STATUS_OF.get(refusal.code, 500), refusal.code)
        log.info("notice taken", channel=self.name, outcome=outcome.value)
        await self.wake("refunds" if outcome is Settled.SURPLUS else "forward")
        return Response(status_code=204)


def notice_routes(doors: Mapping[str, NoticeDoor]) -> list[Route]:
    """Path → door."""
    return [Route(path, door.receive, methods=["POST"]) for path, door in doors.items()]


def _fail(status: int, why: str) -> Response:
    return Response(orjson.dumps({"code": "FAIL", "message": why}), status, media_type="application/json")
