"""Structured logs without personal data: one line of JSON in production, readable lines in development.

Everything passes through `masked` last, tracebacks and other libraries' lines too, so that no single caller has to
remember it. Errors that nobody expected are logged by `report`, whose reference the person sees as well.
"""

import logging
import re
import sys
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
import structlog
from structlog.typing import Processor

from bff import visits
from bff.settings import Settings
from models.ids import letters

Line = MutableMapping[str, Any]

SECRET_NAMES = re.compile(
    r"phone|openid|unionid|session_key|api[-_]?key|token|password|secret|authorization|cookie|code$|id_?(?:number|card)",
    re.I,
)
_MASKS: list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    (re.compile(r"(/(?:gates|exports)/)[^/\s?\"']+"), r"\1***"),
    (re.compile(r"(://)[^/@\s]+@"), r"\1***@"),  # user and password of a database or a queue
    (re.compile(r"\b(Bearer\s+)\S+", re.I), r"\1***"),
    (re.compile(r"\btpk_[\w-]+"), "tpk_***"),  # a third party's key
    (re.compile(r"\b((?:secret|access_token|js_code|code|session_key)=)[^&\s\"']+"), r"\1***"),
    (re.compile(r"(?<![0-9A-Za-z_-])o[0-9A-Za-z_-]{27}(?![0-9A-Za-z_-])"), "openid***"),
    (re.compile(r"(?<![0-9])[0-9]{24}(?![0-9])"), "code***"),
    (  # an ID number, by its date of birth; never a part of a longer word, such as a hash
        re.compile(
            r"(?<![0-9A-Za-z_-])[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
            r"[0-9]{3}[0-9Xx](?![0-9A-Za-z_-])"
        ),
        "id***",
    ),
    (re.compile(r"(?<![0-9])(1[3-9][0-9])[0-9]{4}([0-9]{4})(?![0-9])"), r"\1****\2"),
    (re.compile(r"(\+86)(1[3-9][0-9])[0-9]{4}([0-9]{4})(?![0-9])"), r"\1\2****\3"),
]
_ANY_MASK = re.compile("|".join(f"(?{'i' * bool(each.flags & re.I)}:{each.pattern})" for each, _ in _MASKS))
QUIETED = dict.fromkeys(("httpx", "httpcore", "arq", "tortoise", "aiosqlite", "asyncio"), logging.WARNING) | {
    "asyncpg": logging.ERROR,  # its pool warns with a traceback a second while PostgreSQL is away
    "opentelemetry": logging.CRITICAL,  # bff/spans.py says once what it says for each lost span
    "strawberry": logging.CRITICAL,  # bff/graphql/errors.py reports what is worth it
}


log = structlog.get_logger("bff")


def masked(text: str) -> str:
    """The same text without phone and ID numbers, openids, codes, gate tokens, passwords in addresses."""
    if not _ANY_MASK.search(text):  # nearly always
        return text
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
    """Sends every log line of this process, ours and the libraries', to standard output. `process` names us.

    Our own lines do not pass through the standard library's records, which would cost more than all the rest.
    """
    last: Processor = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    if settings.in_production:
        last = structlog.processors.JSONRenderer(_json)
    finished = _finished_by(process)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.ExtraAdder(("reference",)),
                structlog.stdlib.add_logger_name,
                structlog.stdlib.add_log_level,
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, finished, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name, least in QUIETED.items():
        logging.getLogger(name).setLevel(max(least, root.level))
    structlog.configure(
        processors=[finished, last],
        logger_factory=lambda name="": _Out(name, handler),
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        cache_logger_on_first_use=False,
    )


class _Out:
    """Where our own lines end: on the same handler as the libraries', in their turn."""

    def __init__(self, name: str, handler: "logging.StreamHandler[Any]") -> None:
        self.name = name
        self._handler = handler

    def write(self, line: str) -> None:
        handler = self._handler
        handler.acquire()
        try:
            handler.stream.write(line + "\n")
            handler.flush()
        finally:
            handler.release()

    debug = info = warning = error = critical = exception = write


def _finished_by(process: str) -> Processor:
    """Masks a line and adds who wrote it, when, and for which request."""

    def finish(logger: Any, method: str, line: Line) -> Line:
        if line.get("exc_info"):
            line = structlog.processors.format_exc_info(logger, method, line)
        told = _mask_line(line)
        visit = visits.current.get()
        if visit is not None:
            told["request_id"] = masked(visit.request_id)
        told.setdefault("logger", getattr(logger, "name", ""))
        told.setdefault("level", method)
        told["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        told["process"] = process
        return told

    return finish


def _json(line: Line, **_options: Any) -> str:
    return orjson.dumps(line, default=str).decode()


def _mask_line(line: Line) -> dict[str, Any]:
    return {name: "***" if _names_a_secret(name) else _mask_value(value) for name, value in line.items()}


@lru_cache(512)
def _names_a_secret(name: str) -> bool:
    return SECRET_NAMES.search(name) is not None


def _mask_value(value: Any) -> Any:
    match value:
        case str():
            return masked(value)
        case bool() | int() | float() | None:
            return value
        case dict():
            return _mask_line(value)
        case list() | tuple():
            return [_mask_value(part) for part in value]
        case _:
            return masked(str(value))
