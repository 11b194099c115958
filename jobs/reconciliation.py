"""Both channels' statements, day by day, against our books."""

from jobs.job import Tools
from models.checkout import reconciling


async def reconcile(tools: Tools) -> int:
    """Statements that are due are fetched and matched, and what differs is asked about. Gives how many days were
    matched."""
    done = await reconciling.reconcile_due(channels=tools.channels, now=tools.clock())
    if done.repaired:
        await tools.wake("forward")
        await tools.wake("refunds")
    return done.days
