"""The dates of series are booked when their days open, and what nobody answered of groups is let go."""

from jobs.job import Tools
from models.arrangements import dates, requesting
from models.checkout.resting import resting


async def book_series(tools: Tools) -> int:
    """Gives how many dates were looked at."""
    channels = resting(tools.channels)
    seen = await dates.book_due(keys=tools.privacy_keys.ids, channels=channels, now=tools.clock())
    if seen:
        await tools.wake("forward")
    return seen


async def end_group_requests(tools: Tools) -> int:
    """Gives how many ended without an answer."""
    return await requesting.end_unanswered(now=tools.clock())
