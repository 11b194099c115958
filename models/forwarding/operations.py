"""What can happen to a message for the government platform: written, claimed, delivered, failed, refused, replayed.

Order. Row ids are the order within a subject, because whoever writes a row of `order:…` or `gate:…` holds that
order's or that device's row lock until it commits: a later id is never visible before an earlier one. Only the
head of a subject is ever claimed, so a redemption cannot overtake its order although their kinds differ. A dead
row blocks the rest of its order until it is replayed; a gate's dead rows are passed (issue 2, item 8).

Claims. A claim is a lease. Should the worker die between claim and answer, the lease ends and the row is sent
again with the same idempotency key; the platform keeps it once. The lease's end is also the claim's token: what a
slower worker reports after its lease was given to another is not believed, except a delivery, which is a fact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

import orjson

from models import database
from models.ids import new_id

FIRST_WAIT_S = 5
LONGEST_WAIT_S = 600
MAX_ATTEMPTS = 24
"""Failed sends before a row is given up: 7 waits of 5 s doubling to 320 s, then 16 of 10 minutes, each shortened
by up to a quarter. That is between two hours and ten minutes and two hours and fifty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedRow:
    """A row that is ours to send until `lease_ends_at`. `attempts` is how often it has failed before."""

    id: int
    public_id: str
    kind: str
    subject: str
    payload: Mapping[str, Any]
    attempts: int
    lease_ends_at: datetime


async def add(*, kind: str, subject: str, payload: Mapping[str, Any], now: datetime) -> None:
    """Write a message with the fact it tells of, inside the caller's transaction and under its subject's lock.

    `kind` is orders, redemptions, gate-scans or hourly-figures; `subject` is `order:<order_no>` or
    `gate:<device_no>`; `payload` holds what JSON can hold, and nothing that must not leave the house.
    """
    await database.rows(
        """INSERT INTO outbox (public_id, kind, subject, payload, created_at, next_attempt_at,
                               attempts, receipt_no, last_error)
           VALUES ($1, $2, $3, $4::jsonb, $5, $5, 0, '', '')""",
        *(new_id("row"), kind, subject, orjson.dumps(payload).decode(), now),
    )
