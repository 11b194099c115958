"""Alipay's errors: HTTP 200 and `{"code", "msg", "sub_code", "sub_msg"}` (opendocs.alipay.com/common/02km9f)."""

from __future__ import annotations

import secrets

from sandbox.store import Row

MESSAGES = {
    "20000": "Service Currently Unavailable",
    "20001": "Insufficient Token Permissions",
    "40001": "Missing Required Arguments",
    "40002": "Invalid Arguments",
    "40004": "Business Failed",
    "40006": "Insufficient Permissions",
}


class Refusal(Exception):
    """A request that Alipay declines; nothing was done."""

    def __init__(self, code: str, sub_code: str, message: str) -> None:
        super().__init__(message)
        self.sub_code = sub_code
        self.message = message
        self.answer = failure(code, sub_code, message)


def failure(code: str, sub_code: str, message: str) -> Row:
    """As Alipay's production does, the message ends with a link; so slashes and colons stand in signed text."""
    link = f"https://open.alipay.com/api/errCheck?traceId={secrets.token_hex(16)}&source=openapi"
    return {
        "code": code,
        "msg": MESSAGES[code],
        "sub_code": sub_code,
        "sub_msg": f"{message}，解决方案：{link}",
    }


def missing(sub_code: str, message: str) -> Refusal:
    return Refusal("40001", sub_code, message)


def invalid(sub_code: str, message: str) -> Refusal:
    return Refusal("40002", sub_code, message)


def failed(sub_code: str, message: str) -> Refusal:
    return Refusal("40004", sub_code, message)


def bad_parameter(field: str, issue: str, value: object = None) -> Refusal:
    """The message quotes what came, so that braces and escaped quotes stand inside signed text, as in life."""
    quoted = "" if value is None else f'："{value}"'
    return failed("ACQ.INVALID_PARAMETER", f"参数无效，{{{field}}} {issue}{quoted}")
