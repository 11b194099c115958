"""Courts and hours become what staff wrote of them, and nobody is left with what no longer is."""

from jobs.job import Tools
from models.booking import turning
from models.checkout import waiting_in_vain


async def turn_courts(tools: Tools) -> int:
    """Gives how many courts changed, how many bookings' times were closed and how many people left a line."""
    now = tools.clock()
    return await turning.turn_courts(now=now) + await waiting_in_vain.leave_in_vain(now=now)
