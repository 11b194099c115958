"""Alipay as these tests play it: fresh keys, and messages put together by hand from its documentation.

Nothing here comes from `payments` but what is under test, so that a mistake there cannot hide behind the same
mistake here.
"""

import base64
import csv
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from payments.alipay import Alipay, App, KeyTrust
from payments.alipay.app import Trust

APP_ID = "2021000117650139"
SELLER_ID = "2088102146225135"
GATEWAY = "https://openapi.alipay.example/gateway.do"
NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)  # ten in the morning in Beijing


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


OUR_KEY, ALIPAYS_KEY, STRANGERS_KEY = new_key(), new_key(), new_key()


def seal(message: bytes, key: rsa.RSAPrivateKey = ALIPAYS_KEY) -> str:
    return base64.b64encode(key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


def our_seal_holds(parameters: dict[str, str]) -> bool:
    """As Alipay checks a request: all but sign, without the empty ones, sorted."""
    signature = base64.b64decode(parameters["sign"])
    content = "&".join(f"{k}={v}" for k, v in sorted(parameters.items()) if v and k != "sign")
    OUR_KEY.public_key().verify(signature, content.encode(), padding.PKCS1v15(), hashes.SHA256())
    return True


def app(trust: Trust | None = None) -> App:
    return App(
        app_id=APP_ID,
        seller_id=SELLER_ID,
        private_key=OUR_KEY,
        trust=trust or KeyTrust((ALIPAYS_KEY.public_key(),)),
        notify_url="https://example.org/payments/alipay/notices",
    )


@dataclass
class Question:
    """What came over the line, decoded."""

    method: str
    parameters: dict[str, str]
    content: dict[str, Any]


class Line:
    """Stands where the network would be: keeps every question, and answers with what a test puts in `answers`.

    What is under "statement" answers the address of a statement.
    """

    def __init__(self) -> None:
        self.questions: list[Question] = []
        self.answers: dict[str, Callable[[], httpx.Response]] = {}
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def says(self, method: str, raw: str | dict[str, Any], **how: Any) -> None:
        """The gateway answers this method so from now on, signed unless told otherwise."""
        self.answers[method] = lambda: httpx.Response(200, content=answer(method, raw, **how))

    def asked(self, method: str) -> list[Question]:
        return [question for question in self.questions if question.method == method]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return self.answers["statement"]()
        parameters = dict(parse_qsl(request.url.query.decode(), keep_blank_values=True))
        assert "biz_content" not in parameters
        (content,) = parse_qs(request.content.decode())["biz_content"]
        question = Question(parameters["method"], parameters | {"biz_content": content}, json.loads(content))
        self.questions.append(question)
        return self.answers[question.method]()


def answer(
    method: str,
    contents: str | dict[str, Any],
    *,
    key: rsa.RSAPrivateKey | None = ALIPAYS_KEY,
    serial: str = "",
    node: str = "",
    **changed: Any,
) -> bytes:
    """An answer as the gateway writes it: slashes escaped, the signature over the very characters."""
    raw = contents
    if isinstance(raw, dict):
        told = {"code": "10000", "msg": "Success"} | raw | changed
        raw = json.dumps(told, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")
    parts = [f'"{node or method.replace(".", "_") + "_response"}":{raw}']
    if serial:
        parts.append(f'"alipay_cert_sn":"{serial}"')
    if key:
        parts.append(f'"sign":"{seal(raw.encode(), key)}"')
    return ("{" + ",".join(parts) + "}").encode()


def refused(sub_code: str, code: str = "40004") -> dict[str, str]:
    return {"code": code, "msg": "Business Failed", "sub_code": sub_code, "sub_msg": f'不行："{{{sub_code}}}"'}


@dataclass
class Clock:
    time: datetime = NOW

    def __call__(self) -> datetime:
        return self.time


def channel(line: Line, *, trust: Trust | None = None, clock: Clock | None = None) -> Alipay:
    return Alipay(line.http, gateway_url=GATEWAY, app=app(trust), clock=clock or Clock())


def trade(status: str = "TRADE_SUCCESS", **changed: Any) -> dict[str, Any]:
    """A trade as alipay.trade.query answers it, paid unless told otherwise."""
    told = {
        "buyer_logon_id": "138****1234",
        "buyer_pay_amount": "45.00",
        "buyer_user_id": "2088722001234567",
        "out_trade_no": "P20261120000001",
        "receipt_amount": "45.00",
        "send_pay_date": "2026-11-20 09:59:56",
        "total_amount": "45.00",
        "trade_no": "2026112022001434567012345678",
        "trade_status": status,
    } | changed
    return {name: text for name, text in told.items() if text is not None}


def notice(*, key: rsa.RSAPrivateKey = ALIPAYS_KEY, charset: str = "utf-8", **changed: Any) -> bytes:
    """A notice's body; a value of None leaves its name out."""
    told: dict[str, Any] = {
        "gmt_create": "2026-11-20 09:59:50",
        "charset": charset,
        "gmt_payment": "2026-11-20 09:59:56",
        "notify_time": "2026-11-20 10:00:00",
        "subject": "羽毛球 2 号场 & more=",
        "buyer_id": "2088722001234567",
        "body": "",
        "invoice_amount": "45.00",
        "version": "1.0",
        "notify_id": "2026112000222095956034567012345",
        "fund_bill_list": '[{"amount":"45.00","fundChannel":"ALIPAYACCOUNT"}]',
        "notify_type": "trade_status_sync",
        "out_trade_no": "P20261120000001",
        "total_amount": "45.00",
        "trade_status": "TRADE_SUCCESS",
        "trade_no": "2026112022001434567012345678",
        "auth_app_id": APP_ID,
        "app_id": APP_ID,
        "seller_id": SELLER_ID,
        "sign_type": "RSA2",
    } | changed
    form = {name: text for name, text in told.items() if text is not None}
    content = "&".join(f"{k}={v}" for k, v in sorted(form.items()) if k not in ("sign", "sign_type"))
    form.setdefault("sign", seal(content.encode(charset), key))
    return urlencode(form, encoding=charset).encode()


COLUMNS = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,"
    "支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,"
    "退款批次号/请求号,服务费（元）,分润（元）,备注"
)


@dataclass(frozen=True)
class BillRow:
    kind: str = "交易"
    payment_no: str = "P20261119000001"
    refund_no: str = ""
    trade_no: str = "2026111922001434567012345678"
    fen: int = 4500
    fee_fen: int = 27
    at: str = "2026-11-19 18:30:05"
    name: str = "羽毛球 2 号场"

    def cells(self) -> list[str]:
        sign = -1 if self.kind == "退款" else 1
        amount, fee = signed_yuan(sign * self.fen), signed_yuan(-sign * self.fee_fen)
        before = [f"{self.trade_no}\t", f"{self.payment_no}\t", f"{self.kind}\t", self.name, self.at, self.at]
        middle = ["\t", "\t", "\t", "\t", "**佳(yan***@163.com)\t", amount, amount, *["0.00"] * 5, "", "0.00\t"]
        return [*before, *middle, "0.00", f"{self.refund_no}\t", fee, "0.00", ""]


def signed_yuan(fen: int) -> str:
    whole, cents = divmod(abs(fen), 100)
    return f"{'-' if fen < 0 else ''}{whole}.{cents:02d}"


def bill(rows: list[BillRow], *, day: date = date(2026, 11, 19), columns: str = COLUMNS, **changed: str) -> str:
    """The table of a statement, as Alipay's look. `head`, `paid`, `back` replace the lines of these."""
    table = io.StringIO()
    csv.writer(table, lineterminator="\r\n").writerows(row.cells() for row in rows)
    totals = {
        kind: (len(found), signed_yuan(sum(row.fen for row in found) * (-1 if kind == "退款" else 1)))
        for kind in ("交易", "退款")
        for found in [[row for row in rows if row.kind == kind]]
    }
    lines = {
        "head": f"#账号：[{SELLER_ID}0156]",
        "paid": f"#交易合计：{totals['交易'][0]}笔，商家实收共{totals['交易'][1]}元，商家优惠共0.00元",
        "back": f"#退款合计：{totals['退款'][0]}笔，商家实收退款共{totals['退款'][1]}元，商家优惠退款共0.00元",
    } | changed
    return (
        f"#支付宝业务明细查询\r\n{lines['head']}\r\n"
        f"#起始日期：[{day:%Y年%m月%d日} 00:00:00]   终止日期：[{day + timedelta(days=1):%Y年%m月%d日} 00:00:00]\r\n"
        f"#-----------------------------------------业务明细列表----------------------------------------\r\n"
        f"{columns}\r\n{table.getvalue()}"
        f"#-----------------------------------------业务明细列表结束------------------------------------\r\n"
        f"{lines['paid']}\r\n{lines['back']}\r\n#导出时间：[2026年11月20日 07:27:37]\r\n"
    )


class GbkName(zipfile.ZipInfo):
    """A name in GBK without the UTF-8 flag, as Alipay packs it."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode("gbk"), self.flag_bits & ~0x800


def packed(table: str | bytes, name: str = f"{SELLER_ID}0156_20261119_业务明细.csv") -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, content in ((name, table), (f"{SELLER_ID}0156_20261119_业务明细(汇总).csv", "#汇总")):
            entry = GbkName(each)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content if isinstance(content, bytes) else content.encode("gbk"))
    return written.getvalue()


@dataclass
class Authority:
    """Somebody who issues certificates."""

    name: str
    key: Any
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def issue(
    name: str, by: Authority | None = None, *, key: Any = None, ca: bool = True, days: tuple[int, int] = (-1, 3650)
) -> Authority:
    """A certificate with names in the order of Ant's: C, O, OU, CN."""
    key = key or new_key()
    subject = _name(name)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + timedelta(days=days[0]))
        .not_valid_after(NOW + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(by.key if by else key, hashes.SHA256())
    )
    return Authority(name, key, certificate)


def elliptic_root() -> Authority:
    """Where Alipay's file has SM2 roots: one that is not signed with RSA."""
    return issue("Ant Financial Certification Authority E1", key=ec.generate_private_key(ec.SECP256R1()))


def _name(common: str) -> x509.Name:
    parts = [
        (NameOID.COUNTRY_NAME, "CN"),
        (NameOID.ORGANIZATION_NAME, "Ant Financial"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "Certification Authority"),
        (NameOID.COMMON_NAME, common),
    ]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])
