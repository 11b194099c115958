"""The people who have an Alipay account, the payment codes their phones show, and the codes that say who they are."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta

from sandbox.alipay.gateway import Gateway
from sandbox.alipay.refusals import failed, invalid, missing
from sandbox.clock import as_instant, as_text
from sandbox.store import Row

CODE_LIFE = timedelta(minutes=1)
IDENTITY_CODE_LIFE = timedelta(hours=24)  # "授权码有效期最久 24 小时", once

TABLES = """
CREATE TABLE IF NOT EXISTS people (
    buyer_user_id TEXT PRIMARY KEY, buyer_open_id TEXT NOT NULL UNIQUE, buyer_logon_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS payer_codes (
    auth_code TEXT PRIMARY KEY, buyer_user_id TEXT NOT NULL REFERENCES people, created_at TEXT NOT NULL,
    used_for TEXT);
CREATE TABLE IF NOT EXISTS identity_codes (
    code TEXT PRIMARY KEY, buyer_user_id TEXT NOT NULL REFERENCES people, created_at TEXT NOT NULL,
    used INTEGER NOT NULL DEFAULT 0);
"""


def add(gateway: Gateway, asked: Row) -> Row:
    """A new person, or the one who is there already. Raises ValueError for what can't be an account."""
    person = {
        "buyer_user_id": asked.get("buyer_user_id") or f"2088{secrets.randbelow(10**12):012d}",
        "buyer_open_id": asked.get("buyer_open_id") or secrets.token_urlsafe(24),
        "buyer_logon_id": asked.get("buyer_logon_id") or f"138****{secrets.randbelow(10**4):04d}",
    }
    if not all(isinstance(value, str) for value in person.values()):
        raise ValueError("buyer_user_id, buyer_open_id and buyer_logon_id are texts")
    number = person["buyer_user_id"]
    if not (number.isascii() and number.isdecimal() and len(number) == 16 and number.startswith("2088")):
        raise ValueError("buyer_user_id is 16 digits that start with 2088")
    found = find(gateway, number)
    if found is not None:
        return found
    if gateway.store.row("SELECT 1 FROM people WHERE buyer_open_id = ?", person["buyer_open_id"]):
        raise ValueError("buyer_open_id belongs to somebody else")
    gateway.store.run("INSERT INTO people VALUES (?, ?, ?)", *person.values())
    return person


def find(gateway: Gateway, buyer_user_id: str) -> Row | None:
    return gateway.store.row("SELECT * FROM people WHERE buyer_user_id = ?", buyer_user_id)


def everybody(gateway: Gateway) -> list[Row]:
    """In the order in which they came; never empty, so that a page always has somebody to sign in."""
    if not gateway.store.figure("SELECT count(*) FROM people"):
        add(gateway, {})
    return gateway.store.rows("SELECT * FROM people ORDER BY rowid")


def show_code(gateway: Gateway, person: Row) -> str:
    """What the phone shows the cashier: 18 digits that start with 25 to 30, good for a minute and once."""
    auth_code = f"{secrets.randbelow(6) + 25}{secrets.randbelow(10**16):016d}"
    gateway.store.run(
        "INSERT INTO payer_codes VALUES (?, ?, ?, NULL)",
        *(auth_code, person["buyer_user_id"], as_text(gateway.now())),
    )
    return auth_code


def buyer_of_code(gateway: Gateway, auth_code: str, out_trade_no: str) -> Row:
    """Whose code it is; from now on it is used, though the same order may come with it again."""
    code = gateway.store.row("SELECT * FROM payer_codes WHERE auth_code = ?", auth_code)
    if code is None or code["used_for"] not in (None, out_trade_no):
        raise _invalid_code()
    if code["used_for"] is None and gateway.now() >= as_instant(code["created_at"]) + CODE_LIFE:
        raise _invalid_code()
    gateway.store.run("UPDATE payer_codes SET used_for = ? WHERE auth_code = ?", out_trade_no, auth_code)
    return gateway.store.rows("SELECT * FROM people WHERE buyer_user_id = ?", code["buyer_user_id"])[0]


def say_who(gateway: Gateway, person: Row) -> str:
    """The code of my.getAuthCode, after this person said yes."""
    code = secrets.token_hex(16)
    gateway.store.run(
        "INSERT INTO identity_codes VALUES (?, ?, ?, 0)", code, person["buyer_user_id"], as_text(gateway.now())
    )
    return code


def exchange(gateway: Gateway, asked: Mapping[str, str]) -> Row:
    """alipay.system.oauth.token: uses the code up. With the fault `open_id_only` this app is told no user_id."""
    if asked.get("grant_type") != "authorization_code":
        raise invalid("isv.grant-type-invalid", "grant_type参数不正确")
    if not asked.get("code"):
        raise missing("isv.missing-code", "缺少code参数")
    found = gateway.store.row(
        "SELECT * FROM identity_codes JOIN people USING (buyer_user_id) WHERE code = ?", asked["code"]
    )
    if found is None or found["used"] or gateway.now() >= as_instant(found["created_at"]) + IDENTITY_CODE_LIFE:
        raise invalid("isv.code-invalid", "授权码code无效")
    gateway.store.run("UPDATE identity_codes SET used = 1 WHERE code = ?", asked["code"])
    who = {"open_id": found["buyer_open_id"]}
    if not gateway.faults.is_on("open_id_only"):
        who["user_id"] = found["buyer_user_id"]
    tokens = {
        "access_token": f"authbseB{secrets.token_hex(16)}",
        "refresh_token": f"authbseB{secrets.token_hex(16)}",
    }
    return (
        who
        | tokens
        | {
            "auth_start": gateway.now().strftime("%Y-%m-%d %H:%M:%S"),
            "expires_in": "1296000",
            "re_expires_in": "2592000",
        }
    )


def _invalid_code() -> Exception:
    message = "支付失败，获取顾客账户信息失败，请顾客刷新付款码后重新收款。[SOUNDWAVE_PARSER_FAIL]"
    return failed("ACQ.PAYMENT_AUTH_CODE_INVALID", message)
