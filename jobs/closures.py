"""Closures: those who booked are asked, and who has not chosen when it begins has all the money back."""

from jobs.job import Tools
from models.checkout import closing


async def mind_closures(tools: Tools) -> int:
    """Gives how many lines were taken up."""
    minded = await closing.mind(channels=tools.channels, now=tools.clock())
    if minded:
        await tools.wake("tell_people")
        await tools.wake("forward")
    return minded
