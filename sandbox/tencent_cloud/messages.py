"""SendSms: what is refused, what arrives, and how often one phone gets any (cloud.tencent.com/document/product/382)."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.clock import BEIJING, as_text
from sandbox.keys import Secrets
from sandbox.store import Row, Store
from sandbox.tencent_cloud.errors import CloudError

TABLES = """
CREATE TABLE IF NOT EXISTS messages (
    serial TEXT PRIMARY KEY, phone TEXT NOT NULL, template TEXT NOT NULL, given TEXT NOT NULL, text TEXT NOT NULL,
    sent_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS messages_phone ON messages (phone, sent_at);
"""

PARAMETERS = {
    "PhoneNumberSet": list,
    "SmsSdkAppId": str,
    "TemplateId": str,
    "SignName": str,
    "TemplateParamSet": list,
    "ExtendCode": str,
    "SessionContext": str,
    "SenderId": str,
}
DEMANDED = ("PhoneNumberSet", "SmsSdkAppId", "TemplateId")
MAINLAND = re.compile(r"(?:\+?86|0086)?(1[3-9]\d{9})", re.ASCII)
ABROAD = re.compile(r"\+(?!86)[1-9]\d{4,14}", re.ASCII)
MOST_NUMBERS = 200
LONGEST_VALUE = 6  # of accounts opened since 2024-01-25
LINK = re.compile(r"https?:|www\.|\.(?:com|cn|net|org)\b", re.I)


@dataclass(frozen=True)
class Template:
    """A text that was approved; {1} and so on are filled in."""

    text: str
    of_codes: bool


TEMPLATES = {
    "1000001": Template("验证码为{1}，{2}分钟内有效。请勿告诉他人。", of_codes=True),
    "1000002": Template("您有一条新消息，请打开小程序查看。", of_codes=False),  # a notice may have no variables
}

# Tencent Cloud's own defaults for one number: once in 30 seconds, 5 times an hour, 10 times a day of Beijing's.
LIMITS = (
    ("LimitExceeded.PhoneNumberThirtySecondLimit", timedelta(seconds=30), 1),
    ("LimitExceeded.PhoneNumberOneHourLimit", timedelta(hours=1), 5),
)
DAILY = ("LimitExceeded.PhoneNumberDailyLimit", 10)


def send(store: Store, asked: Row, known: Secrets, refuse_with: str, *, now: datetime) -> Row:
    """One status for each number. Raises CloudError for a request that is none."""
    _check(asked)
    numbers: list[str] = asked["PhoneNumberSet"]
    return {"SendStatusSet": [_sent(store, number, asked, known, refuse_with, now=now) for number in numbers]}


def of_phone(store: Store, phone: str) -> list[Row]:
    """What this phone got, the newest first; the number in any of its forms."""
    given = MAINLAND.fullmatch(phone)
    number = f"+86{given[1]}" if given else phone
    found = store.rows("SELECT * FROM messages WHERE phone = ? ORDER BY sent_at DESC, rowid DESC", number)
    return [_shown(message) for message in found]


def contents(store: Store) -> list[Row]:
    return [_shown(message) for message in store.rows("SELECT * FROM messages ORDER BY sent_at, rowid")]


def _shown(message: Row) -> Row:
    values = json.loads(message.pop("given"))
    return message | {"values": values}


def _check(asked: Row) -> None:
    for name, value in asked.items():
        if name not in PARAMETERS:
            raise CloudError("UnknownParameter", name)
        if not isinstance(value, PARAMETERS[name]) or (
            isinstance(value, list) and not all(isinstance(item, str) for item in value)
        ):
            raise CloudError("InvalidParameter", name)
    for name in DEMANDED:
        if not asked.get(name):
            raise CloudError("MissingParameter", name)
    if len(asked["PhoneNumberSet"]) > MOST_NUMBERS:
        raise CloudError("InvalidParameter", "PhoneNumberSet")


def _sent(store: Store, number: str, asked: Row, known: Secrets, refuse_with: str, *, now: datetime) -> Row:
    mainland = MAINLAND.fullmatch(number)
    phone = f"+86{mainland[1]}" if mainland else number
    code = refuse_with or _fault(store, phone, asked, known, now=now)
    serial = "" if code else f"{secrets.randbelow(10**4):04d}:{secrets.randbelow(10**20):020d}"
    if not code:
        template = TEMPLATES[asked["TemplateId"]]
        values = asked.get("TemplateParamSet", [])
        text = f"【{asked['SignName']}】" + template.text.format("", *values)
        store.run(
            "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?)",
            *(serial, phone, asked["TemplateId"], json.dumps(values), text, as_text(now)),
        )
    return {
        "SerialNo": serial,
        "PhoneNumber": phone,
        "Fee": 0 if code else 1,
        "SessionContext": asked.get("SessionContext", ""),
        "Code": code or "Ok",
        "Message": code or "send success",
        "IsoCode": "CN",
    }


def _fault(store: Store, phone: str, asked: Row, known: Secrets, *, now: datetime) -> str:
    if asked["SmsSdkAppId"] != known.sms_app_id:
        return "UnauthorizedOperation.SmsSdkAppIdVerifyFail"
    if asked.get("SignName") != known.sms_sign_name:
        return "FailedOperation.SignatureIncorrectOrUnapproved"
    template = TEMPLATES.get(asked["TemplateId"])
    if template is None:
        return "FailedOperation.TemplateIncorrectOrUnapproved"
    if ABROAD.fullmatch(phone):
        return "UnsupportedOperation.ChineseMainlandTemplateToGlobalPhone"
    if not MAINLAND.fullmatch(phone):
        return "InvalidParameterValue.IncorrectPhoneNumber"
    return _misfit(template, asked.get("TemplateParamSet", [])) or _too_often(store, phone, now=now)


def _misfit(template: Template, values: list[str]) -> str:
    """A code's values are up to six digits; no value is an address, and none is long."""
    if len(values) != len(set(re.findall(r"\{\d\}", template.text))):
        return "FailedOperation.TemplateParamSetNotMatchApprovedTemplate"
    if template.of_codes and not all(re.fullmatch(r"\d{0,6}", value, re.ASCII) for value in values):
        return "InvalidParameterValue.TemplateParameterFormatError"
    if any(len(value) > LONGEST_VALUE for value in values):
        return "InvalidParameterValue.TemplateParameterLengthLimit"
    if any(LINK.search(value) for value in values):
        return "InvalidParameterValue.ProhibitedUseUrlInTemplateParameter"
    return ""


def _too_often(store: Store, phone: str, *, now: datetime) -> str:
    def sent_since(moment: datetime) -> int:
        counted = "SELECT count(*) FROM messages WHERE phone = ? AND sent_at > ?"
        return store.figure(counted, phone, as_text(moment))

    for code, span, most in LIMITS:
        if sent_since(now - span) >= most:
            return code
    midnight = now.astimezone(BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)
    code, most = DAILY
    return code if sent_since(midnight) >= most else ""
