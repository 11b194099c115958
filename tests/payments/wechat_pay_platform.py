"""WeChat Pay as these tests play it: fresh keys, and messages put together by hand from its documentation.

Nothing here comes from `payments`, so that a mistake there cannot hide behind the same mistake here.
"""

import asyncio
import base64
import json
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID

APPID = "wx8888888888888888"
OFFICIAL_ACCOUNT_APPID = "wx7777777777777777"
MCHID = "1900000109"
MERCHANT_SERIAL = "3775B6A45ACD588826D15E583A95F5DD00000001"
PUBLIC_KEY_ID = "PUB_KEY_ID_0119000001092024110100000001"
APIV3_KEY = b"0123456789abcdefghijklmnopqrstuv"


class Signer:
    """A key pair that WeChat Pay signs with, named by its serial; a certificate when it is one."""

    def __init__(self, serial: str) -> None:
        self.serial = serial
        self.private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def sign(self, message: bytes) -> str:
        return base64.b64encode(self.private_key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()

    def headers(self, body: bytes, at: datetime, **changed: str | None) -> dict[str, str]:
        """Headers of a message signed then; `Timestamp="1"` signs that one, `Nonce=None` leaves it out."""
        timestamp, nonce = changed.get("Timestamp") or str(int(at.timestamp())), secrets.token_hex(16)
        seal: dict[str, str | None] = {
            "Timestamp": timestamp,
            "Nonce": nonce,
            "Signature": self.sign(f"{timestamp}\n{nonce}\n".encode() + body + b"\n"),
            "Serial": self.serial,
            "Signature_Type": "WECHATPAY2-SHA256-RSA2048",
        }
        seal.update(changed)
        return {f"Wechatpay-{name.replace('_', '-')}": text for name, text in seal.items() if text is not None}


class Certificate(Signer):
    """A platform certificate, good for five years from the day before unless told otherwise."""

    def __init__(self, now: datetime, *, days: int = 1826) -> None:
        number = x509.random_serial_number()
        super().__init__(f"{number:X}")
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tenpay.com sign")])
        self.starts_at, self.ends_at = now - timedelta(days=1), now + timedelta(days=days)
        builder = x509.CertificateBuilder(name, name, self.private_key.public_key(), number)
        builder = builder.not_valid_before(self.starts_at).not_valid_after(self.ends_at)
        self.pem = builder.sign(self.private_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def sealed(contents: bytes, *, associated_data: str = "transaction", key: bytes = APIV3_KEY) -> dict[str, str]:
    """A resource as WeChat Pay encrypts it."""
    nonce = secrets.token_hex(6)
    box = AESGCM(key).encrypt(nonce.encode(), contents, associated_data.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(box).decode(),
        "nonce": nonce,
        "associated_data": associated_data,
    }


def order(**changed: Any) -> dict[str, Any]:
    """A paid order, as in the documentation of the payment notice; a coupon of WeChat's paid 100 fen of it."""
    return {
        "transaction_id": "1217752501201407033233368018",
        "amount": {"payer_total": 4400, "total": 4500, "currency": "CNY", "payer_currency": "CNY"},
        "mchid": MCHID,
        "trade_state": "SUCCESS",
        "bank_type": "CMC",
        "success_time": "2026-11-20T09:59:56+08:00",
        "payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},
        "out_trade_no": "P20261120000001",
        "appid": APPID,
        "trade_state_desc": "支付成功",
        "trade_type": "JSAPI",
    } | changed


def refund(**changed: Any) -> dict[str, Any]:
    """A refund, as in the documentation of the refund notice."""
    return {
        "mchid": MCHID,
        "transaction_id": "1217752501201407033233368018",
        "out_trade_no": "P20261120000001",
        "refund_id": "50200207182018070300011301001",
        "out_refund_no": "R20261120000001",
        "refund_status": "SUCCESS",
        "success_time": "2026-11-20T10:05:00+08:00",
        "user_received_account": "招商银行信用卡0403",
        "amount": {"total": 4500, "refund": 1500, "payer_total": 4400, "payer_refund": 1467},
    } | changed


def notice(contents: Any, kind: str = "TRANSACTION.SUCCESS", **box: Any) -> bytes:
    """The body of a notice. Contents that are no bytes are written as JSON."""
    raw = contents if isinstance(contents, bytes) else json.dumps(contents, ensure_ascii=False).encode()
    envelope = {
        "id": "EV-2018022511223320873",
        "create_time": "2026-11-20T10:00:00+08:00",
        "resource_type": "encrypt-resource",
        "event_type": kind,
        "summary": "支付成功",
        "resource": {"original_type": "transaction", **sealed(raw), **box},
    }
    return json.dumps(envelope, ensure_ascii=False).encode()


def certificate_list(*certificates: Certificate, key: bytes = APIV3_KEY) -> bytes:
    """The body of the answer of GET /v3/certificates."""
    entries = [
        {
            "serial_no": certificate.serial,
            "effective_time": certificate.starts_at.isoformat(),
            "expire_time": certificate.ends_at.isoformat(),
            "encrypt_certificate": sealed(certificate.pem, associated_data="certificate", key=key),
        }
        for certificate in certificates
    ]
    return json.dumps({"data": entries}).encode()


STATEMENT_COLUMNS = [
    "交易时间",
    "公众账号ID",
    "商户号",
    "特约商户号",
    "设备号",
    "微信订单号",
    "商户订单号",
    "用户标识",
    "交易类型",
    "交易状态",
    "付款银行",
    "货币种类",
    "应结订单金额",
    "代金券金额",
    "微信退款单号",
    "商户退款单号",
    "退款金额",
    "充值券退款金额",
    "退款类型",
    "退款状态",
    "商品名称",
    "商户数据包",
    "手续费",
    "费率",
    "订单金额",
    "申请退款金额",
    "费率备注",
]
STATEMENT_SUMS = {
    "应结订单总金额": "应结订单金额",
    "退款总金额": "退款金额",
    "充值券退款总金额": "充值券退款金额",
    "手续费总金额": "手续费",
    "订单总金额": "订单金额",
    "申请退款总金额": "申请退款金额",
}


def statement_row(**changed: str) -> dict[str, str]:
    """A payment's row, as in the documentation of the statement (交易账单); a coupon of ours paid 0.50 of it."""
    return {
        "交易时间": "2026-11-20 09:59:56",
        "公众账号ID": APPID,
        "商户号": MCHID,
        "特约商户号": "0",
        "设备号": "",
        "微信订单号": "4200000001202611201234567890",
        "商户订单号": "P20261120000001",
        "用户标识": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
        "交易类型": "JSAPI",
        "交易状态": "SUCCESS",
        "付款银行": "OTHERS",
        "货币种类": "CNY",
        "应结订单金额": "44.50",
        "代金券金额": "0.50",
        "微信退款单号": "0",
        "商户退款单号": "0",
        "退款金额": "0.00",
        "充值券退款金额": "0.00",
        "退款类型": "",
        "退款状态": "",
        "商品名称": "成都高新体育中心 羽毛球 2 号场",
        "商户数据包": "",
        "手续费": "0.27000",
        "费率": "0.60%",
        "订单金额": "45.00",
        "申请退款金额": "0.00",
        "费率备注": "",
    } | changed


def statement_refund_row(**changed: str) -> dict[str, str]:
    """A refund's row; of a fee WeChat gives back its part."""
    return statement_row(
        **{
            "交易时间": "2026-11-20 23:59:59",
            "交易状态": "REFUND",
            "应结订单金额": "0.00",
            "代金券金额": "0.00",
            "订单金额": "0.00",
            "微信退款单号": "50200207182018070300011301001",
            "商户退款单号": "R20261120000001",
            "退款金额": "14.80",
            "申请退款金额": "15.00",
            "退款类型": "ORIGINAL",
            "退款状态": "PROCESSING",
            "手续费": "-0.09000",
        }
        | changed
    )


def statement_file(*rows: dict[str, str], columns: list[str] = STATEMENT_COLUMNS, **sums: str) -> bytes:
    """The unpacked file, with the sums that the rows have unless told otherwise."""
    totals = {"总交易单数": str(len(rows))}
    for name, column in STATEMENT_SUMS.items():
        total = sum((Decimal(row[column]) for row in rows), Decimal("0.00"))
        totals[name] = str(total)
    totals |= sums
    lines = [",".join(columns), *(",".join("`" + row[column] for column in columns) for row in rows)]
    lines += [",".join(totals), ",".join("`" + total for total in totals.values())]
    return "\ufeff".encode() + "".join(line + "\r\n" for line in lines).encode()


class Wire:
    """Stands where the network would be: keeps every request, and answers with what a test puts in `answers`."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.answers: dict[str, Callable[[], httpx.Response]] = {}
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def asked(self, path: str) -> list[httpx.Request]:
        return [request for request in self.requests if request.url.path == path]

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        await asyncio.sleep(0.001)  # others come in meanwhile, as on a real line
        return self.answers[request.url.path]()
