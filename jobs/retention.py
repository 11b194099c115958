"""People who wanted to be gone go, and what is too old goes too."""

import logging

from jobs.job import Tools
from models.merging import operations as merging
from models.privacy import deleting, past, retention

log = logging.getLogger(__name__)


async def delete_members(tools: Tools) -> int:
    """Whoever asked fifteen days ago, unless something has come into the way; and what came late for those who went
    lately. Gives how many went."""
    await deleting.erase_latecomers(now=tools.clock())
    return await deleting.delete_due(keys=tools.privacy_keys, now=tools.clock())


async def move_latecomers(tools: Tools) -> int:
    """What was written for an account while it was being joined to another follows it. Gives how many rows."""
    return await merging.move_latecomers(now=tools.clock())


async def purge_old(tools: Tools) -> int:
    """What the table of ages says (models/privacy/retention.py). Gives how many rows."""
    gone = await retention.purge_old(keys=tools.audit_keys, now=tools.clock())
    if any(gone.values()):
        log.info("retention: %s", ", ".join(f"{name} {count}" for name, count in gone.items() if count))
    return sum(gone.values())


async def purge_past(tools: Tools) -> int:
    """Cells and sessions that are over leave the tables that everybody reads (models/privacy/past.py). Gives how many
    rows went."""
    gone = await past.purge_past(now=tools.clock())
    if gone:
        log.info("past: %s", ", ".join(f"{name} {count}" for name, count in gone.items()))
    return sum(gone.values())
