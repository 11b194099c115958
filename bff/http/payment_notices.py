"""Where payment channels tell us what happened. Verified, settled once, then acknowledged.

Each channel has a door at `/payments/<channel>/notices` and says itself how it wants to be answered. Acknowledged:
settled, known already, surplus, or a refund recorded. Refused with 4xx: not to be believed, or it says something
else than our books (the channel sends it again; an engineer has the log by then). 5xx: not known yet, or the
database is busy: it must come again.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.checkout.refunding import hasten_refund, record_refund
from models.checkout.settling import Settled, settle_notice
from models.errors import DomainError, ErrorCode
from payments.port import (
    EchoNotice,
    Notice,
    NoticeAnswer,
    NoticeProbe,
    NoticeRefused,
    PaymentChannel,
    PaymentError,
    RefundHint,
    RefundNotice,
)

STATUS_OF = {ErrorCode.PAYMENT_MISMATCH: 400, ErrorCode.BUSY: 503}

log = structlog.get_logger("bff.payment_notices")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeDoor:
    """One channel's door."""

    name: str
    channel: PaymentChannel
    clock: Callable[[], datetime]
    wake: Callable[[str], Awaitable[None]]

    async def receive(self, request: Request) -> Response:
        body = await request.body()
        try:
            notice = await self.channel.parse_notice(request.headers, body, self.clock())
        except NoticeProbe:
            return self._refuse(401, "signature")
        except NoticeRefused as refused:
            log.warning("notice refused", channel=self.name, why=type(refused).__name__)
            return self._refuse(401, "signature")
        except PaymentError as error:
            log.warning("notice could not be verified now", channel=self.name, code=error.code)
            return self._refuse(503, "try again")
        try:
            return await self._take(notice)
        except DomainError as refusal:
            return self._refuse(STATUS_OF.get(refusal.code, 500), refusal.code)

    async def _take(self, notice: Notice) -> Response:
        if isinstance(notice, EchoNotice):
            return self._acknowledge()
        if isinstance(notice, RefundNotice):
            known = await record_refund(notice.refund, now=self.clock())
            return self._acknowledge() if known else self._refuse(500, "unknown refund")
        if isinstance(notice, RefundHint):
            known = await hasten_refund(notice.refund_no, notice.payment_no, now=self.clock())
            await self.wake("refunds")
            return self._acknowledge() if known else self._refuse(500, "unknown refund")
        outcome = await settle_notice(notice, channel=self.name, mchid=self.channel.mchid, now=self.clock())
        log.info("notice taken", channel=self.name, outcome=outcome.value)
        await self.wake("refunds" if outcome is Settled.SURPLUS else "forward")
        return self._acknowledge()

    def _acknowledge(self) -> Response:
        return _response(self.channel.acknowledge())

    def _refuse(self, status: int, why: str) -> Response:
        return _response(self.channel.refuse(status, why))


def notice_path(channel: str) -> str:
    """`/payments/wechat-pay/notices`: what the channel is told as notify_url ends so."""
    return f"/payments/{channel.lower().replace('_', '-')}/notices"


def notice_routes(
    channels: Mapping[str, PaymentChannel],
    clock: Callable[[], datetime],
    wake: Callable[[str], Awaitable[None]],
) -> list[Route]:
    """A door for every channel there is."""
    return [
        Route(
            notice_path(name),
            NoticeDoor(name=name, channel=channel, clock=clock, wake=wake).receive,
            methods=["POST"],
        )
        for name, channel in channels.items()
    ]


def _response(answer: NoticeAnswer) -> Response:
    return Response(answer.body, answer.status, media_type=answer.media_type if answer.body else None)
