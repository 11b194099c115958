"""Codes as pictures, drawn off the event loop."""

import asyncio
import base64

from models.codes import pictures
from plans.costs import Weight

PICTURE = Weight(weight=800)  # drawn once a code: some 8 ms of CPU


async def svg(code: str) -> str:
    return (await asyncio.to_thread(pictures.svg, code)).decode()


async def png(code: str) -> str:
    """In base64."""
    return base64.b64encode(await asyncio.to_thread(pictures.png, code)).decode()


async def pass_svg(digits: str) -> str:
    return (await asyncio.to_thread(pictures.pass_svg, digits)).decode()
