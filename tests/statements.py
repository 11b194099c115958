"""How many statements an act sends, whichever database it is: acts that grow with what they are about are slow one day."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any


class _Ear(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.heard = list[logging.LogRecord]()

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record)


async def statements_of(act: Callable[[], Awaitable[Any]]) -> int:
    """Those of the operations' and the models' own, without BEGIN and COMMIT."""
    return len(await _heard_of(act))


async def texts_of(act: Callable[[], Awaitable[Any]]) -> Sequence[tuple[str, Sequence[Any]]]:
    """On PostgreSQL: of each its text and its values, to ask how it is done."""
    return [(str(record.args[0]), record.args[1]) for record in await _heard_of(act) if record.args]  # type: ignore


async def _heard_of(act: Callable[[], Awaitable[Any]]) -> Sequence[logging.LogRecord]:
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
