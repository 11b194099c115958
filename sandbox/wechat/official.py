"""The official account's OAuth: whom a page's visitor is, as WeChat tells it (微信网页授权)."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

from sandbox.clock import as_instant, as_text
from sandbox.store import Row, Store
from sandbox.wechat.errors import WeChatError

BASE, USERINFO = "snsapi_base", "snsapi_userinfo"
CODE_LIFE = timedelta(minutes=5)
TOKEN_LIFE = timedelta(hours=2)
LONGEST_STATE = 128

TABLES = """
CREATE TABLE IF NOT EXISTS official_people (
    official_openid TEXT PRIMARY KEY, openid TEXT NOT NULL UNIQUE REFERENCES people,
    follows INTEGER NOT NULL DEFAULT 1);
CREATE TABLE IF NOT EXISTS official_codes (
    code TEXT PRIMARY KEY, official_openid TEXT NOT NULL, scope TEXT NOT NULL, snapshot INTEGER NOT NULL,
    made_at TEXT NOT NULL, used_at TEXT);
CREATE TABLE IF NOT EXISTS page_tokens (
    access_token TEXT PRIMARY KEY, official_openid TEXT NOT NULL, scope TEXT NOT NULL, made_at TEXT NOT NULL);
"""


class NotAuthorized(Exception):
    """The authorisation page says this instead of letting anybody through."""


def official_openid(store: Store, openid: str) -> str:
    """The same person's openid in the official account; everybody there follows it until told otherwise."""
    found = store.row("SELECT official_openid FROM official_people WHERE openid = ?", openid)
    if found is None:
        found = {"official_openid": "o" + secrets.token_urlsafe(21)[:27]}
        store.run(
            "INSERT INTO official_people (official_openid, openid) VALUES (?, ?)", found["official_openid"], openid
        )
    return str(found["official_openid"])


def new_code(store: Store, openid: object, scope: object, *, snapshot: bool, now: datetime) -> str:
    """What WeChat adds to the address it sends this person back to. Raises ValueError."""
    if store.row("SELECT 1 FROM people WHERE openid = ?", str(openid)) is None:
        raise ValueError("nobody has this openid; POST /_sandbox/people first")
    if scope not in (BASE, USERINFO):
        raise ValueError(f"scope is {BASE} or {USERINFO}")
    made_up = "o" + secrets.token_urlsafe(21)[:27]  # in a snapshot everybody is somebody else
    code = "0" + secrets.token_hex(16)[1:]
    store.run(
        "INSERT INTO official_codes VALUES (?, ?, ?, ?, ?, NULL)",
        *(code, made_up if snapshot else official_openid(store, str(openid)), scope, snapshot, as_text(now)),
    )
    return code


def exchange(store: Store, code: str, *, now: datetime) -> Row:
    """/sns/oauth2/access_token: uses the code up."""
    if not code:
        raise WeChatError(41008)
    with store.transaction():
        found = store.row("SELECT * FROM official_codes WHERE code = ?", code)
        if found is None or now >= as_instant(found["made_at"]) + CODE_LIFE:
            raise WeChatError(40029)
        if found["used_at"] is not None:
            raise WeChatError(40163)
        token = f"{secrets.randbelow(90) + 10}_" + secrets.token_urlsafe(60)
        store.run("UPDATE official_codes SET used_at = ? WHERE code = ?", as_text(now), code)
        store.run(
            "INSERT INTO page_tokens VALUES (?, ?, ?, ?)",
            *(token, found["official_openid"], found["scope"], as_text(now)),
        )
    answer = {
        "access_token": token,
        "expires_in": int(TOKEN_LIFE.total_seconds()),
        "refresh_token": f"{secrets.randbelow(90) + 10}_" + secrets.token_urlsafe(60),
        "openid": found["official_openid"],
        "scope": found["scope"],
    }
    if found["snapshot"]:
        answer["is_snapshotuser"] = 1
    elif found["scope"] == USERINFO and (unionid := _unionid(store, found["official_openid"])):
        answer["unionid"] = unionid
    return answer


def userinfo(store: Store, access_token: str, openid: str, *, now: datetime) -> Row:
    """/sns/userinfo, with the page's own token: not the app's."""
    found = store.row("SELECT * FROM page_tokens WHERE access_token = ?", access_token)
    if found is None:
        raise WeChatError(40001)
    if now >= as_instant(found["made_at"]) + TOKEN_LIFE:
        raise WeChatError(42001)
    if found["official_openid"] != openid:
        raise WeChatError(40003)
    if found["scope"] != USERINFO:
        raise WeChatError(48001)
    person = {"openid": openid, "nickname": "微信用户", "sex": 0, "province": "", "city": "", "country": ""}
    unionid = _unionid(store, openid)
    return person | {"headimgurl": "", "privilege": []} | ({"unionid": unionid} if unionid else {})


def return_address(query: dict[str, str], code: str) -> str:
    """Where the visitor is sent after they said yes."""
    redirect_uri = query["redirect_uri"]
    joint = "&" if urlsplit(redirect_uri).query else "?"
    return f"{redirect_uri}{joint}{urlencode({'code': code, 'state': query.get('state', '')})}"


def check_page(query: dict[str, str], appid: str) -> None:
    """What the authorisation page looks at. Raises NotAuthorized."""
    if query.get("appid") != appid:
        raise NotAuthorized("AppID 参数错误，错误码：10012")
    target = urlsplit(query.get("redirect_uri", ""))
    if target.scheme not in ("http", "https") or not target.hostname:
        raise NotAuthorized("redirect_uri 参数错误，错误码：10003")
    if query.get("response_type") != "code" or query.get("scope") not in (BASE, USERINFO):
        raise NotAuthorized("Scope 参数错误或没有 Scope 权限，错误码：10005")
    state = query.get("state", "")
    if len(state) > LONGEST_STATE or not (state.isascii() and (state.isalnum() or not state)):
        raise NotAuthorized("state 参数错误：最多 128 个字母或数字")


def contents(store: Store) -> Row:
    return {"official_people": store.rows("SELECT * FROM official_people ORDER BY rowid")}


def _unionid(store: Store, openid: str) -> str | None:
    found = store.row(
        "SELECT unionid FROM people JOIN official_people USING (openid) WHERE official_openid = ?", openid
    )
    return found["unionid"] if found else None
