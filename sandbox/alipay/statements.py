"""The day's bill (对账单): a link that lives 30 seconds, to a zip of two CSV files in GBK."""

from __future__ import annotations

import secrets
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from sandbox.alipay import parameters, statement_file
from sandbox.alipay.door import Asked
from sandbox.alipay.gateway import Gateway
from sandbox.alipay.refusals import bad_parameter, failed
from sandbox.clock import BEIJING, as_instant, as_text
from sandbox.store import Row

LINK_LIFE = timedelta(seconds=30)
READY_AT = time(9, 0)  # of the next day, Beijing
PATH = "/downloadBillFile.resource"

TABLES = """
CREATE TABLE IF NOT EXISTS bill_links (file_id TEXT PRIMARY KEY, bill_date TEXT NOT NULL, created_at TEXT NOT NULL);
"""


def ask(gateway: Gateway, asked: Asked) -> Row:
    """`alipay.data.dataservice.bill.downloadurl.query`, for a day's trades."""
    bill_type = parameters.text(asked.biz, "bill_type", most=20)
    if bill_type != "trade":
        raise bad_parameter("bill_type", "沙箱只有 trade", bill_type)
    day = _day(asked.biz)
    _check_ready(gateway, day)
    if not rows(gateway, day):
        raise failed("NO_BILL_DATA", "商户在请求的账单时间内没有发生当前账单类型的业务")
    file_id = secrets.token_hex(16)
    gateway.store.run("INSERT INTO bill_links VALUES (?, ?, ?)", file_id, f"{day}", as_text(gateway.now()))
    query = {
        "bizType": "trade",
        "userId": statement_file.account(gateway.seller_id),
        "fileType": "csv.zip",
        "bizDates": f"{day:%Y%m%d}",
        "downloadFileName": f"{statement_file.name(gateway.seller_id, day)}.csv.zip",
        "fileId": f"/trade/{file_id}",
    }
    return {"bill_download_url": f"{asked.base_url.rstrip('/')}{PATH}?{urlencode(query)}"}


def download(gateway: Gateway, request: Request) -> Response:
    """Whoever has the link has the bill; nothing is signed here."""
    file_id = request.query_params.get("fileId", "").removeprefix("/trade/")
    link = gateway.store.row("SELECT * FROM bill_links WHERE file_id = ?", file_id)
    if link is None or gateway.now() > as_instant(link["created_at"]) + LINK_LIFE:
        return PlainTextResponse("链接已失效，请重新获取账单下载地址", 404)
    day = date.fromisoformat(link["bill_date"])
    content = statement_file.zipped(gateway.seller_id, day, rows(gateway, day), exported_at=gateway.now())
    name = f"{statement_file.name(gateway.seller_id, day)}.csv.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, headers=headers, media_type="application/octet-stream")


def rows(gateway: Gateway, day: date) -> list[Row]:
    """The day's payments and refunds in the order of their time; the faults act here."""
    start = datetime.combine(day, time(), BEIJING)
    within = (as_text(start), as_text(start + timedelta(days=1)))
    paid = gateway.store.rows(
        """SELECT *, '' AS out_request_no, total_fen AS fen, paid_at AS at FROM trades NATURAL JOIN people
           WHERE paid_at >= ? AND paid_at < ?""",
        *within,
    )
    refunded = gateway.store.rows(
        """SELECT *, -refund_fen AS fen, refunded_at AS at FROM refunds NATURAL JOIN trades NATURAL JOIN people
           WHERE refunded_at >= ? AND refunded_at < ?""",
        *within,
    )
    hidden = gateway.faults.get("statement_hides", [])
    shown = sorted((row for row in paid + refunded if _number(row) not in hidden), key=lambda row: str(row["at"]))
    return [_altered(gateway, row) for row in shown] + _added(gateway, start)


def _number(row: Row) -> str:
    """What the faults name a row by: a payment's out_trade_no, a refund's out_request_no."""
    return str(row["out_request_no"] or row["out_trade_no"])


def _altered(gateway: Gateway, row: Row) -> Row:
    fen = gateway.faults.get("statement_amounts", {}).get(_number(row))
    if fen is None:
        return row
    return row | {"fen": fen if row["fen"] > 0 else -fen}


def _added(gateway: Gateway, start: datetime) -> list[Row]:
    noon = start + timedelta(hours=12)
    return [
        {
            "trade_no": f"{noon:%Y%m%d}22001{number:015d}",
            "out_trade_no": row["out_trade_no"],
            "out_request_no": "",
            "subject": "沙箱添加",
            "body": None,
            "buyer_logon_id": "138****0000",
            "fen": row["total_fen"],
            "created_at": as_text(noon),
            "at": as_text(noon),
        }
        for number, row in enumerate(gateway.faults.get("statement_adds", []), 1)
    ]


def _day(biz: Row) -> date:
    value = parameters.text(biz, "bill_date", most=10, pattern=r"\d{4}-\d\d-\d\d")
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise bad_parameter("bill_date", "格式应为 yyyy-MM-dd", value) from error


def _check_ready(gateway: Gateway, day: date) -> None:
    """With the words that production has been seen to use; the document has BILL_NOT_EXIST, INVAILID_ARGUMENTS."""
    if gateway.faults.is_on("statements_anytime"):
        return
    now = gateway.now().astimezone(BEIJING)
    if day >= now.date():
        raise failed("isv.invalid_arguments", f'参数不合法：{{bill_date="{day}"}}')
    if now < datetime.combine(day + timedelta(days=1), READY_AT, BEIJING):
        raise failed("isp.bill_not_exist", "账单不存在，账单尚未生成")
