"""Subscribe messages and template messages: who gets them, and what fits their fields (参数值内容限制说明)."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from sandbox.clock import as_text
from sandbox.store import Row, Store
from sandbox.wechat.errors import WeChatError

SAME_MESSAGE = timedelta(minutes=10)  # for so long a client_msg_id is sent once

TABLES = """
CREATE TABLE IF NOT EXISTS quotas (
    openid TEXT NOT NULL, template_id TEXT NOT NULL, left_over INTEGER NOT NULL, PRIMARY KEY (openid, template_id));
CREATE TABLE IF NOT EXISTS sent_messages (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, openid TEXT NOT NULL, template_id TEXT NOT NULL, target TEXT NOT NULL,
    given TEXT NOT NULL, client_msg_id TEXT, msgid TEXT NOT NULL, sent_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS sent_client_msg_id ON sent_messages (openid, client_msg_id);
"""

CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?"
DAY = r"(?:\d{4}年)?\d{1,2}月(?:\d{1,2}日)?|\d{4}([-/.])\d{1,2}\1\d{1,2}"
SPAN = rf"(?:(?:{DAY})(?: ?{CLOCK})?|{CLOCK})"
HAN = "\u3400-\u9fff"


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


def _moment(value: str) -> bool:
    parts = value.split("~")
    return len(parts) <= 2 and all(re.fullmatch(SPAN.replace("\\1", "[-/.]"), part.strip()) for part in parts)


FIELDS: dict[str, Callable[[str], bool]] = {
    "thing": lambda value: len(value) <= 20 and "\n" not in value,
    "number": _matches(r"-?[0-9]{1,32}(?:\.[0-9]+)?"),
    "letter": _matches(r"[A-Za-z]{1,32}"),
    "symbol": lambda value: len(value) <= 5 and not any(sign.isalnum() for sign in value),
    "character_string": _matches(r"[!-~]{1,32}"),
    "time": _moment,
    "date": _moment,
    "amount": _matches(r"[¥￥$€]?[0-9]{1,10}(?:\.[0-9]+)?元?"),
    "phone_number": _matches(r"[0-9+() -]{1,17}"),
    "car_number": lambda value: len(value) <= 8,
    "name": lambda value: len(value) <= (10 if re.search(f"[{HAN}]", value) else 20),
    "phrase": _matches(f"[{HAN}]{{1,5}}"),
    "enum": lambda value: len(value) <= 20,
    "const": lambda value: len(value) <= 20,
}


def grant(store: Store, openid: object, template_id: object, times: object) -> Row:
    """The person says yes to this template so many times more (0: takes all of it back). Raises ValueError."""
    if store.row("SELECT 1 FROM people WHERE openid = ?", str(openid)) is None:
        raise ValueError("nobody has this openid; POST /_sandbox/people first")
    if not isinstance(template_id, str) or not template_id:
        raise ValueError("template_id is a text")
    if type(times) is not int or not 0 <= times <= 1000:
        raise ValueError("times is a number from 0 to 1000")
    store.run(
        """INSERT INTO quotas VALUES (?, ?, ?) ON CONFLICT (openid, template_id)
           DO UPDATE SET left_over = CASE WHEN excluded.left_over = 0 THEN 0
                                          ELSE left_over + excluded.left_over END""",
        *(openid, template_id, times),
    )
    return store.rows("SELECT * FROM quotas WHERE openid = ? AND template_id = ?", openid, template_id)[0]


def subscribe(store: Store, asked: Row, *, now: datetime) -> Row:
    """/cgi-bin/message/subscribe/send: uses up one yes. A message that does not fit uses none."""
    openid, template_id, values = _read(asked)
    if store.row("SELECT 1 FROM people WHERE openid = ?", openid) is None:
        raise WeChatError(40003)
    page = asked.get("page", "")
    if not isinstance(page, str) or not re.fullmatch(r"(?:[A-Za-z0-9_/-]+(?:\?\S*)?)?", page):
        raise WeChatError(41030)
    _fit(values)
    with store.transaction():
        quota = store.row("SELECT left_over FROM quotas WHERE openid = ? AND template_id = ?", openid, template_id)
        if quota is None or quota["left_over"] < 1:
            raise WeChatError(43101)
        store.run(
            "UPDATE quotas SET left_over = left_over - 1 WHERE openid = ? AND template_id = ?", openid, template_id
        )
        msgid = _keep(store, "subscribe", openid, template_id, page, values, None, now)
    return {"errcode": 0, "errmsg": "ok", "msgid": int(msgid)}


def template(store: Store, asked: Row, *, now: datetime) -> Row:
    """/cgi-bin/message/template/send: the same client_msg_id to the same person once in ten minutes."""
    openid, template_id, values = _read(asked)
    person = store.row("SELECT follows FROM official_people WHERE official_openid = ?", openid)
    if person is None:
        raise WeChatError(40003)
    if not person["follows"]:
        raise WeChatError(43004)
    _fit(values)
    mini_program, key = asked.get("miniprogram"), asked.get("client_msg_id")
    target = json.dumps(mini_program) if mini_program else str(asked.get("url", ""))
    with store.transaction():
        before = key and store.row(
            "SELECT msgid FROM sent_messages WHERE openid = ? AND client_msg_id = ? AND sent_at > ?",
            *(openid, key, as_text(now - SAME_MESSAGE)),
        )
        msgid = (
            before["msgid"] if before else _keep(store, "official", openid, template_id, target, values, key, now)
        )
    return {"errcode": 0, "errmsg": "ok", "msgid": int(msgid)}


def follow(store: Store, openid: str, *, follows: bool) -> None:
    store.run("UPDATE official_people SET follows = ? WHERE official_openid = ?", follows, openid)


def contents(store: Store) -> Row:
    sent = store.rows("SELECT * FROM sent_messages ORDER BY id")
    return {
        "messages": [message | {"given": json.loads(message["given"])} for message in sent],
        "quotas": store.rows("SELECT * FROM quotas"),
    }


def _read(asked: Row) -> tuple[str, str, dict[str, str]]:
    openid, template_id, data = asked.get("touser"), asked.get("template_id"), asked.get("data")
    if not isinstance(openid, str) or not openid:
        raise WeChatError(40003)
    if not isinstance(template_id, str) or not template_id:
        raise WeChatError(40037)
    if not isinstance(data, dict) or not data:
        raise WeChatError(47003)
    values = {name: field.get("value") if isinstance(field, dict) else None for name, field in data.items()}
    if not all(isinstance(value, str | int | float) for value in values.values()):
        raise WeChatError(47003)
    return openid, template_id, {name: str(value) for name, value in values.items()}


def _fit(values: dict[str, str]) -> None:
    for name, value in values.items():
        kind = name.rstrip("0123456789")
        if kind not in FIELDS or not value or not FIELDS[kind](value):
            raise WeChatError(47003, f"argument invalid! data.{name}.value invalid")


def _keep(
    store: Store,
    kind: str,
    openid: str,
    template_id: str,
    target: str,
    values: dict[str, str],
    client_msg_id: object,
    now: datetime,
) -> str:
    msgid = str(secrets.randbelow(9 * 10**17) + 10**17)
    store.run(
        """INSERT INTO sent_messages (kind, openid, template_id, target, given, client_msg_id, msgid, sent_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        *(kind, openid, template_id, target, json.dumps(values, ensure_ascii=False)),
        *(client_msg_id, msgid, as_text(now)),
    )
    return msgid
