"""The sessions of the coming days are made from the venues' weekly plans."""

from jobs.job import Tools
from models.booking import session_making


async def make_sessions(tools: Tools) -> int:
    """Gives how many sessions were made or changed."""
    return await session_making.make_sessions(now=tools.clock())
