"""What the platform accepted: every row once, with how often it was delivered."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sandbox.clock import as_text
from sandbox.store import Row, Store

KINDS = ("orders", "redemptions", "gate-scans", "hourly-figures")
NONCE_LIFE = timedelta(minutes=10)

Receipt = dict[str, Any]

TABLES = """
CREATE TABLE IF NOT EXISTS nonces (nonce TEXT PRIMARY KEY, seen_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS accepted (
    kind TEXT NOT NULL, idempotency_key TEXT NOT NULL, subject TEXT NOT NULL, payload TEXT NOT NULL,
    receipt_no TEXT NOT NULL UNIQUE, deliveries INTEGER NOT NULL, accepted_at TEXT NOT NULL,
    figure TEXT, replaced_by TEXT, PRIMARY KEY (kind, idempotency_key));
CREATE UNIQUE INDEX IF NOT EXISTS one_figure_an_hour ON accepted (figure) WHERE replaced_by IS NULL;
"""


def is_new_nonce(store: Store, nonce: str, *, now: datetime) -> bool:
    """Remember the nonce; False when it was already seen within its life."""
    store.run("DELETE FROM nonces WHERE seen_at < ?", as_text(now - NONCE_LIFE))
    if store.row("SELECT 1 FROM nonces WHERE nonce = ?", nonce):
        return False
    store.run("INSERT INTO nonces VALUES (?, ?)", nonce, as_text(now))
    return True


def take(
    store: Store, kind: str, row: object, refused_on_purpose: Callable[[str, str], bool], *, now: datetime
) -> Receipt:
    """Keep one row and say what became of it: ACCEPTED, DUPLICATE or REJECTED."""
    if not isinstance(row, dict):
        return _receipt(None, "REJECTED", None, "每一行必须是 JSON 对象")
    key, subject, payload = row.get("idempotencyKey"), row.get("subject"), row.get("payload")
    if not isinstance(key, str) or not 0 < len(key) <= 128:
        return _receipt(key, "REJECTED", None, "idempotencyKey 须为 1 至 128 个字符")
    if not isinstance(subject, str) or not 0 < len(subject) <= 128:
        return _receipt(key, "REJECTED", None, "subject 须为 1 至 128 个字符")
    if not isinstance(payload, dict):
        return _receipt(key, "REJECTED", None, "payload 必须是 JSON 对象")
    if refused_on_purpose(kind, subject):
        return _receipt(key, "REJECTED", None, "平台按设定拒收")
    return _keep(store, kind, key, subject, payload, now)


def _keep(store: Store, kind: str, key: str, subject: str, payload: Row, now: datetime) -> Receipt:
    text = json.dumps(payload, ensure_ascii=False, sort_keys=True)
    known = store.row("SELECT * FROM accepted WHERE kind = ? AND idempotency_key = ?", kind, key)
    if known:
        store.run("UPDATE accepted SET deliveries = deliveries + 1 WHERE receipt_no = ?", known["receipt_no"])
        if (known["subject"], known["payload"]) != (subject, text):
            return _receipt(key, "REJECTED", known["receipt_no"], "同一 idempotencyKey 的内容前后不一致")
        return _receipt(key, "DUPLICATE", known["receipt_no"], "此前已接收")
    try:
        figure = figure_of(payload) if kind == "hourly-figures" else None
    except ValueError as error:
        return _receipt(key, "REJECTED", None, str(error))
    if figure:
        store.run("UPDATE accepted SET replaced_by = ? WHERE figure = ? AND replaced_by IS NULL", key, figure)
    receipt_no = f"R{now:%Y%m%d}{secrets.token_hex(8).upper()}"
    store.run(
        "INSERT INTO accepted VALUES (?, ?, ?, ?, ?, 1, ?, ?, NULL)",
        *(kind, key, subject, text, receipt_no, as_text(now), figure),
    )
    return _receipt(key, "ACCEPTED", receipt_no, "已接收")


def figure_of(payload: Row) -> str:
    """What one hourly figure is about; a later row about the same replaces it (a device resends its day)."""
    names = ("venueId", "deviceId", "acqTime")
    about = [payload.get(name) for name in names]
    if not all(isinstance(value, str) and value for value in about):
        raise ValueError("payload 缺少 venueId、deviceId 或 acqTime")
    return json.dumps(about, ensure_ascii=False)


def contents(store: Store, kind: str | None) -> Row:
    """Accepted rows in the order of arrival; replaced hourly figures stand apart."""
    found = store.rows("SELECT * FROM accepted WHERE ? IS NULL OR kind = ? ORDER BY rowid", kind, kind)
    return {
        "rows": [_shown(row) for row in found if row["replaced_by"] is None],
        "replaced": [_shown(row) | {"replacedBy": row["replaced_by"]} for row in found if row["replaced_by"]],
    }


def _shown(row: Row) -> Row:
    return {
        "idempotencyKey": row["idempotency_key"],
        "kind": row["kind"],
        "subject": row["subject"],
        "payload": json.loads(row["payload"]),
        "receiptNo": row["receipt_no"],
        "deliveries": row["deliveries"],
        "acceptedAt": row["accepted_at"],
    }


def _receipt(key: object, status: str, receipt_no: str | None, message: str) -> Receipt:
    return {"idempotencyKey": key, "status": status, "receiptNo": receipt_no, "message": message}
