"""Statements asked for and downloaded: 申请交易账单 4012556654, 申请资金账单, 下载账单 (pay.weixin.qq.com)."""

from __future__ import annotations

import calendar
import gzip
import hashlib
import secrets
from datetime import date, datetime, time, timedelta

from sandbox.clock import BEIJING, as_text
from sandbox.store import Row
from sandbox.wechat_pay import fund_flow_bill, movements, parameters, trade_bill
from sandbox.wechat_pay.door import Asked, File
from sandbox.wechat_pay.gateway import Gateway
from sandbox.wechat_pay.refusals import Refusal, bad_parameter

READY_AT = time(10)  # of the next day
MONTHS_KEPT = 3
DOWNLOAD_LIFE = timedelta(minutes=5)
FILE_PATH = "/v3/billdownload/file"

TABLES = """
CREATE TABLE IF NOT EXISTS downloads (
    token TEXT PRIMARY KEY, content BLOB NOT NULL, zipped INTEGER NOT NULL, made_at TEXT NOT NULL);
"""


def trade(gateway: Gateway, asked: Asked) -> Row:
    """`GET /v3/bill/tradebill`"""
    bill_type = parameters.choice(asked.query, "bill_type", trade_bill.HEADINGS, default="ALL")
    day = _day(gateway, asked)
    told = trade_bill.of_type(bill_type, movements.of_day(gateway, day))
    _check_exists(bool(told))
    return _ready(gateway, asked, trade_bill.file(bill_type, told, gateway.known.mchid))


def fund_flow(gateway: Gateway, asked: Asked) -> Row:
    """`GET /v3/bill/fundflowbill`. Everything moves through the basic account."""
    accounts = ("BASIC", "OPERATION", "FEES")
    account = parameters.choice(asked.query, "account_type", accounts, default="BASIC")
    day = _day(gateway, asked)
    flows = fund_flow_bill.of_day(gateway, day) if account == "BASIC" else []
    _check_exists(bool(flows))
    return _ready(gateway, asked, fund_flow_bill.file(flows, gateway.known.mchid))


def download(gateway: Gateway, asked: Asked) -> File:
    """`GET /v3/billdownload/file?token=`, for five minutes."""
    found = gateway.store.row(
        "SELECT * FROM downloads WHERE token = ? AND made_at > ?",
        *(asked.query.get("token", ""), as_text(gateway.now() - DOWNLOAD_LIFE)),
    )
    if found is None:
        raise Refusal("INVALID_REQUEST", "账单下载地址不存在或已失效，请重新申请")
    if found["zipped"]:
        return File(gzip.compress(found["content"], mtime=0), "application/x-gzip")
    return File(found["content"], "text/plain; charset=utf-8")


def _day(gateway: Gateway, asked: Asked) -> date:
    """The day asked for, if its statement can be had now."""
    if "tar_type" in asked.query:
        parameters.choice(asked.query, "tar_type", ("GZIP",))
    text = parameters.text(asked.query, "bill_date", most=10, pattern=r"\d{4}-\d\d-\d\d")
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise bad_parameter("bill_date", "不是有效的日期", "query") from error
    now = gateway.now().astimezone(BEIJING)
    anytime = gateway.faults.is_on("statements_anytime")
    if day > now.date() or (day == now.date() and not anytime):
        raise bad_parameter("bill_date", "应早于今天", "query")
    if day < _months_before(now.date(), MONTHS_KEPT):
        raise bad_parameter("bill_date", "仅支持三个月内的账单", "query")
    too_early = now < datetime.combine(day + timedelta(days=1), READY_AT, BEIJING)
    if gateway.faults.is_on("statement_creating") or (too_early and not anytime):
        raise Refusal("STATEMENT_CREATING", "账单生成中")
    return day


def _months_before(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _check_exists(exists: bool) -> None:
    if not exists:
        raise Refusal("NO_STATEMENT_EXIST", "请求的账单文件不存在")


def _ready(gateway: Gateway, asked: Asked, content: bytes) -> Row:
    """The hash is of the file as it is once unzipped."""
    now, token, zipped = gateway.now(), secrets.token_urlsafe(48), asked.query.get("tar_type") == "GZIP"
    gateway.store.run("DELETE FROM downloads WHERE made_at <= ?", as_text(now - DOWNLOAD_LIFE))
    gateway.store.run("INSERT INTO downloads VALUES (?, ?, ?, ?)", token, content, zipped, as_text(now))
    hashed = content + b"\n" if gateway.faults.is_on("statement_hash_wrong") else content
    return {
        "hash_type": "SHA1",
        "hash_value": hashlib.sha1(hashed, usedforsecurity=False).hexdigest(),
        "download_url": f"{asked.base_url}{FILE_PATH}?token={token}" + ("&tartype=gzip" if zipped else ""),
    }
