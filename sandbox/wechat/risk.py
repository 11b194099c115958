"""getUserRiskRank: what WeChat says of somebody who was in the mini-program within two hours; 0 unless told otherwise."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from ipaddress import ip_address

from sandbox.clock import as_instant
from sandbox.store import Row, Store
from sandbox.wechat.errors import WeChatError

SEEN_WITHIN = timedelta(hours=2)
SCENES = (0, 1)
WORST = 4

TABLES = """
CREATE TABLE IF NOT EXISTS risk_ranks (openid TEXT PRIMARY KEY, risk_rank INTEGER NOT NULL);
"""


def rank_of(store: Store, asked: Row, *, appid: str, now: datetime) -> Row:
    openid = asked.get("openid")
    if not openid or not asked.get("appid") or not asked.get("client_ip"):
        raise WeChatError(44002)
    if asked["appid"] != appid:
        raise WeChatError(43104)
    if type(asked.get("scene")) is not int or asked["scene"] not in SCENES:
        raise WeChatError(40129)
    try:
        ip_address(str(asked["client_ip"]))
    except ValueError:
        raise WeChatError(47001) from None
    if store.row("SELECT 1 FROM people WHERE openid = ?", str(openid)) is None:
        raise WeChatError(40003)
    seen = store.row(
        "SELECT max(used_at) AS at FROM codes WHERE openid = ? AND kind = 'login' AND used_at IS NOT NULL",
        str(openid),
    )
    if seen is None or seen["at"] is None or as_instant(seen["at"]) <= now - SEEN_WITHIN:
        raise WeChatError(61010)
    told = store.row("SELECT risk_rank FROM risk_ranks WHERE openid = ?", str(openid))
    return {
        "errcode": 0,
        "errmsg": "getuserriskrank succ",
        "risk_rank": told["risk_rank"] if told else 0,
        "unoin_id": secrets.randbelow(10**9),
    }


def tell(store: Store, openid: object, rank: object) -> Row:
    """From now on this is said of them."""
    if not isinstance(openid, str) or type(rank) is not int or not 0 <= rank <= WORST:
        raise ValueError(f"openid is a text, risk_rank a number from 0 to {WORST}")
    store.run(
        "INSERT INTO risk_ranks VALUES (?, ?) ON CONFLICT (openid) DO UPDATE SET risk_rank = excluded.risk_rank",
        openid,
        rank,
    )
    return {"openid": openid, "risk_rank": rank}


def contents(store: Store) -> Row:
    return {"risk_ranks": store.rows("SELECT openid, risk_rank FROM risk_ranks ORDER BY openid")}
