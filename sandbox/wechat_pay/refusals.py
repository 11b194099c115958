"""WeChat Pay's errors: `{"code", "message", "detail"}` with the HTTP status that belongs to each code."""

from __future__ import annotations

from typing import Any

STATUS = {
    "PARAM_ERROR": 400,
    "INVALID_REQUEST": 400,
    "APPID_MCHID_NOT_MATCH": 400,
    "MCH_NOT_EXISTS": 400,
    "ORDER_CLOSED": 400,
    "ORDER_PAID": 400,
    "AUTH_CODE_INVALID": 400,
    "NO_STATEMENT_EXIST": 400,
    "STATEMENT_CREATING": 400,
    "SIGN_ERROR": 401,
    "OUT_TRADE_NO_USED": 403,
    "TRADE_ERROR": 403,
    "NOT_ENOUGH": 403,
    "ORDER_NOT_EXIST": 404,
    "RESOURCE_NOT_EXISTS": 404,
    "FREQUENCY_LIMITED": 429,
    "SYSTEM_ERROR": 500,
}


class Refusal(Exception):
    """A request that WeChat Pay declines; nothing was done."""

    def __init__(self, code: str, message: str, **detail: Any) -> None:
        super().__init__(message)
        self.status = STATUS[code]
        self.answer = {"code": code, "message": message} | ({"detail": detail} if detail else {})


def bad_parameter(field: str, issue: str, location: str = "body") -> Refusal:
    return Refusal("PARAM_ERROR", f"参数错误：{field} {issue}", field=field, issue=issue, location=location)
