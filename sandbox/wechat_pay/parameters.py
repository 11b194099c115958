"""The limits of request parameters (pay.weixin.qq.com, JSAPI下单 4012525167, H5下单 4012791834, 退款申请)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sandbox.store import Row
from sandbox.wechat_pay.refusals import bad_parameter

RFC3339_BEIJING = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00"


def text(body: Row, field: str, *, most: int, least: int = 1, pattern: str | None = None) -> str:
    value = optional_text(body, field, most=most, least=least, pattern=pattern)
    if value is None:
        raise bad_parameter(field, "必填")
    return value


def optional_text(body: Row, field: str, *, most: int, least: int = 1, pattern: str | None = None) -> str | None:
    value = body.get(field)
    if value is None:
        return None
    if not isinstance(value, str):
        raise bad_parameter(field, "应为字符串")
    if not least <= len(value) <= most:
        raise bad_parameter(field, f"长度应为 {least} 至 {most} 个字符")
    if pattern and not re.fullmatch(pattern, value):
        raise bad_parameter(field, "含有不允许的字符或格式不正确")
    return value


def part(body: Row, field: str) -> Row:
    value = body.get(field)
    if not isinstance(value, dict):
        raise bad_parameter(field, "必填，应为对象")
    return value


def fen(amount: Row, field: str) -> int:
    value: Any = amount.get(field)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 100_000_000_00:
        raise bad_parameter(f"amount.{field}", "应为大于 0 的整数，单位为分")
    return value


def notify_url(body: Row, *, required: bool) -> str | None:
    """http is let through, since the sandbox's merchant listens on loopback; the rest is WeChat's rule."""
    value = optional_text(body, "notify_url", most=255, pattern=r"https?://[^\s?#]+")
    if value is None and required:
        raise bad_parameter("notify_url", "必填")
    return value


def ip_address(body: Row, field: str) -> str:
    value = text(body, field, most=45)
    try:
        ipaddress.ip_address(value)
    except ValueError as error:
        raise bad_parameter(field, "应为 IPv4 或 IPv6 地址") from error
    return value


def choice(body: Row, field: str, choices: Collection[str], *, default: str | None = None) -> str:
    value = body.get(field, default)
    if not isinstance(value, str) or value not in choices:
        raise bad_parameter(field, f"应为 {'、'.join(choices)} 之一")
    return value


def time_expire(body: Row) -> datetime | None:
    value = optional_text(body, "time_expire", most=64, pattern=RFC3339_BEIJING)
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:
        raise bad_parameter("time_expire", "不是有效的时间") from error
