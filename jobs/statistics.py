"""What must be noted before anybody counts."""

from jobs.job import Tools
from models.statistics import ages


async def note_ages(tools: Tools) -> int:
    """How old people were when they claimed; gives how many claims were noted."""
    return await ages.note_ages(keys=tools.privacy_keys.ids)
