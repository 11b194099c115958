"""The merchant's door: every request's signature is verified, every answer is signed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.service import json_object, under_faults
from sandbox.store import Row
from sandbox.wechat_pay import signing
from sandbox.wechat_pay.certificates import signed_headers
from sandbox.wechat_pay.gateway import Gateway
from sandbox.wechat_pay.refusals import Refusal

TOLERANCE_SECONDS = 300
MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class Asked:
    """A request whose signature is right: the path's own values, and the body if there is one."""

    path: dict[str, str]
    query: dict[str, str]
    body: Row
    wanted_serial: str | None  # Wechatpay-Serial: the key the merchant wants the answer signed with
    base_url: str  # where this process was reached, without a slash at the end


@dataclass(frozen=True)
class Accepted:
    """A 202: taken in, but not done yet."""

    content: Row


@dataclass(frozen=True)
class File:
    """A download, which WeChat Pay doesn't sign (pay.weixin.qq.com 4013071254)."""

    content: bytes
    media_type: str


Handler = Callable[[Gateway, Asked], Row | Accepted | File | None]


def merchant_route(gateway: Gateway, method: str, path: str, handler: Handler) -> Route:
    """`handler` runs in one transaction and returns the answer; None is a 204."""

    async def endpoint(request: Request) -> Response:
        async def act() -> Response:
            body = await request.body()
            try:
                _authenticate(gateway, request, body)
                asked = _asked(gateway, request, body)
                with gateway.store.transaction():
                    done = handler(gateway, asked)
            except Refusal as refusal:
                return _answer(gateway, request, refusal.status, refusal.answer)
            if isinstance(done, File):
                return Response(done.content, media_type=done.media_type)
            if isinstance(done, Accepted):
                return _answer(gateway, request, 202, done.content)
            return _answer(gateway, request, 204 if done is None else 200, done)

        failed = Refusal("SYSTEM_ERROR", "系统异常，请用相同参数重试")
        return await under_faults(
            gateway.service, act, lambda: _answer(gateway, request, failed.status, failed.answer)
        )

    return Route(path, endpoint, methods=[method])


def _authenticate(gateway: Gateway, request: Request, body: bytes) -> None:
    """Over the exact bytes that came (pay.weixin.qq.com, 签名生成)."""
    fields = signing.parse_authorization(request.headers.get("authorization", ""))
    if fields is None:
        raise _sign_error("Authorization 头缺失或格式不正确")
    if fields["mchid"] != gateway.known.mchid:
        raise _sign_error("商户号不存在")
    if fields["serial_no"] != gateway.merchant_serial:
        raise _sign_error("商户证书序列号有误，请确认证书属于该商户")
    if not fields["timestamp"].isascii() or not fields["timestamp"].isdecimal() or len(fields["timestamp"]) > 12:
        raise _sign_error("timestamp 应为以秒为单位的整数")
    if abs(int(fields["timestamp"]) - gateway.now().timestamp()) > TOLERANCE_SECONDS:
        raise _sign_error("Authorization 中的 timestamp 与服务器时间相差超过 5 分钟")
    url = _exact_url(request)
    head = f"{request.method}\n{url}\n{fields['timestamp']}\n{fields['nonce_str']}\n"
    if not signing.is_signed_by(gateway.merchant_key, head.encode() + body + b"\n", fields["signature"]):
        raise _sign_error("错误的签名，验签失败", method=request.method, url=url, body_length=len(body))


def _sign_error(message: str, **sign_information: object) -> Refusal:
    detail = {"location": "authorization", "issue": message} | sign_information
    return Refusal("SIGN_ERROR", message, **detail)


def _exact_url(request: Request) -> str:
    path: str = request.scope["raw_path"].decode("ascii")
    query: str = request.scope["query_string"].decode("ascii")
    return f"{path}?{query}" if query else path


def _asked(gateway: Gateway, request: Request, body: bytes) -> Asked:
    if len(body) > MOST_BYTES:
        raise Refusal("PARAM_ERROR", "请求正文过大")
    content: Row = {}
    if request.method == "POST":
        try:
            content = json_object(body)
        except ValueError as error:
            raise Refusal("PARAM_ERROR", "请求正文不是 JSON 对象") from error
    mchid = content.get("mchid", request.query_params.get("mchid"))
    if mchid is not None and mchid != gateway.known.mchid:
        raise Refusal("MCH_NOT_EXISTS", "商户号不存在，或与签名所用商户号不一致")
    if mchid is None and request.url.path.startswith("/v3/pay/"):
        raise Refusal("PARAM_ERROR", "缺少 mchid")
    path = {name: str(value) for name, value in request.path_params.items()}
    return Asked(
        path=path,
        query=dict(request.query_params),
        body=content,
        wanted_serial=request.headers.get("wechatpay-serial"),
        base_url=str(request.base_url).rstrip("/"),
    )


def _answer(gateway: Gateway, request: Request, status: int, content: Row | None) -> Response:
    body = b"" if content is None else json.dumps(content, ensure_ascii=False).encode()
    identity = gateway.platform.identity_for(request.headers.get("wechatpay-serial"))
    probe = gateway.faults.is_on("signtest")
    headers = signed_headers(identity, body, gateway.now(), probe=probe)
    return Response(body, status, headers, None if content is None else "application/json; charset=utf-8")
