"""Vouchers whose time is over, those whose time is nearly over, and whether every budget still adds up."""

import logging

from jobs.job import Tools
from models.vouchers import books, ending

log = logging.getLogger(__name__)


async def expire_vouchers(tools: Tools) -> int:
    """Ends what nobody used in time; by its campaign's rule the money is free again. Gives how many ended."""
    return await ending.expire_vouchers(now=tools.clock())


async def remind_of_vouchers(tools: Tools) -> int:
    """Tells citizens a day before a voucher of theirs ends. Gives how many were told."""
    told = await ending.remind(now=tools.clock())
    if told:
        await tools.wake("tell_people")
    return told


async def check_vouchers(tools: Tools) -> int:
    """Holds the fen of the pools whose turn it is against their budgets. Gives how many do not add up."""
    found = await books.check(now=tools.clock())
    for pool in found:
        log.error(
            "the budget of pool %s (campaign %s) does not add up: %s, %s vouchers contradict their use",
            pool.pool_id,
            pool.campaign_public_id,
            pool.budget,
            pool.odd,
        )
    return len(found)
