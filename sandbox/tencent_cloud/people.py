"""IdCardVerification: the authority's register of people, and what it says of a name with a number."""

from __future__ import annotations

import re
from datetime import date, datetime

from sandbox.clock import as_text
from sandbox.store import Row, Store
from sandbox.tencent_cloud.errors import CloudError

TABLES = """
CREATE TABLE IF NOT EXISTS people (id_number TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS checks (
    id INTEGER PRIMARY KEY, id_number TEXT NOT NULL, name TEXT NOT NULL, result TEXT NOT NULL, asked_at TEXT NOT NULL);
"""

DESCRIPTIONS = {
    "0": "姓名和身份证号一致",
    "-1": "姓名和身份证号不一致",
    "-2": "非法身份证号（长度、校验位等不正确）",
    "-3": "非法姓名（长度、格式等不正确）",
    "-4": "证件库服务异常",
    "-5": "证件库中无此身份证记录",
    "-6": "权威比对系统升级中，请稍后再试",
    "-7": "认证次数超过当日限制",
}
NAME = re.compile(r"[\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+(?:[·•][\u3400-\u9fff]+)*")
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK_DIGITS = "10X98765432"


def register(store: Store, asked: Row) -> Row:
    """A person, or a new name for their number. Raises ValueError for what cannot be one."""
    name, number = asked.get("name"), asked.get("id_number")
    if not isinstance(name, str) or not NAME.fullmatch(name) or not 2 <= len(name) <= 30:
        raise ValueError("name is 2 to 30 Chinese characters")
    if not isinstance(number, str) or not is_id_number(number):
        raise ValueError("id_number is a valid one of 18 characters")
    store.run("INSERT OR REPLACE INTO people VALUES (?, ?)", number, name)
    return {"name": name, "id_number": number}


def verify(store: Store, asked: Row, result: str, *, now: datetime) -> Row:
    """`result` is what a fault wants said, or empty. Every question is kept: each is billed when it is answered."""
    for parameter in asked:
        if parameter not in ("IdCard", "Name"):
            raise CloudError("UnknownParameter", parameter)
    number, name = asked.get("IdCard"), asked.get("Name")
    if not isinstance(number, str) or not isinstance(name, str):
        raise CloudError("MissingParameter", "IdCard" if not isinstance(number, str) else "Name")
    said = result or _verdict(store, number, name)
    store.run(
        "INSERT INTO checks (id_number, name, result, asked_at) VALUES (?, ?, ?, ?)",
        *(number, name, said, as_text(now)),
    )
    return {"Result": said, "Description": DESCRIPTIONS[said]}


def is_id_number(number: str) -> bool:
    """18 characters with a real day of birth and the right last one (GB 11643)."""
    if not re.fullmatch(r"[1-9]\d{16}[\dX]", number, re.ASCII):
        return False
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    weighed = sum(weight * int(digit) for weight, digit in zip(WEIGHTS, number[:17], strict=True))
    return CHECK_DIGITS[weighed % 11] == number[17]


def contents(store: Store) -> Row:
    return {
        "people": store.rows("SELECT name, id_number FROM people ORDER BY rowid"),
        "checks": store.rows("SELECT id_number, name, result, asked_at FROM checks ORDER BY id"),
    }


def _verdict(store: Store, number: str, name: str) -> str:
    if not is_id_number(number.upper()):
        return "-2"
    if not NAME.fullmatch(name) or not 2 <= len(name) <= 30:
        return "-3"
    found = store.row("SELECT name FROM people WHERE id_number = ?", number.upper())
    if found is None:
        return "-5"
    return "0" if found["name"] == name else "-1"
