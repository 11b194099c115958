"""What can be asked of the outbox: how much waits, how long already, and what was given up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models import database
from models.forwarding.tables import OutboxRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """One kind's open rows. `oldest_age_s` is 0 when nothing waits."""

    kind: str
    waiting: int
    oldest_age_s: float
    dead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A row that was given up. `public_id` is what `replay` takes; `error` is the platform's or our own word."""

    public_id: str
    kind: str
    subject: str
    payload: Mapping[str, Any]
    attempts: int
    created_at: datetime
    dead_at: datetime
    error: str


async def backlog(*, now: datetime) -> list[Backlog]:
    """Every kind that has rows undelivered, waiting or dead."""
    found = await database.rows(
        """SELECT kind,
                  COUNT(CASE WHEN dead_at IS NULL THEN 1 END) AS waiting,
                  MIN(CASE WHEN dead_at IS NULL THEN created_at END) AS oldest,
                  COUNT(dead_at) AS dead
           FROM outbox WHERE delivered_at IS NULL GROUP BY kind ORDER BY kind"""
    )
    return [
        Backlog(
            kind=row["kind"],
            waiting=row["waiting"],
            oldest_age_s=(now - database.utc(row["oldest"])).total_seconds() if row["oldest"] else 0.0,
            dead=row["dead"],
        )
        for row in found
    ]


async def dead_letters(*, limit: int = 100) -> list[DeadLetter]:
    """What was given up, the oldest first."""
    dead = OutboxRow.filter(dead_at__isnull=False, delivered_at=None).order_by("id").limit(limit)
    return [
        DeadLetter(
            public_id=row.public_id,
            kind=row.kind,
            subject=row.subject,
            payload=row.payload,
            attempts=row.attempts,
            created_at=row.created_at,
            dead_at=row.dead_at,
            error=row.last_error,
        )
        async for row in dead
        if row.dead_at is not None
    ]
