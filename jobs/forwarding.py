"""Sends what the outbox holds to the government platform, in signed batches (issue 2, item 8).

A batch that gets no believable answer ends the run: a platform that is down is asked once a run, not once a batch,
and everything else is handed back. What failed has backed off by then, so the next run tries something else. Each
failure also halves the company in which a row is sent, so that one on which the platform chokes soon stands alone
and takes nobody with it.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from federation.government_platform import (
    MAX_ROWS,
    GovernmentPlatform,
    PlatformRefused,
    PlatformUnavailable,
    ReceiptStatus,
    Row,
    RowKind,
)
from models.forwarding import operations as forwarding
from models.forwarding.operations import ClaimedRow, Provinces

log = logging.getLogger(__name__)

Platforms = Sequence[tuple[Provinces, GovernmentPlatform]]
"""Each side of the border may have its own; together they take every province once."""

LEASE_S = 60
LONGEST_SEND = timedelta(seconds=20)  # the client gives up after 15 s
LONGEST_RUN = timedelta(seconds=45)


async def forward_to_all(*, platforms: Platforms, clock: Callable[[], datetime]) -> int:
    """Every platform at the same time, so that none waits for another that is down."""
    sent = [forward(platform=platform, of=of, clock=clock) for of, platform in platforms]
    return sum(await asyncio.gather(*sent))


async def forward(
    *, platform: GovernmentPlatform, clock: Callable[[], datetime], of: Provinces = forwarding.ALL
) -> int:
    """Send the rows of these provinces until nothing is due, the platform fails us, or the run has lasted long enough; the next goes on.

    Gives how many rows were delivered. Any number of workers may do this at once.
    """
    delivered = 0
    run_ends_at = clock() + LONGEST_RUN
    while clock() < run_ends_at:
        batches = in_batches(await forwarding.claim(limit=MAX_ROWS, now=clock(), lease_seconds=LEASE_S, of=of))
        if not batches:
            break
        while batches:
            batch = batches.pop(0)
            count = await _send(platform, batch, clock)
            delivered += count or 0
            if count is None or clock() + LONGEST_SEND > batch[0].lease_ends_at:
                await forwarding.released(rows=[row for unsent in batches for row in unsent])
                return delivered
    return delivered


def in_batches(rows: Sequence[ClaimedRow]) -> list[list[ClaimedRow]]:
    """Rows of one kind together, each subject's in order; the more often a row has failed, the fewer with it."""
    batches: list[list[ClaimedRow]] = []
    for _, of_kind in groupby(sorted(rows, key=lambda row: (row.kind, row.id)), key=lambda row: row.kind):
        batch: list[ClaimedRow] = []
        for row in of_kind:
            if not batch or len(batch) >= MAX_ROWS >> max(each.attempts for each in [*batch, row]):
                batch = []
                batches.append(batch)
            batch.append(row)
    return batches


async def _send(
    platform: GovernmentPlatform, batch: Sequence[ClaimedRow], clock: Callable[[], datetime]
) -> int | None:
    """Send one batch and record the answer; how many rows arrived, or None when no answer can be believed."""
    rows = [Row(idempotency_key=row.public_id, subject=row.subject, payload=row.payload) for row in batch]
    try:
        receipts = await platform.send(RowKind(batch[0].kind), rows)
    except (PlatformUnavailable, PlatformRefused, ValueError) as error:
        log.warning("a batch of %s did not arrive at %s: %s", batch[0].kind, platform.base_url, error)
        await forwarding.failed(rows=batch, error=str(error), now=clock())
        return None
    answers = list(zip(batch, receipts, strict=True))
    arrived = {
        row.id: receipt.receipt_no or ""
        for row, receipt in answers
        if receipt.status is not ReceiptStatus.REJECTED
    }
    messages = [(row, receipt.message) for row, receipt in answers if row.id not in arrived]
    await forwarding.delivered(receipts=arrived, now=clock())
    if messages:
        await forwarding.refused(messages=messages, now=clock())
    return len(arrived)
