"""Wards grow up."""

import logging

from jobs.job import Tools
from models.families import wards

log = logging.getLogger(__name__)


async def grow_up(tools: Tools) -> int:
    """Ends the guardianships of whoever turned 14. They give nothing from that midnight on; this tells people so."""
    grown = await wards.grow_up(keys=tools.privacy_keys.ids, now=tools.clock())
    if grown:
        log.info("grew up: %d", grown)
    return grown
