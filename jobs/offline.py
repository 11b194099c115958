"""What desks accepted while they were offline, and what then waited for an order or a bill."""

from jobs.job import Tools
from models.offline import judging


async def judge_offline(tools: Tools) -> int:
    """Judges entries whose voucher was reserved when they came in, and no longer is. Gives how many."""
    judged = await judging.judge_waiting(now=tools.clock())
    if judged:
        await tools.wake("tell_people")
    return judged
