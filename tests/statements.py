"""How many statements an act sends, whichever database it is: acts that grow with what they are about are slow one day."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any


class _Ear(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.heard = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.heard += 1


async def statements_of(act: Callable[[], Awaitable[Any]]) -> int:
    """Those of the operations' and the models' own, without BEGIN and COMMIT."""
    log, ear = logging.getLogger("tortoise.db_client"), _Ear()
    level = log.level
    log.addHandler(ear)
    log.setLevel(logging.DEBUG)
    try:
        await act()
    finally:
        log.removeHandler(ear)
        log.setLevel(level)
    return ear.heard
