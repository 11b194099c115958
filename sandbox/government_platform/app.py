"""The platform's one door: signed batches in, signed receipts out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.clock import Clock
from sandbox.faults import Faults, texts
from sandbox.government_platform import intake, signing
from sandbox.keys import load_secrets
from sandbox.service import Service, control_routes, json_object, under_faults
from sandbox.store import Store

MOST_ROWS = 100
MOST_BYTES = 1_000_000

OWN_FAULTS = {"reject_kinds": texts, "reject_subjects": texts}  # such rows come back REJECTED and aren't kept


class Refused(Exception):
    """The whole batch is refused; nothing of it was kept."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.answer = {"code": code, "message": message}


def create_app(folder: Path) -> Starlette:
    known = load_secrets(folder)
    store = Store(folder / "government-platform.sqlite3", intake.TABLES)
    clock = Clock(store)
    service = Service("government-platform", "政府平台（数据上报）", store, clock, Faults(store, OWN_FAULTS))

    async def receive(request: Request) -> Response:
        async def act() -> Response:
            now = clock.now()
            try:
                body = await bounded_body(request)
                with store.transaction():
                    check_signature(request, body, now)
                    return answer(200, {"receipts": take(request.path_params["kind"], body, now)})
            except Refused as refused:
                return answer(refused.status, refused.answer)

        failure = {"code": "INTERNAL_ERROR", "message": "平台内部错误，请稍后重试"}
        return await under_faults(service, act, lambda: answer(500, failure))

    def check_signature(request: Request, body: bytes, now: datetime) -> None:
        headers = request.headers
        if headers.get("x-app-id") != known.government_app_id:
            raise Refused(401, "UNKNOWN_APP", "X-App-Id 未登记")
        if not signing.is_signed(headers, request.method, request.url.path, body, known.government_secret):
            raise Refused(401, "BAD_SIGNATURE", "签名不正确")
        if not signing.is_fresh(headers, now):
            raise Refused(401, "TIMESTAMP_OUT_OF_RANGE", "X-Timestamp 与平台时间相差超过 300 秒")
        if not intake.is_new_nonce(store, headers["x-nonce"], now=now):
            raise Refused(401, "NONCE_REUSED", "X-Nonce 十分钟内已使用过")

    def take(kind: str, body: bytes, now: datetime) -> list[intake.Receipt]:
        if kind not in intake.KINDS:
            raise Refused(404, "UNKNOWN_KIND", "没有这一类数据")
        try:
            rows = json_object(body).get("rows")
        except ValueError as error:
            raise Refused(400, "MALFORMED", "请求正文不是 JSON 对象") from error
        if not isinstance(rows, list) or not rows:
            raise Refused(400, "MALFORMED", "rows 必须是非空数组")
        if len(rows) > MOST_ROWS:
            raise Refused(400, "TOO_MANY_ROWS", f"每批最多 {MOST_ROWS} 行")
        return [intake.take(store, kind, row, refused_on_purpose, now=now) for row in rows]

    def refused_on_purpose(kind: str, subject: str) -> bool:
        return kind in service.faults.get("reject_kinds", []) or subject in service.faults.get(
            "reject_subjects", []
        )

    def answer(status: int, content: Mapping[str, object]) -> Response:
        body = json.dumps(content, ensure_ascii=False).encode()
        headers = signing.signed_headers(body, known.government_secret, clock.now())
        return Response(body, status, headers, "application/json")

    return Starlette(
        routes=[
            Route("/api/v1/{kind}", receive, methods=["POST"]),
            *control_routes(service, lambda request: intake.contents(store, request.query_params.get("kind"))),
        ]
    )


async def bounded_body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise Refused(413, "TOO_LARGE", "请求正文超过 1 MB")
    return bytes(body)
