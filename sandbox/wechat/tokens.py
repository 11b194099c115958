"""Access tokens as `stable_token` gives them: one at a time, renewed five minutes before the end."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime, timedelta

from sandbox.clock import as_instant, as_text
from sandbox.keys import Secrets
from sandbox.store import Row, Store
from sandbox.wechat.errors import WeChatError

TOKEN_LIFE = timedelta(hours=2)
LEAST_LEFT = timedelta(minutes=5)  # within it a new token is made; the old one lives on to its end
FORCED_A_DAY = 20
FORCED_APART = timedelta(seconds=30)  # sooner, the token of the last refresh is given again

TABLES = """
CREATE TABLE IF NOT EXISTS access_tokens (
    access_token TEXT PRIMARY KEY, made_at TEXT NOT NULL, ends_at TEXT NOT NULL,
    forced INTEGER NOT NULL, revoked INTEGER NOT NULL DEFAULT 0);
"""


def check_app(appid: object, secret: object, known: Secrets) -> None:
    if not appid:
        raise WeChatError(41002)
    if appid != known.mini_program_appid:
        raise WeChatError(40013)
    if not secret:
        raise WeChatError(41004)
    if not hmac.compare_digest(str(secret).encode(), known.mini_program_secret.encode()):
        raise WeChatError(40125)


def stable_token(store: Store, *, force: bool, now: datetime) -> Row:
    with store.transaction():
        newest = store.row(
            "SELECT * FROM access_tokens WHERE NOT revoked AND ends_at > ? ORDER BY made_at DESC LIMIT 1",
            as_text(now + LEAST_LEFT),
        )
        if force and _may_refresh(store, newest, now):
            store.run("UPDATE access_tokens SET revoked = 1")
            newest = None
        if newest is None:
            newest = _new_token(store, force, now)
    left = as_instant(newest["ends_at"]) - now
    return {"access_token": newest["access_token"], "expires_in": int(left.total_seconds())}


def check_token(store: Store, access_token: str, *, now: datetime) -> None:
    if not access_token:
        raise WeChatError(41001)
    found = store.row("SELECT * FROM access_tokens WHERE access_token = ?", access_token)
    if found is None or found["revoked"]:
        raise WeChatError(40001)
    if as_instant(found["ends_at"]) <= now:
        raise WeChatError(42001)


def revoke_all(store: Store) -> None:
    """As when another of the operator's systems forced a refresh: the token in hand suddenly fails."""
    store.run("UPDATE access_tokens SET revoked = 1")


def contents(store: Store) -> Row:
    return {"access_tokens": store.rows("SELECT made_at, ends_at, forced, revoked FROM access_tokens")}


def _may_refresh(store: Store, newest: Row | None, now: datetime) -> bool:
    if newest and newest["forced"] and as_instant(newest["made_at"]) > now - FORCED_APART:
        return False
    forced = store.figure(
        "SELECT count(*) FROM access_tokens WHERE forced AND made_at > ?", as_text(now - timedelta(days=1))
    )
    if forced >= FORCED_A_DAY:
        raise WeChatError(45009)
    return True


def _new_token(store: Store, force: bool, now: datetime) -> Row:
    token = f"{secrets.randbelow(90) + 10}_" + secrets.token_urlsafe(381)  # 511: "store 512"
    ends_at = as_text(now + TOKEN_LIFE)
    store.run("INSERT INTO access_tokens VALUES (?, ?, ?, ?, 0)", token, as_text(now), ends_at, force)
    return {"access_token": token, "ends_at": ends_at}
