"""The gateway's door: every request's signature is verified, every answer to a known application is signed.

An answer is always HTTP 200. Its node is named for the method, also when the request is refused, as Alipay's
production answers; `error_response` is left for requests whose method is unknown, and for the oldest method.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from sandbox.alipay import parameters as limits
from sandbox.alipay import signing
from sandbox.alipay.gateway import Gateway, Identity
from sandbox.alipay.refusals import Refusal, invalid, missing
from sandbox.service import json_object
from sandbox.store import Row

TOLERANCE = timedelta(minutes=15)  # opendocs names none for this gateway; its v3 refuses beyond 10 minutes
MOST_BYTES = 1_000_000
Parameters = dict[str, str]

# Real methods that this merchant has no contract for.
WITHOUT_CONTRACT = {
    "alipay.fund.trans.uni.transfer",
    "alipay.trade.app.pay",
    "alipay.trade.create",
    "alipay.trade.order.settle",
}


@dataclass(frozen=True)
class Asked:
    """A request whose signature is right."""

    method: str
    biz: Row
    notify_url: str | None
    return_url: str | None
    certificate_mode: bool
    base_url: str
    parameters: Parameters


async def read_parameters(request: Request) -> Parameters:
    """Of the query and of a form body, decoded; the query wins, as the first of two does in Java."""
    body = await request.body()
    if len(body) > MOST_BYTES:
        raise invalid("isv.invalid-parameter", "请求正文过大")
    try:
        in_body = dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict"))
        return in_body | decoded(request.scope["query_string"].decode("ascii"))
    except UnicodeError as error:
        raise invalid("isv.invalid-charset", "字符集错误") from error


def decoded(query: str) -> Parameters:
    return dict(parse_qsl(query, keep_blank_values=True, errors="strict"))


def identified(gateway: Gateway, parameters: Parameters, methods: set[str]) -> bool:
    """Whether it is certificate mode. Raises when it can't be known who asks; such refusals stay unsigned.

    The application comes before the signature: a stranger without `sign` hears isv.invalid-app-id.
    """
    method = _present(parameters, "method", "缺少方法名参数")
    if method not in methods | WITHOUT_CONTRACT:
        raise invalid("isv.invalid-method", "不存在的方法名")
    if _present(parameters, "app_id", "缺少AppID参数") != gateway.app_id:
        raise invalid("isv.invalid-app-id", "无效的AppID参数")
    if _present(parameters, "sign_type", "缺少签名类型参数", "isv.missing-signature-type") != "RSA2":
        raise invalid("isv.invalid-signature-type", "无效签名类型")
    signature = _present(parameters, "sign", "缺少签名参数", "isv.missing-signature")
    certificate_mode = _certificate_mode(gateway, parameters)
    if not signing.is_signed_by(gateway.app_key, signing.request_content(parameters), signature):
        raise invalid("isv.invalid-signature", "无效签名")
    return certificate_mode


def understood(gateway: Gateway, parameters: Parameters, base_url: str, *, certificate_mode: bool) -> Asked:
    """The rest of the common parameters; whoever errs here is known, so the refusal is signed."""
    if parameters.get("charset", "").lower() != "utf-8":
        raise invalid("isv.invalid-charset", "字符集错误，沙箱只支持 utf-8")
    if parameters.get("format", "JSON").upper() != "JSON":
        raise invalid("isv.invalid-format", "无效的数据格式")
    if _present(parameters, "version", "缺少版本参数") != "1.0":
        raise invalid("isv.invalid-parameter", "参数无效：version 固定为 1.0")
    sent = limits.beijing_instant(_present(parameters, "timestamp", "缺少时间戳参数"))
    if sent is None or abs(gateway.now() - sent) > TOLERANCE:
        raise invalid("isv.invalid-timestamp", "非法的时间戳参数")
    if parameters.get("app_auth_token") or parameters.get("auth_token"):
        raise Refusal("20001", "aop.invalid-app-auth-token", "无效的应用授权令牌")
    method = parameters["method"]
    if method in WITHOUT_CONTRACT:
        raise Refusal("40006", "isv.insufficient-isv-permissions", "ISV权限不足")
    return Asked(
        method=method,
        biz=_biz_content(parameters),
        notify_url=_url(parameters, "notify_url"),
        return_url=_url(parameters, "return_url"),
        certificate_mode=certificate_mode,
        base_url=base_url,
        parameters=parameters,
    )


def enveloped(method: str, content: Row, identity: Identity | None) -> Response:
    """`{"<method>_response": …, "alipay_cert_sn": …, "sign": …}`; without an identity it stays unsigned."""
    node = f"{method.replace('.', '_')}_response" if method else "error_response"
    raw = signing.as_alipay_json(content)
    parts = [f'"{node}":{raw}']
    if identity is not None:
        if identity.sn:
            parts.append(f'"alipay_cert_sn":"{identity.sn}"')
        parts.append(f'"sign":"{signing.signature(identity.key, raw.encode())}"')
    # Production says text/html, though it is JSON (seen in September 2026).
    return Response("{" + ",".join(parts) + "}", media_type="text/html; charset=utf-8")


def _present(parameters: Parameters, name: str, message: str, sub_code: str | None = None) -> str:
    value = parameters.get(name, "").strip()
    if not value:
        raise missing(sub_code or f"isv.missing-{name.replace('_', '-')}", message)
    return value


def _certificate_mode(gateway: Gateway, parameters: Parameters) -> bool:
    app, root = parameters.get("app_cert_sn"), parameters.get("alipay_root_cert_sn")
    if not app and not root:
        return False
    if not app:
        raise missing("isv.missing-app-cert-sn", "缺少应用公钥证书序列号")
    if not root:
        raise missing("isv.missing-alipay-root-cert-sn", "缺少支付宝根证书序列号")
    if app != gateway.app_certificate_sn:
        raise invalid("isv.app-cert-not-exist", "应用公钥证书不存在")
    if root != gateway.root_certificate_sn:
        raise invalid("isv.invalid-alipay-root-cert-sn", "支付宝根证书序列号错误")
    return True


def _biz_content(parameters: Parameters) -> Row:
    try:
        return json_object(parameters.get("biz_content", "{}").encode())
    except ValueError as error:
        raise invalid("isv.illegal-json", "biz_content 不是合法的 JSON 对象") from error


def _url(parameters: Parameters, name: str) -> str | None:
    """http is let through, since the sandbox's merchant listens on loopback."""
    value = parameters.get(name, "").strip()
    if value and (len(value) > 256 or not value.startswith(("http://", "https://"))):
        raise invalid("isv.invalid-parameter", f"参数无效：{name}")
    return value or None
