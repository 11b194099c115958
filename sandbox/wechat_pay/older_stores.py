"""A store from before orders came in several kinds gets what it lacks; nothing else of it changes."""

from __future__ import annotations

from sandbox.store import Store

LATER_COLUMNS = (
    ("orders", "trade_type", "TEXT NOT NULL DEFAULT 'JSAPI'"),
    ("orders", "appid", "TEXT NOT NULL DEFAULT ''"),
    ("refunds", "account", "TEXT NOT NULL DEFAULT '支付用户零钱'"),
    ("refunds", "ends_as", "TEXT"),
)


def bring_up_to_date(store: Store, mini_program_appid: str) -> None:
    with store.transaction():
        for table, column, definition in LATER_COLUMNS:
            if column not in {row["name"] for row in store.rows(f"PRAGMA table_info({table})")}:
                store.run(f"ALTER TABLE {table} ADD COLUMN {column} {definition}")
        store.run("UPDATE orders SET appid = ? WHERE appid = ''", mini_program_appid)
