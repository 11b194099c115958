"""A merchant written for these tests alone: signs requests, verifies and opens what comes back."""

from __future__ import annotations

import base64
import json
import secrets
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


@dataclass(frozen=True)
class Notice:
    headers: dict[str, str]
    body: bytes


@cache
def _private_key(pem: bytes) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


class Merchant:
    def __init__(self, folder: Path, http: httpx.AsyncClient, notify_url: str) -> None:
        env = dict(line.split("=", 1) for line in (folder / "product.env").read_text().splitlines())
        self.appid = env["WECHAT_MINI_PROGRAM_APPID"]
        self.official_account_appid = env["WECHAT_OFFICIAL_ACCOUNT_APPID"]
        self.mchid = env["WECHAT_PAY_MCHID"]
        self.serial = env["WECHAT_PAY_MERCHANT_SERIAL"]
        self.apiv3_key = env["WECHAT_PAY_APIV3_KEY"].encode()
        self.public_key_id = env["WECHAT_PAY_PUBLIC_KEY_ID"]
        key = _private_key((folder / "merchant_key.pem").read_bytes())
        public = serialization.load_pem_public_key((folder / "wechat_pay_public_key.pem").read_bytes())
        assert isinstance(public, rsa.RSAPublicKey)
        self.key = key
        self.verifying: dict[str, rsa.RSAPublicKey] = {self.public_key_id: public}
        self.http = http
        self.notify_url = notify_url
        self.ahead_seconds = 0.0  # of the machine's clock, when a test has moved WeChat Pay's

    def sign(self, message: str) -> str:
        raw = self.key.sign(message.encode(), padding.PKCS1v15(), hashes.SHA256())
        return base64.b64encode(raw).decode()

    def authorization(self, method: str, url: str, body: str, **wrong: str) -> str:
        timestamp, nonce = (
            wrong.get("timestamp", str(int(time.time() + self.ahead_seconds))),
            secrets.token_hex(16),
        )
        signature = self.sign(f"{method}\n{url}\n{timestamp}\n{nonce}\n{body}\n")
        fields = {
            "mchid": self.mchid,
            "nonce_str": nonce,
            "timestamp": timestamp,
            "serial_no": self.serial,
            "signature": signature,
        } | wrong
        return "WECHATPAY2-SHA256-RSA2048 " + ",".join(f'{name}="{value}"' for name, value in fields.items())

    async def call(self, method: str, url: str, content: Any = None, **headers: str) -> httpx.Response:
        body = "" if content is None else json.dumps(content, ensure_ascii=False)
        signed = {
            "Authorization": self.authorization(method, url, body),
            "Wechatpay-Serial": self.public_key_id,
            "Content-Type": "application/json",
        }
        return await self.http.request(method, url, content=body.encode(), headers=signed | headers)

    def order(self, **changed: Any) -> dict[str, Any]:
        return {
            "appid": self.appid,
            "mchid": self.mchid,
            "description": "成都高新体育中心 羽毛球 1 号场",
            "out_trade_no": "T" + secrets.token_hex(10),
            "notify_url": self.notify_url,
            "amount": {"total": 4500, "currency": "CNY"},
            "payer": {"openid": "oChengduCitizen"},
        } | changed

    async def place(self, order: dict[str, Any]) -> httpx.Response:
        return await self.call("POST", "/v3/pay/transactions/jsapi", order)

    async def placed(self, **changed: Any) -> tuple[dict[str, Any], str]:
        """A placed order and its prepay_id."""
        order = self.order(**changed)
        answer = await self.place(order)
        assert answer.status_code == 200, answer.text
        return order, answer.json()["prepay_id"]

    async def paid(self, **changed: Any) -> dict[str, Any]:
        order, prepay_id = await self.placed(**changed)
        answer = await self.http.post("/_sandbox/pay", json={"prepay_id": prepay_id})
        assert answer.status_code == 200, answer.text
        return order

    async def query(self, out_trade_no: str) -> httpx.Response:
        url = f"/v3/pay/transactions/out-trade-no/{out_trade_no}?mchid={self.mchid}"
        return await self.call("GET", url)

    async def move_clock(self, seconds: float) -> None:
        """WeChat Pay's and ours."""
        answer = await self.http.put("/_sandbox/clock", json={"offset_seconds": seconds})
        assert answer.status_code == 200
        self.ahead_seconds = seconds

    def order_for_browser(self, **changed: Any) -> dict[str, Any]:
        scene = {"payer_client_ip": "203.0.113.7", "h5_info": {"type": "Wap"}}
        return self._without_payer(scene_info=scene) | changed

    def order_to_scan(self, **changed: Any) -> dict[str, Any]:
        return self._without_payer() | changed

    def order_by_code(self, auth_code: str, **changed: Any) -> dict[str, Any]:
        order = self._without_payer(payer={"auth_code": auth_code}, scene_info={"store_info": {"id": "desk-1"}})
        del order["notify_url"]
        return order | changed

    def _without_payer(self, **added: Any) -> dict[str, Any]:
        return {name: value for name, value in self.order().items() if name != "payer"} | added

    async def place_as(self, kind: str, order: dict[str, Any]) -> httpx.Response:
        return await self.call("POST", f"/v3/pay/transactions/{kind}", order)

    async def new_code(self, openid: str = "oAtTheDesk") -> str:
        """What a payer's phone shows at the desk."""
        answer = await self.http.post("/_sandbox/payer-codes", json={"openid": openid})
        return str(answer.json()["auth_code"])

    async def paid_by_code(self, **changed: Any) -> dict[str, Any]:
        order = self.order_by_code(await self.new_code(), **changed)
        assert (await self.place_as("codepay", order)).status_code == 200
        return order

    async def reverse(self, out_trade_no: str, **changed: str) -> httpx.Response:
        url = f"/v3/pay/transactions/out-trade-no/{out_trade_no}/reverse"
        return await self.call("POST", url, {"appid": self.appid, "mchid": self.mchid} | changed)

    async def apply_abnormal(self, refund_id: str, content: dict[str, Any], **headers: str) -> httpx.Response:
        url = f"/v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund"
        return await self.call("POST", url, content, **headers)

    def sealed(self, text: str, serial: str) -> str:
        """For WeChat Pay's eyes only."""
        oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
        return base64.b64encode(self.verifying[serial].encrypt(text.encode(), oaep)).decode()

    async def ask_statement(self, bill: str = "tradebill", **query: str) -> httpx.Response:
        return await self.call("GET", f"/v3/bill/{bill}?{urlencode(query)}")

    async def download(self, download_url: str) -> httpx.Response:
        address = httpx.URL(download_url)
        return await self.call("GET", address.raw_path.decode())

    async def close(self, out_trade_no: str) -> httpx.Response:
        url = f"/v3/pay/transactions/out-trade-no/{out_trade_no}/close"
        return await self.call("POST", url, {"mchid": self.mchid})

    def refund(self, order: dict[str, Any], refund_fen: int, **changed: Any) -> dict[str, Any]:
        return {
            "out_trade_no": order["out_trade_no"],
            "out_refund_no": "R" + secrets.token_hex(10),
            "notify_url": self.notify_url,
            "amount": {"refund": refund_fen, "total": order["amount"]["total"], "currency": "CNY"},
        } | changed

    async def ask_refund(self, refund: dict[str, Any]) -> httpx.Response:
        return await self.call("POST", "/v3/refund/domestic/refunds", refund)

    async def query_refund(self, out_refund_no: str) -> httpx.Response:
        return await self.call("GET", f"/v3/refund/domestic/refunds/{out_refund_no}")

    async def learn_certificates(self) -> list[str]:
        """Fetch and decrypt the platform's certificates; returns their serials as listed."""
        listed = (await self.call("GET", "/v3/certificates")).json()["data"]
        for each in listed:
            certificate = x509.load_pem_x509_certificate(self.decrypt(each["encrypt_certificate"]))
            key = certificate.public_key()
            assert isinstance(key, rsa.RSAPublicKey)
            assert each["serial_no"] == f"{certificate.serial_number:X}"
            self.verifying[each["serial_no"]] = key
        return [each["serial_no"] for each in listed]

    def verify(self, headers: Any, body: bytes) -> str:
        """Raises unless the signature is right; returns the serial that signed."""
        serial: str = headers["wechatpay-serial"]
        message = f"{headers['wechatpay-timestamp']}\n{headers['wechatpay-nonce']}\n".encode() + body + b"\n"
        raw = base64.b64decode(headers["wechatpay-signature"])
        self.verifying[serial].verify(raw, message, padding.PKCS1v15(), hashes.SHA256())
        assert abs(int(headers["wechatpay-timestamp"]) - time.time() - self.ahead_seconds) < 300
        return serial

    def decrypt(self, sealed: dict[str, str]) -> bytes:
        assert sealed["algorithm"] == "AEAD_AES_256_GCM"
        ciphertext = base64.b64decode(sealed["ciphertext"])
        return AESGCM(self.apiv3_key).decrypt(
            sealed["nonce"].encode(), ciphertext, sealed["associated_data"].encode()
        )

    def open(self, notice: Notice) -> tuple[dict[str, Any], dict[str, Any]]:
        """The verified envelope and its decrypted resource."""
        self.verify(notice.headers, notice.body)
        envelope = json.loads(notice.body)
        return envelope, json.loads(self.decrypt(envelope["resource"]))

    def payment_parameters(self, prepay_id: str) -> dict[str, str]:
        """What wx.requestPayment is given."""
        parameters = {
            "appId": self.appid,
            "timeStamp": str(int(time.time())),
            "nonceStr": secrets.token_hex(16),
            "package": f"prepay_id={prepay_id}",
        }
        message = "".join(f"{value}\n" for value in parameters.values())
        return parameters | {"signType": "RSA", "paySign": self.sign(message)}
