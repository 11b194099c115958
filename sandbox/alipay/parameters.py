"""The limits of biz_content (opendocs.alipay.com: alipay.trade.wap.pay, .page.pay, .precreate, .pay, .refund)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from sandbox.alipay.refusals import bad_parameter, failed
from sandbox.clock import BEIJING
from sandbox.store import Row

BEIJING_SECONDS = "%Y-%m-%d %H:%M:%S"
MOST_FEN = 100_000_000_00
TIMEOUT_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
LONGEST_TIMEOUT = timedelta(days=15)


def text(biz: Row, field: str, *, most: int, pattern: str | None = None) -> str:
    value = optional_text(biz, field, most=most, pattern=pattern)
    if value is None:
        raise bad_parameter(field, "必填")
    return value


def optional_text(biz: Row, field: str, *, most: int, pattern: str | None = None) -> str | None:
    """A blank value counts as absent, as Alipay holds it."""
    value = biz.get(field)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise bad_parameter(field, "应为字符串", value)
    if len(value) > most:
        raise bad_parameter(field, f"长度不能超过 {most}", value)
    if pattern and not re.fullmatch(pattern, value):
        raise bad_parameter(field, "格式不正确", value)
    return value


def fen(biz: Row, field: str) -> int:
    """Yuan as text with at most two decimals, 0.01 to 100000000; a JSON number isn't taken."""
    value = text(biz, field, most=12, pattern=r"(0|[1-9]\d*)(\.\d{1,2})?")
    whole, _, cents = value.partition(".")
    amount = int(whole) * 100 + int(cents.ljust(2, "0"))
    if not 1 <= amount <= MOST_FEN:
        raise bad_parameter(field, "应在 0.01 至 100000000 之间", value)
    return amount


def yuan(amount: int) -> str:
    sign, amount = ("-", -amount) if amount < 0 else ("", amount)
    return f"{sign}{amount // 100}.{amount % 100:02d}"


def beijing(at: datetime) -> str:
    return at.astimezone(BEIJING).strftime(BEIJING_SECONDS)


def beijing_instant(value: str) -> datetime | None:
    """`yyyy-MM-dd HH:mm:ss`, whole and exact; None for anything else."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", value):
        return None
    try:
        return datetime.strptime(value, BEIJING_SECONDS).replace(tzinfo=BEIJING)
    except ValueError:
        return None


def time_expire(biz: Row, now: datetime) -> datetime | None:
    """The last moment to pay, to the second or (as older documents have it) to the minute."""
    value = optional_text(biz, "time_expire", most=19)
    if value is None:
        return None
    at = beijing_instant(value if len(value) == 19 else f"{value}:00")
    if at is None:
        raise bad_parameter("time_expire", "格式应为 yyyy-MM-dd HH:mm:ss", value)
    if at <= now:
        raise failed("ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR", f"当前时间已大于绝对超时时间 {value}")
    return at


def timeout_express(biz: Row, field: str = "timeout_express") -> str | None:
    """1m to 15d, or 1c: until the end of the day."""
    value = optional_text(biz, field, most=6, pattern=r"1c|[1-9]\d{0,4}[mhd]")
    if value is not None and value != "1c" and int(value[:-1]) * TIMEOUT_UNITS[value[-1]] > LONGEST_TIMEOUT:
        raise bad_parameter(field, "最长 15d", value)
    return value


def end_of(timeout: str, start: datetime) -> datetime:
    if timeout == "1c":
        midnight = start.astimezone(BEIJING).replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight + timedelta(days=1)
    return start + int(timeout[:-1]) * TIMEOUT_UNITS[timeout[-1]]
