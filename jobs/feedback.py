"""Complaints that nobody answered in time, and those that were answered and may rest."""

from jobs.job import Tools
from models.feedback import escalating


async def escalate_complaints(tools: Tools) -> int:
    """Late ones go to the office above, once a working day; answered ones close after 15 days. Gives how many of
    both."""
    moved = await escalating.escalate_due(keys=tools.privacy_keys.texts, now=tools.clock())
    return moved.escalated + moved.closed
