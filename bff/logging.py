"""Structured logs without personal data: one line of JSON in production, readable lines in development.

Everything passes through `masked` last, tracebacks and other libraries' lines too, so that no single caller has to
remember it. Errors that nobody expected are logged by `report`, whose reference the person sees as well.
"""

import logging
import re
import sys
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog
from structlog.typing import Processor

from bff.settings import Settings
from models.ids import letters

Line = MutableMapping[str, Any]

SECRET_NAMES = re.compile(
    r"phone|openid|unionid|session_key|token|password|secret|authorization|cookie|code$", re.I
)
_MASKS: list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    (re.compile(r"(/gates/)[^/\s?\"']+"), r"\1***"),
    (re.compile(r"(://)[^/@\s]+@"), r"\1***@"),  # user and password of a database or a queue
    (re.compile(r"\b(Bearer\s+)\S+", re.I), r"\1***"),
    (re.compile(r"\b((?:secret|access_token|js_code|code|session_key)=)[^&\s\"']+"), r"\1***"),
    (re.compile(r"(?<![0-9A-Za-z_-])o[0-9A-Za-z_-]{27}(?![0-9A-Za-z_-])"), "openid***"),
    (re.compile(r"(?<![0-9])[0-9]{24}(?![0-9])"), "code***"),
    (re.compile(r"(?<![0-9])(1[3-9][0-9])[0-9]{4}([0-9]{4})(?![0-9])"), r"\1****\2"),
    (re.compile(r"(\+86)(1[3-9][0-9])[0-9]{4}([0-9]{4})(?![0-9])"), r"\1\2****\3"),
]
QUIETED = dict.fromkeys(("httpx", "httpcore", "arq", "tortoise", "aiosqlite", "asyncio"), logging.WARNING) | {
    "strawberry": logging.CRITICAL  # bff/graphql/errors.py reports what is worth it
}


log = structlog.get_logger("bff")


def masked(text: str) -> str:
    """The same text without phone numbers, openids, codes, gate tokens, passwords in addresses."""
    for pattern, instead in _MASKS:
        text = pattern.sub(instead, text)
    return text


def report(error: BaseException, **facts: Any) -> str:
    """Logs an error that nobody expected, with its traceback; gives the six letters that the person is told."""
    reference = letters(6)
    log.error("unexpected error", reference=reference, exc_info=error, **facts)
    return reference


def sentence_for(reference: str) -> str:
    """What a person reads instead of the error itself."""
    return f"系统出了点问题，请稍后再试。编号 {reference}"


def configure(settings: Settings, process: str) -> None:
    """Sends every log line of this process, ours and the libraries', to standard output. `process` names us."""
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    last: Processor = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    if settings.in_production:
        last = structlog.processors.JSONRenderer(ensure_ascii=False)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _name_process(process),
                _mask_line,
                last,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name, least in QUIETED.items():
        logging.getLogger(name).setLevel(max(least, root.level))


def _name_process(process: str) -> Processor:
    def add(_logger: Any, _method: str, line: Line) -> Line:
        return {"process": process, **line}

    return add


def _mask_line(_logger: Any, _method: str, line: Line) -> Line:
    return {name: "***" if SECRET_NAMES.search(name) else _mask_value(value) for name, value in line.items()}


def _mask_value(value: Any) -> Any:
    match value:
        case str():
            return masked(value)
        case bool() | int() | float() | None:
            return value
        case dict():
            return _mask_line(None, "", value)
        case list() | tuple():
            return [_mask_value(part) for part in value]
        case _:
            return masked(str(value))
