"""Messages for the government platform, from written to delivered: claimed, failed, refused, replayed.

Order. Row ids are the order within a subject, because whoever writes a row of `order:…` or `gate:…` holds that
order's or that device's row lock until it commits: a later id is never visible before an earlier one. Only the
head of a subject is ever claimed, so a redemption cannot overtake its order although their kinds differ. A dead
row blocks the rest of its order until it is replayed; a gate's dead rows are passed (issue 2, item 8).

Claims. A claim is a lease. Should the worker die between claim and answer, the lease ends and the row is sent
again with the same idempotency key; the platform keeps it once. The lease's end is also the claim's token: what a
slower worker says after its lease went to another is not believed, except a delivery, which is a fact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

import orjson

from models import database
from models.calendar import SHANGHAI
from models.forwarding.tables import OutboxRow
from models.ids import new_id

FIRST_WAIT_S = 5
LONGEST_WAIT_S = 900
MAX_ATTEMPTS = 200
"""Failed sends before a row is given up: 8 waits from 5 s doubling to 640 s, then 191 of a quarter of an hour, each
shortened by up to a quarter. A row gives up one and a half to two days after its first failure, so a platform may be
down over a night without anybody having to replay (lessons 9: a platform that gives up after 2.6 hours)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedRow:
    """A row that is ours to send until `lease_ends_at`. `attempts` is how often sending it has failed."""

    id: int
    public_id: str
    kind: str
    subject: str
    payload: Mapping[str, Any]
    attempts: int
    lease_ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Provinces:
    """Whose rows a platform is told: those of the provinces with these codes, or those of all others."""

    codes: tuple[str, ...] = ()
    others: bool = True

    def condition(self, *, first: int) -> str:
        """Of a row in SQL; the codes are parameters from number `first` on."""
        places = database.parameters(len(self.codes), first=first)
        is_in = f"row.province_code IN ({places})" if self.codes else "FALSE"
        return f"NOT {is_in}" if self.others else is_in


ALL = Provinces()


async def add(*, kind: str, subject: str, province_code: str, payload: Mapping[str, Any], now: datetime) -> None:
    """Write a message with the fact it tells of, inside the caller's transaction and under its subject's lock.

    `kind` is orders, redemptions, gate-scans or hourly-figures; `subject` is `order:<order_no>` or
    `gate:<device_no>`, and all of one subject are of one province: where the venue lies, since that side's platform
    is told. `payload` holds what JSON can hold, and nothing that must not leave the house.
    """
    await database.rows(
        """INSERT INTO outbox (public_id, kind, subject, payload, created_at, next_attempt_at,
                               attempts, receipt_no, last_error, province_code)
           VALUES ($1, $2, $3, $4::jsonb, $5, $5, 0, '', '', $6)""",
        *(new_id("row"), kind, subject, orjson.dumps(payload).decode(), now, province_code),
    )


def platform_time(instant: datetime) -> str:
    """`yyyy-MM-dd HH:mm:ss` on the local clock, as the platform's field names are cited with."""
    return instant.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


@database.operation
async def claim(*, limit: int, now: datetime, lease_seconds: int, of: Provinces = ALL) -> list[ClaimedRow]:
    """Take up to `limit` due rows of these provinces for `lease_seconds`: the head of each order, and of each gate the head with the
    due rows of its kind that directly follow. Of one subject they come in order.

    Several workers get disjoint rows. Whoever locks a gate's head owns its queue, so followers need no lock.
    """
    heads = _DUE_HEADS.format(mine=of.condition(first=3))
    found = list(await database.rows(heads, now, limit, *of.codes))
    for head in [row for row in found if row["subject"].startswith("gate:")]:
        found += await _followers(head, limit=limit - len(found), now=now)
    lease_ends_at = now + timedelta(seconds=lease_seconds)
    await OutboxRow.filter(id__in=[row["id"] for row in found]).update(claimed_until=lease_ends_at)
    return [
        ClaimedRow(
            id=row["id"],
            public_id=row["public_id"],
            kind=row["kind"],
            subject=row["subject"],
            payload=orjson.loads(row["payload"]),
            attempts=row["attempts"],
            lease_ends_at=lease_ends_at,
        )
        for row in sorted(found, key=lambda row: int(row["id"]))
    ]


_IS_DUE = "(row.next_attempt_at <= $1 AND (row.claimed_until IS NULL OR row.claimed_until <= $1))"

