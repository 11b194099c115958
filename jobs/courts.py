"""Courts and hours become what staff wrote of them, and nobody is left with what no longer is."""

from jobs.job import Tools
from models.booking import turning
from models.checkout import drawing_in_vain, waiting_in_vain


async def turn_courts(tools: Tools) -> int:
    """Gives how many courts changed, how many bookings' times were closed, how many people left a line and how many were
    told that a draw cannot give them what they wished."""
    now = tools.clock()
    turned = await turning.turn_courts(now=now)
    left = await waiting_in_vain.leave_in_vain(now=now)
    return turned + left + await drawing_in_vain.tell_in_vain(now=now)
