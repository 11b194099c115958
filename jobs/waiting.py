"""What was given up goes to whoever stands first in the line."""

from jobs.job import Tools
from models.checkout import waiting


async def offer_freed_slots(tools: Tools) -> int:
    """Gives how many slots were offered."""
    offered = await waiting.offer_freed(keys=tools.privacy_keys.ids, channels=tools.channels, now=tools.clock())
    if offered:
        await tools.wake("tell_people")
    return offered
