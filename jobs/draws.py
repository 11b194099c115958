"""What has closed is drawn."""

from jobs.job import Tools
from models.checkout import drawing


async def run_draws(tools: Tools) -> int:
    """Gives how many had their turn."""
    turns = await drawing.run_due(keys=tools.privacy_keys.ids, channels=tools.channels, now=tools.clock())
    if turns:
        await tools.wake("tell_people")
    return turns
