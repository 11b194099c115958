"""Courts become what staff wrote of them for today."""

from jobs.job import Tools
from models.booking import turning


async def turn_courts(tools: Tools) -> int:
    """Gives how many courts changed and how many bookings' times were closed."""
    return await turning.turn_courts(now=tools.clock())
