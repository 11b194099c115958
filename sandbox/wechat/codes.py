"""People, and the codes that stand for them once: login codes and phone codes."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime, timedelta

from sandbox.clock import as_instant, as_text
from sandbox.store import Row, Store
from sandbox.wechat.errors import WeChatError

CODE_LIFE = timedelta(minutes=5)
SIGN_INS_A_MINUTE = 100  # a person; beyond it 45011

TABLES = """
CREATE TABLE IF NOT EXISTS people (
    openid TEXT PRIMARY KEY, unionid TEXT, phone TEXT, session_key TEXT, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS codes (
    code TEXT PRIMARY KEY, kind TEXT NOT NULL, openid TEXT NOT NULL REFERENCES people,
    made_at TEXT NOT NULL, used_at TEXT);
CREATE INDEX IF NOT EXISTS codes_used ON codes (openid, kind, used_at);
"""


def keep_person(store: Store, openid: str | None, unionid: str | None, phone: str | None, *, now: datetime) -> Row:
    """Create a person, or add what is newly known of one."""
    openid = openid or "o" + secrets.token_urlsafe(21)[:27]
    store.run(
        """INSERT INTO people (openid, unionid, phone, created_at) VALUES (?, ?, ?, ?)
           ON CONFLICT (openid) DO UPDATE SET unionid = coalesce(excluded.unionid, unionid),
                                              phone = coalesce(excluded.phone, phone)""",
        *(openid, unionid, phone, as_text(now)),
    )
    return store.rows("SELECT openid, unionid, phone FROM people WHERE openid = ?", openid)[0]


def new_code(store: Store, kind: str, openid: object, *, now: datetime) -> str:
    """What wx.login or the phone button would give this person. ValueError for whom it can't be given."""
    person = store.row("SELECT phone FROM people WHERE openid = ?", str(openid))
    if person is None:
        raise ValueError("nobody has this openid; POST /_sandbox/people first")
    if kind == "phone" and person["phone"] is None:
        raise ValueError("this person has no phone number; POST /_sandbox/people with a phone")
    code = "0" + secrets.token_hex(16)[1:]
    store.run("INSERT INTO codes VALUES (?, ?, ?, ?, NULL)", code, kind, openid, as_text(now))
    return code


def sign_in(store: Store, code: str, *, now: datetime) -> Row:
    """jscode2session: uses the code up and gives the person a new session_key."""
    with store.transaction():
        person = _person_behind(store, "login", code, now)
        recent = store.figure(
            "SELECT count(*) FROM codes WHERE openid = ? AND kind = 'login' AND used_at > ?",
            *(person["openid"], as_text(now - timedelta(minutes=1))),
        )
        if recent >= SIGN_INS_A_MINUTE:
            raise WeChatError(45011)
        session_key = base64.b64encode(secrets.token_bytes(16)).decode()
        store.run("UPDATE codes SET used_at = ? WHERE code = ?", as_text(now), code)
        store.run("UPDATE people SET session_key = ? WHERE openid = ?", session_key, person["openid"])
    answer = {"session_key": session_key, "openid": person["openid"]}
    return answer | ({"unionid": person["unionid"]} if person["unionid"] else {})


def phone_number(store: Store, code: object, *, appid: str, now: datetime) -> Row:
    """getuserphonenumber: uses the code up."""
    with store.transaction():
        person = _person_behind(store, "phone", code, now)
        store.run("UPDATE codes SET used_at = ? WHERE code = ?", as_text(now), code)
    info = {
        "phoneNumber": person["phone"],
        "purePhoneNumber": person["phone"],
        "countryCode": 86,  # documented as a string, seen as a number
        "watermark": {"timestamp": int(now.timestamp()), "appid": appid},
    }
    return {"errcode": 0, "errmsg": "ok", "phone_info": info}


def _person_behind(store: Store, kind: str, code: object, now: datetime) -> Row:
    if not code:
        raise WeChatError(41008)
    if not isinstance(code, str):
        raise WeChatError(40029)
    found = store.row("SELECT * FROM codes JOIN people USING (openid) WHERE code = ?", code)
    if found is None or found["kind"] != kind:
        raise WeChatError(40029)
    if found["used_at"] is not None:
        raise WeChatError(40163)
    if now >= as_instant(found["made_at"]) + CODE_LIFE:
        raise WeChatError(40029)
    return found


def contents(store: Store) -> Row:
    return {
        "people": store.rows("SELECT * FROM people ORDER BY created_at"),
        "codes": store.rows("SELECT * FROM codes ORDER BY made_at"),
    }
