"""A folder from before there were several ways to pay goes on working, with what it lacked made."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from sandbox import wechat_pay
from sandbox.keys import load_secrets, make_keys
from tests.sandbox.conftest import Stage, client, store_of
from tests.sandbox.merchant import Merchant

TABLES_OF_OLD = """
CREATE TABLE orders (
    out_trade_no TEXT PRIMARY KEY, request TEXT NOT NULL, description TEXT NOT NULL, attach TEXT,
    openid TEXT NOT NULL, total_fen INTEGER NOT NULL, notify_url TEXT NOT NULL, state TEXT NOT NULL,
    created_at TEXT NOT NULL, expires_at TEXT NOT NULL, closed_at TEXT,
    transaction_id TEXT UNIQUE, paid_at TEXT);
CREATE TABLE refunds (
    out_refund_no TEXT PRIMARY KEY, refund_id TEXT NOT NULL UNIQUE,
    out_trade_no TEXT NOT NULL REFERENCES orders, request TEXT NOT NULL, refund_fen INTEGER NOT NULL,
    notify_url TEXT, state TEXT NOT NULL, created_at TEXT NOT NULL, settles_at TEXT NOT NULL,
    settled_at TEXT);
INSERT INTO orders VALUES ('T-of-old', '{}', '羽毛球', NULL, 'oOld', 4500, 'http://127.0.0.1:9/n', 'REFUND',
    '2026-01-01T00:00:00.000000+00:00', '2026-01-08T00:00:00.000000+00:00', NULL, '4200', '2026-01-01T00:00:01.000000+00:00');
INSERT INTO refunds VALUES ('R-of-old', '5030', 'T-of-old', '{}', 4500, NULL, 'SUCCESS',
    '2026-01-02T00:00:00.000000+00:00', '2026-01-02T00:00:00.000000+00:00', '2026-01-02T00:00:00.000000+00:00');
"""


def test_a_folder_without_an_official_account_gets_one_and_keeps_the_rest(folder: Path) -> None:
    secrets = json.loads((folder / "secrets.json").read_text())
    del secrets["official_account_appid"]
    (folder / "secrets.json").write_text(json.dumps(secrets))
    make_keys(folder)
    known = load_secrets(folder)
    assert known.official_account_appid.startswith("wx")
    assert known.official_account_appid != known.mini_program_appid == secrets["mini_program_appid"]
    assert (
        f"WECHAT_OFFICIAL_ACCOUNT_APPID={known.official_account_appid}\n" in (folder / "product.env").read_text()
    )
    make_keys(folder)
    assert load_secrets(folder) == known


async def test_a_store_of_old_still_has_its_books_and_takes_new_orders(
    folder: Path, stages: dict[str, Stage]
) -> None:
    with sqlite3.connect(folder / "wechat-pay.sqlite3") as store:
        store.executescript(TABLES_OF_OLD)
    store.close()
    async with stages["pay"].playing(wechat_pay.create_app(folder)) as url, client(url) as http:
        merchant = Merchant(folder, http, "http://127.0.0.1:9/n")
        old = (await merchant.query("T-of-old")).json()
        assert (old["appid"], old["trade_type"]) == (merchant.appid, "JSAPI")
        refund = (await merchant.query_refund("R-of-old")).json()
        assert (refund["channel"], refund["user_received_account"]) == ("ORIGINAL", "支付用户零钱")
        assert (await merchant.place_as("native", merchant.order_to_scan())).status_code == 200
        assert len((await store_of(http))["orders"]) == 2