# MIN rather than NOT EXISTS: PostgreSQL turns the latter into a hash join that took 3 s in a backlog of 100,000 rows.
_DUE_HEADS = f"""
    SELECT row.id, row.public_id, row.kind, row.subject, row.payload, row.attempts
    FROM outbox row
    WHERE row.delivered_at IS NULL AND row.dead_at IS NULL AND {_IS_DUE} AND {{mine}}
      AND row.id = (
        SELECT MIN(other.id) FROM outbox other
        WHERE other.subject = row.subject AND other.delivered_at IS NULL
          AND (other.dead_at IS NULL OR other.subject LIKE 'order:%'))
    ORDER BY row.next_attempt_at, row.id
    LIMIT $2
    FOR UPDATE SKIP LOCKED"""

_FOLLOWERS = f"""
    SELECT row.id, row.public_id, row.kind, row.subject, row.payload, row.attempts, {_IS_DUE} AS is_due
    FROM outbox row
    WHERE row.subject = $2 AND row.id > $3 AND row.delivered_at IS NULL AND row.dead_at IS NULL
    ORDER BY row.id
    LIMIT $4"""


async def _followers(head: Any, *, limit: int, now: datetime) -> list[Any]:
    """The rows directly behind a gate's head, up to the first that is not due or of another kind."""
    followers: list[Any] = []
    if limit > 0:
        for row in await database.rows(_FOLLOWERS, now, head["subject"], head["id"], limit):
            if not row["is_due"] or row["kind"] != head["kind"]:
                break
            followers.append(row)
    return followers


@database.operation
async def delivered(*, receipts: Mapping[int, str], now: datetime) -> None:
    """The platform has these rows: receipt number (回执) by row id. True whoever says so, and for good."""
    for row_id, receipt_no in sorted(receipts.items()):
        await OutboxRow.filter(id=row_id, delivered_at=None).update(
            delivered_at=now, receipt_no=receipt_no, claimed_until=None, dead_at=None, last_error=""
        )


@database.operation
async def failed(*, rows: Sequence[ClaimedRow], error: str, now: datetime) -> None:
    """No believable answer came: try again later, ever more rarely; after MAX_ATTEMPTS give up visibly."""
    for row in rows:
        attempts = row.attempts + 1
        await _ours(row).update(
            attempts=attempts,
            claimed_until=None,
            next_attempt_at=now + wait_after(row.subject, attempts),
            dead_at=now if attempts >= MAX_ATTEMPTS else None,
            last_error=error[:300],
        )


@database.operation
async def refused(*, messages: Sequence[tuple[ClaimedRow, str]], now: datetime) -> None:
    """The platform refused these very rows, with its words: asking again would change nothing; they are dead."""
    for row, message in messages:
        await _ours(row).update(
            attempts=row.attempts + 1, claimed_until=None, dead_at=now, last_error=message[:300]
        )


@database.operation
async def released(*, rows: Sequence[ClaimedRow]) -> None:
    """Claimed but not sent after all: free for whoever comes next, without counting as an attempt."""
    for row in rows:
        await _ours(row).update(claimed_until=None)


@database.operation
async def replay(*, public_ids: Sequence[str], now: datetime) -> int:
    """Send dead rows again, from a fresh start and with their old keys. Gives how many there were."""
    dead = OutboxRow.filter(public_id__in=public_ids, dead_at__isnull=False).select_for_update()
    ids = await dead.order_by("id").values_list("id", flat=True)
    await OutboxRow.filter(id__in=ids).update(dead_at=None, attempts=0, next_attempt_at=now, last_error="")
    return len(ids)


def wait_after(subject: str, attempts: int) -> timedelta:
    """How long a row waits after its n-th failure: doubling, at most a quarter of an hour, shortened by up to a quarter.

    The shortening spreads subjects and is the same for all rows of one, which thereby stay together in a batch.
    """
    longest: float = min(FIRST_WAIT_S * 2 ** min(attempts - 1, 10), LONGEST_WAIT_S)
    spread = crc32(f"{subject} {attempts}".encode()) / 2**32
    return timedelta(seconds=longest * (1 - spread / 4))


def _ours(row: ClaimedRow) -> Any:
    """The row, as long as our claim on it stands."""
    return OutboxRow.filter(id=row.id, claimed_until=row.lease_ends_at, delivered_at=None)
