"""A merchant of Alipay's written for these tests alone: signs requests, verifies answers, notices and returns."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

BEIJING = timezone(timedelta(hours=8))
ESCAPED_SLASH = "\\/"


def beijing(seconds_ahead: float = 0) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds_ahead)).astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


@dataclass
class AlipayDoor:
    """The merchant's notice route: keeps every notice and answers as told."""

    url: str = ""
    answer_with: list[str] = field(default_factory=list)  # bodies for the next notices; then success
    notices: list[dict[str, str]] = field(default_factory=list)

    async def receive(self, request: Request) -> Response:
        assert request.headers["content-type"].startswith("application/x-www-form-urlencoded")
        self.notices.append(dict(parse_qsl((await request.body()).decode(), keep_blank_values=True)))
        return PlainTextResponse(self.answer_with.pop(0) if self.answer_with else "success")


def sn(certificate: x509.Certificate) -> str:
    """Spelled out, unlike the sandbox's, which leaves the names to the library."""
    short = {"commonName": "CN", "organizationalUnitName": "OU", "organizationName": "O", "countryName": "C"}
    parts = [f"{short[str(part.oid._name)]}={part.value!s}" for part in certificate.issuer]
    return hashlib.md5(f"{','.join(reversed(parts))}{certificate.serial_number}".encode()).hexdigest()


