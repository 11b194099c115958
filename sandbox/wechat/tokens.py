"""Access tokens as `stable_token` gives them: of each app one at a time, renewed five minutes before the end."""

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
CREATE TABLE IF NOT EXISTS tokens (
    access_token TEXT PRIMARY KEY, appid TEXT NOT NULL, made_at TEXT NOT NULL, ends_at TEXT NOT NULL,
    forced INTEGER NOT NULL, revoked INTEGER NOT NULL DEFAULT 0);
"""


def apps(known: Secrets) -> dict[str, str]:
    """The secret of each app by its appid: the mini-program's, the official account's."""
    return {
        known.mini_program_appid: known.mini_program_secret,
        known.official_account_appid: known.official_account_secret,
    }


def check_app(appid: object, secret: object, known: dict[str, str]) -> str:
    """Whose secret it is. `known` are the apps that may ask here."""
    if not appid:
        raise WeChatError(41002)
    if not isinstance(appid, str) or appid not in known:
        raise WeChatError(40013)
    if not secret:
        raise WeChatError(41004)
    if not hmac.compare_digest(str(secret).encode(), known[appid].encode()):
        raise WeChatError(40125)
    return appid


def stable_token(store: Store, appid: str, *, force: bool, now: datetime) -> Row:
    with store.transaction():
        newest = store.row(
            """SELECT * FROM tokens WHERE appid = ? AND NOT revoked AND ends_at > ?
               ORDER BY made_at DESC LIMIT 1""",
            *(appid, as_text(now + LEAST_LEFT)),
        )
        if force and _may_refresh(store, appid, newest, now):
            store.run("UPDATE tokens SET revoked = 1 WHERE appid = ?", appid)
            newest = None
        if newest is None:
            newest = _new_token(store, appid, force, now)
    left = as_instant(newest["ends_at"]) - now
    return {"access_token": newest["access_token"], "expires_in": int(left.total_seconds())}


def check_token(store: Store, access_token: str, appid: str, *, now: datetime) -> None:
    """Whether it is this app's, and lives."""
    if not access_token:
        raise WeChatError(41001)
    found = store.row("SELECT * FROM tokens WHERE access_token = ?", access_token)
    if found is None or found["revoked"] or found["appid"] != appid:
        raise WeChatError(40001)
    if as_instant(found["ends_at"]) <= now:
        raise WeChatError(42001)


def revoke_all(store: Store) -> None:
    """As when another of the operator's systems forced a refresh: the token in hand suddenly fails."""
    store.run("UPDATE tokens SET revoked = 1")


def contents(store: Store) -> Row:
    return {"access_tokens": store.rows("SELECT appid, made_at, ends_at, forced, revoked FROM tokens")}


def _may_refresh(store: Store, appid: str, newest: Row | None, now: datetime) -> bool:
    if newest and newest["forced"] and as_instant(newest["made_at"]) > now - FORCED_APART:
        return False
    forced = store.figure(
        "SELECT count(*) FROM tokens WHERE appid = ? AND forced AND made_at > ?",
        *(appid, as_text(now - timedelta(days=1))),
    )
    if forced >= FORCED_A_DAY:
        raise WeChatError(45009)
    return True


def _new_token(store: Store, appid: str, force: bool, now: datetime) -> Row:
    token = f"{secrets.randbelow(90) + 10}_" + secrets.token_urlsafe(381)  # 511: "store 512"
    ends_at = as_text(now + TOKEN_LIFE)
    store.run("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, 0)", token, appid, as_text(now), ends_at, force)
    return {"access_token": token, "ends_at": ends_at}
