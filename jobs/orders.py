"""What must happen to orders though nobody asks: holds end, lost notices are found, refunds arrive."""

from jobs.job import Tools
from models.checkout import ending, no_shows, paying, refunding


async def end_holds(tools: Tools) -> int:
    """Unpaid holds whose time is over are closed at the channel and then released."""
    return await ending.end_overdue_holds(channels=tools.channels, now=tools.clock())


async def check_payments(tools: Tools) -> int:
    """Attempts from which no notice came are queried."""
    settled = await paying.check_due_payments(channels=tools.channels, now=tools.clock())
    if settled:
        await tools.wake("forward")
        await tools.wake("refunds")
    return settled


async def send_refunds(tools: Tools) -> int:
    """Refunds that were written down are asked for, and those under way are queried."""
    return await refunding.send_due_refunds(channels=tools.channels, now=tools.clock())


async def release_no_shows(tools: Tools) -> int:
    """Slots to which nobody came in time are others'; the no-shows are counted. Gives how many there were."""
    found = await no_shows.decide_due(channels=tools.channels, now=tools.clock())
    if found:
        await tools.wake("tell_people")
    return found