class AlipayMerchant:
    def __init__(self, folder: Path, http: httpx.AsyncClient, notify_url: str) -> None:
        env = dict(line.split("=", 1) for line in (folder / "product.env").read_text().splitlines())
        self.app_id, self.seller_id = env["ALIPAY_APP_ID"], env["ALIPAY_SELLER_ID"]
        self.key = rsa_private(Path(env["ALIPAY_APP_KEY_FILE"]).name, folder)
        public = serialization.load_pem_public_key((folder / "alipay_public_key.pem").read_bytes())
        assert isinstance(public, rsa.RSAPublicKey)
        self.alipay_key = public
        self.folder, self.http, self.notify_url = folder, http, notify_url
        self.offset_seconds = 0.0  # of the sandbox's clock, by which this merchant lives too

    def certificates(self) -> dict[str, str]:
        """The two common parameters that make a request one of certificate mode."""
        [app] = self._pem("alipay_app_certificate.pem")
        roots = [
            each
            for each in self._pem("alipay_root_certificate.pem")
            if each.signature_algorithm_oid.dotted_string.startswith("1.2.840.113549.1.1")
        ]
        return {"app_cert_sn": sn(app), "alipay_root_cert_sn": "_".join(sn(each) for each in roots)}

    def alipay_certificate(self) -> x509.Certificate:
        return self._pem("alipay_certificate.pem")[0]

    def certificate_key(self) -> rsa.RSAPublicKey:
        key = self.alipay_certificate().public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        return key

    def _pem(self, name: str) -> list[x509.Certificate]:
        return x509.load_pem_x509_certificates((self.folder / name).read_bytes())

    def sign(self, parameters: dict[str, str]) -> str:
        content = "&".join(f"{name}={parameters[name]}" for name in sorted(parameters) if parameters[name])
        raw = self.key.sign(content.encode(), padding.PKCS1v15(), hashes.SHA256())
        return base64.b64encode(raw).decode()

    def signed(self, method: str, biz: Any, **changed: str) -> dict[str, str]:
        parameters = {
            "app_id": self.app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": beijing(self.offset_seconds),
            "version": "1.0",
            "biz_content": json.dumps(biz, ensure_ascii=False),
        } | {name: value for name, value in changed.items() if name != "sign"}
        parameters["sign"] = changed.get("sign", self.sign(parameters))
        return parameters

    async def send(self, parameters: dict[str, str]) -> httpx.Response:
        """The common parameters in the query, biz_content in the body, as Alipay's SDKs send it."""
        query = {name: value for name, value in parameters.items() if name != "biz_content"}
        answer = await self.http.post(
            f"/gateway.do?{urlencode(query)}", data={"biz_content": parameters["biz_content"]}
        )
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        return answer

    async def call(self, method: str, biz: Any, **changed: str) -> dict[str, Any]:
        """The verified answer of a method, without its envelope."""
        answer = await self.send(self.signed(method, biz, **changed))
        by_certificate = "app_cert_sn" in changed
        if by_certificate:
            assert answer.json()["alipay_cert_sn"] == sn(self.alipay_certificate())
        return self.opened(answer.text, method, self.certificate_key() if by_certificate else self.alipay_key)

    def opened(self, body: str, method: str, key: rsa.RSAPublicKey) -> dict[str, Any]:
        node = f"{method.replace('.', '_')}_response"
        raw = re.fullmatch(rf'{{"{node}":(.*?)(,"alipay_cert_sn":"\w+")?,"sign":"([^"]+)"}}', body, re.DOTALL)
        assert raw is not None, body
        assert "/" not in raw[1].replace(ESCAPED_SLASH, "")
        key.verify(base64.b64decode(raw[3]), raw[1].encode(), padding.PKCS1v15(), hashes.SHA256())
        content: dict[str, Any] = json.loads(raw[1])
        return content

    def order(self, **changed: Any) -> dict[str, Any]:
        return {
            "out_trade_no": "T" + secrets.token_hex(10),
            "subject": '成都高新体育中心 {"羽毛球"} 1/2 号场',
            "total_amount": "45.00",
        } | changed

    async def precreate(self, order: dict[str, Any], **changed: str) -> dict[str, Any]:
        return await self.call("alipay.trade.precreate", order, **({"notify_url": self.notify_url} | changed))

    async def paid(self, *, mode: dict[str, str] | None = None, **changed: Any) -> dict[str, Any]:
        """An order paid by QR code."""
        order = self.order(**changed)
        offered = await self.precreate(order, **(mode or {}))
        answer = await self.control("pay", qr_code=offered["qr_code"])
        assert answer.status_code == 200, answer.text
        return order

    def page_url(self, order: dict[str, Any], kind: str = "wap", **changed: str) -> str:
        product = {"wap": "QUICK_WAP_WAY", "page": "FAST_INSTANT_TRADE_PAY"}[kind]
        content = {"product_code": product} | order
        parameters = self.signed(
            f"alipay.trade.{kind}.pay", content, **({"notify_url": self.notify_url} | changed)
        )
        return f"{str(self.http.base_url).rstrip('/')}/gateway.do?{urlencode(parameters)}"

    async def query(self, order: dict[str, Any]) -> dict[str, Any]:
        return await self.call("alipay.trade.query", {"out_trade_no": order["out_trade_no"]})

    async def status(self, order: dict[str, Any]) -> str:
        answer = await self.query(order)
        return str(answer.get("trade_status") or answer["sub_code"])

    async def refund(self, order: dict[str, Any], amount: str, **changed: Any) -> dict[str, Any]:
        biz = {"out_trade_no": order["out_trade_no"], "refund_amount": amount} | changed
        return await self.call("alipay.trade.refund", biz)

    async def refund_query(self, order: dict[str, Any], number: str, **changed: Any) -> dict[str, Any]:
        biz = {"out_trade_no": order["out_trade_no"], "out_request_no": number} | changed
        return await self.call("alipay.trade.fastpay.refund.query", biz)

    async def pay_by_code(self, order: dict[str, Any], auth_code: str) -> dict[str, Any]:
        biz = order | {"scene": "bar_code", "auth_code": auth_code}
        return await self.call("alipay.trade.pay", biz, notify_url=self.notify_url)

    async def bill(self, day: str, **changed: str) -> dict[str, Any]:
        biz = {"bill_type": "trade", "bill_date": day} | changed
        return await self.call("alipay.data.dataservice.bill.downloadurl.query", biz)

    async def control(self, name: str, **asked: Any) -> httpx.Response:
        return await self.http.post(f"/_sandbox/{name}", json=asked)

    async def move_clock(self, seconds: float) -> None:
        answer = await self.http.put("/_sandbox/clock", json={"offset_seconds": seconds})
        assert answer.status_code == 200, answer.text
        self.offset_seconds = seconds

    def verify_notice(self, notice: dict[str, str], key: rsa.RSAPublicKey | None = None) -> None:
        """Raises unless the signature is right: of a notice, or of a return's parameters."""
        content = "&".join(
            f"{name}={notice[name]}" for name in sorted(notice) if name not in ("sign", "sign_type")
        )
        raw = base64.b64decode(notice["sign"])
        (key or self.alipay_key).verify(raw, content.encode(), padding.PKCS1v15(), hashes.SHA256())

    def verify_return(self, address: str) -> dict[str, str]:
        parameters = dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))
        self.verify_notice(parameters)
        return parameters


def rsa_private(name: str, folder: Path) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key((folder / name).read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key
