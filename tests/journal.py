"""What the process logs while a test looks, in production's form; everything as before afterwards."""

import io
import logging as standard_logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import structlog

from bff import logging
from bff.settings import Settings


@contextmanager
def journal(settings: Settings, process: str = "web") -> Iterator[io.StringIO]:
    root = standard_logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logging.configure(replace(settings, env="production"), process)
    written = io.StringIO()
    (handler,) = root.handlers
    assert isinstance(handler, standard_logging.StreamHandler)
    handler.setStream(written)
    try:
        yield written
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        for name in logging.QUIETED:
            standard_logging.getLogger(name).setLevel(standard_logging.NOTSET)
        structlog.reset_defaults()
