"""Files of settlements, for staff who are signed in (`Authorization: Staff …`): GET /settlements/{no}/statement, …/sheet
and …/receipt, GET /payouts/{no} for the bank's file, POST /receipts. And /statement-keys, for everybody: with it anybody
can check a statement (`python -m bff statement verify`).

Each leaves its line in the audit trail and counts as the root field beside which it stands. Receipts came from outside:
they go out as attachments, of the type that was seen in them, and no browser runs anything of them.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from bff.graphql.rates import Rates, who
from bff.pages.visitors import STATUS_OF, address_of
from models.audit import deeds
from models.audit.deeds import Deed
from models.audit.doing import Doing
from models.errors import DomainError, ErrorCode, NotSignedIn
from models.keys import AuditKeys, SealingKeys, StatementKeys
from models.settlement import files, paying_out, receipts, statements
from models.staff import queries as staff
from models.staff.policy import StaffPolicy
from models.staff.rules import StaffSignedIn

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
KEYS_KEPT_SECONDS = 300
_STATUS: Mapping[ErrorCode, int] = {
    **STATUS_OF,
    ErrorCode.NOT_ALLOWED: 403,
    ErrorCode.SETTLEMENT_UNKNOWN: 404,
    ErrorCode.NOTHING_TO_PAY: 404,
    ErrorCode.RECEIPT_REFUSED: 400,
}
_ENDINGS = {"application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg"}

Answer = Callable[[StaffSignedIn, Request, datetime], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementDoor:
    """What these routes need. `rates`: None counts nothing."""

    audit_keys: AuditKeys = field(repr=False)
    account_keys: SealingKeys = field(repr=False)
    statement_keys: StatementKeys = field(repr=False)
    policy: StaffPolicy
    clock: Callable[[], datetime]
    rates: Rates | None = None


def settlement_routes(door: SettlementDoor) -> list[BaseRoute]:
    async def statement(clerk: StaffSignedIn, request: Request, _now: datetime) -> Response:
        no, content = await files.statement_file(clerk=clerk, settlement_no=request.path_params["no"])
        return _file(content, "application/json", f"{no}.json")

    async def sheet(clerk: StaffSignedIn, request: Request, _now: datetime) -> Response:
        no, written = await files.sheet(clerk=clerk, settlement_no=request.path_params["no"])
        return StreamingResponse(written, headers=_as_file(f"{no}.csv"), media_type="text/csv; charset=utf-8")

    async def receipt(clerk: StaffSignedIn, request: Request, _now: datetime) -> Response:
        found = await receipts.receipt_of(clerk=clerk, settlement_no=request.path_params["no"])
        return _file(found.content, found.media_type, f"receipt.{_ENDINGS[found.media_type]}")

    async def payout(clerk: StaffSignedIn, request: Request, _now: datetime) -> Response:
        found = await paying_out.batch_file(
            clerk=clerk, batch_no=request.path_params["no"], keys=door.account_keys
        )
        answer = _file(found.content, "text/csv; charset=utf-8", f"{found.batch_no}.csv")
        answer.headers["X-Content-SHA256"] = found.sha256
        return answer

    async def keep(clerk: StaffSignedIn, request: Request, now: datetime) -> Response:
        digest = await receipts.keep_receipt(clerk=clerk, content=await request.body(), now=now)
        return Response(orjson.dumps({"sha256": digest}), 201, HEADERS, media_type="application/json")

    async def keys(_request: Request) -> Response:
        known = await statements.public_keys(door.statement_keys)
        said = {"algorithm": "Ed25519", "keys": {key_id: key.hex() for key_id, key in known.items()}}
        headers = {"Cache-Control": f"public, max-age={KEYS_KEPT_SECONDS}"}
        return Response(orjson.dumps(said), headers=headers, media_type="application/json")

    def guarded(act: str, answer: Answer, counted_as: str) -> Callable[[Request], Awaitable[Response]]:
        async def answered(request: Request) -> Response:
            return await _answered(door, request, act, answer, counted_as)

        return answered

    return [
        Route("/settlements/{no}/statement", guarded("settlements/statement", statement, "settlement")),
        Route("/settlements/{no}/sheet", guarded("settlements/sheet", sheet, "settlementLines")),
        Route("/settlements/{no}/receipt", guarded("settlements/receipt", receipt, "settlement")),
        Route("/payouts/{no}", guarded("payouts/file", payout, "makePayout")),
        Route("/receipts", guarded("receipts/keep", keep, "recordPayment"), methods=["POST"]),
        Route("/statement-keys", keys),
    ]


async def _answered(door: SettlementDoor, request: Request, act: str, answer: Answer, counted_as: str) -> Response:
    now, authorization = door.clock(), request.headers.get("authorization", "")
    try:
        allowance = None
        if door.rates is not None:
            asked_by = who(address_of(request), authorization=authorization)
            allowance = await door.rates.count({counted_as: 1}, asked_by)
            if allowance.refusal:
                raise allowance.refusal
        async with Doing(Deed(act=act, at=now, address=address_of(request)), keys=door.audit_keys):
            scheme, _, token = authorization.partition(" ")
            clerk = None
            if scheme.lower() == "staff":
                clerk = await staff.find(token=token.strip(), now=now, policy=door.policy)
            if clerk is None:
                raise NotSignedIn
            if allowance is not None:
                allowance.good()
            deeds.done_by("STAFF", clerk.public_id, device_id=clerk.device_id)
            return await answer(clerk, request, now)
    except DomainError as refusal:
        return PlainTextResponse(refusal.sentence(), _STATUS.get(refusal.code, 400), HEADERS)


def _file(content: bytes, media_type: str, name: str) -> Response:
    return Response(content, headers=_as_file(name), media_type=media_type)


def _as_file(name: str) -> Mapping[str, str]:
    return {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
