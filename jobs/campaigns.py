"""What rounds of vouchers leave over goes on to the next ones."""

from datetime import datetime

from models.vouchers import rolling


async def roll_over_rounds(*, now: datetime) -> int:
    """Where a campaign's terms say so; gives how many vouchers moved."""
    return await rolling.roll_over(now=now)
