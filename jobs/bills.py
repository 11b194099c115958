"""Bills at desks that nobody confirmed and no desk decided."""

from jobs.job import Tools
from models.vouchers import confirming


async def end_bills(tools: Tools) -> int:
    """Gives each voucher back to its citizen. Gives how many bills came to nothing."""
    return await confirming.end_bills(now=tools.clock())
