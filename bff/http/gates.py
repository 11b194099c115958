"""Gates at /gates/{token}: what a device at a door scanned, and whether it opens (issue 2, item 7).

The token in the path tells which device it is; the device's row tells how it speaks.

READER, the common readers' protocol (two manuals agree on it): the body is
`vgdecoderesult=<code>&&devicenumber=<number>&&otherparams=`, or in raw mode the code alone, under any content type.
The answer is text, `code=0000` to open, else `code=0001&&desc=<why>`.

SIGNED: JSON `{"deviceNo", "eventNo", "code", "at"}` with `at` in ISO 8601, or `people` (how many passed) in place of
`code` from a device that counts at a door where nobody shows one, under X-Gate-Timestamp (unix seconds)
and X-Gate-Signature, the hex HMAC-SHA256 of `<timestamp>\\n<body>` under the device's secret. The answer is JSON
`{"opens", "outcome", "message"}`.

An unknown token, a device out of service and an address that is not the device's all get the same 404.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from models.admissions.rules import Verdict
from models.codes.rules import CodeKeys
from models.errors import BadInput, Busy, DomainError, ErrorCode
from models.footfall import devices
from models.footfall.devices import Keys, KnownDevice, Protocol
from models.footfall.operations import record_count, record_numbered_scan, record_scan

BODY_BYTES = 4096
MAX_SKEW_S = 300
STATUS_OF = {
    ErrorCode.NOT_ALLOWED: 401,
    ErrorCode.DEVICE_UNKNOWN: 404,
    ErrorCode.IDEMPOTENCY_KEY_REUSED: 409,
    ErrorCode.BUSY: 503,
}


def gate_routes(
    *,
    code_keys: CodeKeys,
    gate_keys: Keys,
    clock: Callable[[], datetime],
    wake: Callable[[str], Awaitable[None]],
) -> list[BaseRoute]:
    """The gates' one route. `request.client` is believed: trusted proxies were resolved before us."""
    gates = _Gates(code_keys, gate_keys, clock, wake)
    return [Route("/gates/{token}", gates.scan, methods=["POST"])]


@dataclass(frozen=True)
class _Gates:
    code_keys: CodeKeys = field(repr=False)
    gate_keys: Keys = field(repr=False)
    clock: Callable[[], datetime]
    wake: Callable[[str], Awaitable[None]]

    async def scan(self, request: Request) -> Response:
        try:
            device = await devices.find_device(request.path_params["token"])
        except Busy as refusal:  # whose device it is, and so how it speaks, is not known then
            return PlainTextResponse(f"code=0001&&desc={refusal.sentence()}", 503)
        address = request.client.host if request.client else ""
        if device is None or not device.may_call_from(address):
            return PlainTextResponse("code=0001&&desc=没有登记这个设备，请联系场馆管理员", 404)
        is_signed = device.protocol is Protocol.SIGNED
        try:
            verdict = await (self._signed_scan if is_signed else self._reader_scan)(request, device)
        except DomainError as refusal:
            status = STATUS_OF.get(refusal.code, 400)
            if is_signed:
                return _json({"opens": False, "outcome": refusal.code, "message": refusal.sentence()}, status)
            return PlainTextResponse(f"code=0001&&desc={refusal.sentence()}", status)
        if verdict.passed:
            await self.wake("forward")
        return _as_json(verdict) if is_signed else _as_text(verdict)

    async def _reader_scan(self, request: Request, device: KnownDevice) -> Verdict:
        code, device_no = read_form(await _body_of(request))
        if device_no is not None:
            _check_number(device, device_no)
        return await record_scan(device_id=device.id, code=code, keys=self.code_keys, now=self.clock())

    async def _signed_scan(self, request: Request, device: KnownDevice) -> Verdict:
        now = self.clock()
        body = await _body_of(request)
        sent_at = self._check_signature(request, device, body, now)
        message = _json_object(body)
        _check_number(device, _text(message, "deviceNo"))
        if "people" in message and "code" not in message:
            return await record_count(
                device_id=device.id,
                event_no=_text(message, "eventNo"),
                people=_whole(message, "people"),
                at=_instant(message, "at"),
                sent_at=sent_at,
                now=now,
            )
        return await record_numbered_scan(
            device_id=device.id,
            event_no=_text(message, "eventNo"),
            code=_text(message, "code"),
            at=_instant(message, "at"),
            sent_at=sent_at,
            keys=self.code_keys,
            now=now,
        )

    def _check_signature(self, request: Request, device: KnownDevice, body: bytes, now: datetime) -> datetime:
        """When the device sent this, by its own clock. Raises NOT_ALLOWED unless it really did, and lately."""
        timestamp = request.headers.get("x-gate-timestamp", "")
        signature = request.headers.get("x-gate-signature", "")
        signed = timestamp.encode() + b"\n" + body
        if not device.has_signed(signed, signature, keys=self.gate_keys):
            raise DomainError("签名不正确。", code=ErrorCode.NOT_ALLOWED, next_step="请核对设备的签名密钥。")
        if not re.fullmatch("[0-9]{1,11}", timestamp) or abs(now.timestamp() - int(timestamp)) > MAX_SKEW_S:
            raise DomainError(
                "设备时间相差超过 5 分钟。", code=ErrorCode.NOT_ALLOWED, next_step="请校准设备时钟后重试。"
            )
        return datetime.fromtimestamp(int(timestamp), UTC)


def read_form(body: bytes) -> tuple[str, str | None]:
    """The code and the device's number, None in raw mode. Readers join fields by `&&`, some by `&`."""
    try:
        text = body.decode().strip()
    except UnicodeDecodeError:
        raise BadInput("收到的内容不是文字。", next_step="请检查扫码器设置。") from None
    if not text.lower().startswith("vgdecoderesult="):
        return text, None
    fields = dict(part.partition("=")[::2] for part in re.split("&+", text))
    (_, code), *_rest = fields.items()
    return code.strip(), fields.get("devicenumber", "").strip()


async def _body_of(request: Request) -> bytes:
    body = await request.body()
    if not 0 < len(body) <= BODY_BYTES:
        raise BadInput("请求内容应为 1 到 4096 字节。")
    return body


def _check_number(device: KnownDevice, device_no: str) -> None:
    if device_no != device.device_no:
        raise DomainError("设备编号与登记的不一致。", code=ErrorCode.DEVICE_UNKNOWN, next_step="请核对设备编号。")


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        message = None
    if not isinstance(message, dict):
        raise BadInput("请求内容应为 JSON 对象。")
    return message


def _text(message: dict[str, Any], name: str) -> str:
    value = message.get(name)
    if not isinstance(value, str):
        raise BadInput(f"缺少 {name}，它应为文字。", field=name)
    return value


def _whole(message: dict[str, Any], name: str) -> int:
    value = message.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadInput(f"{name} 应为整数。", field=name)
    return value


def _instant(message: dict[str, Any], name: str) -> datetime:
    try:
        instant = datetime.fromisoformat(_text(message, name))
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise BadInput(f"{name} 应为带时区的 ISO 8601 时间，例如 2026-11-20T10:00:00+08:00。", field=name)
    return instant


def _as_text(verdict: Verdict) -> Response:
    if verdict.passed:
        return PlainTextResponse("code=0000")
    return PlainTextResponse(f"code=0001&&desc={verdict.headline}")


def _as_json(verdict: Verdict) -> Response:
    message = f"{verdict.headline}。{verdict.detail}{verdict.next_step}"
    return _json({"opens": verdict.passed, "outcome": verdict.outcome, "message": message})


def _json(content: dict[str, Any], status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
