"""HTTP on one side, GraphQL on the other: what a request asks, and how an answer is written.

After the working draft of GraphQL over HTTP and its appendix on persisted documents. It runs on every request, so it
reads each header once and makes no objects that nobody asks for.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

import orjson
from starlette.types import Receive, Scope, Send

from models.errors import ErrorCode

Header = tuple[bytes, bytes]

JSON = b"application/json"
GRAPHQL = b"application/graphql-response+json"
HTML = b"text/html"

NUL = b"\\u0000"  # as JSON spells it; JSON allows it no other way
SHA256_PREFIX = "sha256:"  # the appendix's spelling of a document's hash
PARAMETERS = 20  # of a query string; ours are five
FEW_BYTES = 8 * 1024  # what is shorter holds too few values to be looked through
VALUES = 1_000  # in variables: reading one takes up to 10 µs, which no cost counts. Ours send some 40
KEPT = 256  # header values that are understood once and then known
LONGEST = 512  # bytes of such a value; browsers' have some 150. A head may have 64 KiB, which would take 20 ms


class Declined(Exception):
    """Turned away before any GraphQL: `sentence` is for people, `detail` for developers."""

    def __init__(
        self,
        status: int,
        sentence: str,
        *,
        detail: str = "",
        code: ErrorCode = ErrorCode.BAD_INPUT,
        headers: Iterable[Header] = (),
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.message = f"{sentence}（{detail}）" if detail else sentence
        self.code = code
        self.headers = tuple(headers)


class Gone(Exception):
    """The client went away before it had said everything; nobody waits for an answer."""


class Headers(Mapping[str, str]):
    """A request's headers, names in any case. `raw` has them as they came, in lower case."""

    __slots__ = ("raw",)

    def __init__(self, given: list[Header]) -> None:
        self.raw = dict(given)
        if len(self.raw) != len(given):
            self.raw = _joined(given)

    def __getitem__(self, name: str) -> str:
        return self.raw[_raw(name)].decode("latin-1")

    def text(self, name: str) -> str:
        """Empty when it is not there. Quicker than `get`, which is made for any mapping."""
        return self.raw.get(_raw(name), b"").decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name in self.raw)

    def __len__(self) -> int:
        return len(self.raw)


@lru_cache(maxsize=KEPT)
def _raw(name: str) -> bytes:
    return name.lower().encode("latin-1")


def _joined(given: list[Header]) -> dict[bytes, bytes]:
    """A header that comes several times is one list (RFC 9110, 5.3)."""
    values: dict[bytes, list[bytes]] = {}
    for name, value in given:
        values.setdefault(name, []).append(value)
    return {name: b", ".join(several) for name, several in values.items()}


@dataclass(slots=True)
class Asked:
    """What one request asks. One of `document_id` and `query` at least is given."""

    document_id: str | None
    query: str | None
    operation_name: str | None
    variables: dict[str, Any] = field(default_factory=dict)


# ---- what a request asks


async def asked_by_post(headers: Headers, receive: Receive) -> Asked:
    """From a JSON body. Raises Declined, or Gone."""
    _require_json(headers.raw.get(b"content-type", b""))
    body = await _body(receive)
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _unreadable("The body is not JSON in UTF-8.") from None
    if NUL in body:
        raise _unreadable("The body holds the character NUL, which PostgreSQL cannot store.")
    if type(said) is not dict:
        batch = " Operations come one a request." if type(said) is list else ""
        raise _unreadable(f"The body must be a JSON object.{batch}")
    if len(body) > FEW_BYTES:
        _require_few_values(said.get("variables"))
    return _asked(said)


def asked_by_get(query_string: bytes) -> Asked:
    """From the address, where `variables` and `extensions` are JSON. Raises Declined."""
    try:
        pairs = parse_qs(query_string.decode("ascii"), True, errors="strict", max_num_fields=PARAMETERS)
    except ValueError:
        raise _unreadable("The query string is not URL-encoded UTF-8, or has too many parameters.") from None
    said: dict[str, Any] = {}
    for name, values in pairs.items():
        if len(values) != 1:
            raise _unreadable(f"{name} stands there {len(values)} times.")
        said[name] = _parsed(name, values[0]) if name in ("variables", "extensions") else values[0]
        if "\0" in values[0]:
            raise _unreadable(f"{name} holds the character NUL, which PostgreSQL cannot store.")
    if len(query_string) > FEW_BYTES:
        _require_few_values(said.get("variables"))
    return _asked(said)


def _parsed(name: str, text: str) -> Any:
    if not text:
        return None
    if NUL.decode() in text:
        raise _unreadable(f"{name} holds the character NUL, which PostgreSQL cannot store.")
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _unreadable(f"{name} is not JSON.") from None


def _asked(said: dict[str, Any]) -> Asked:
    query = said.get("query")
    document_id = said.get("documentId")
    operation_name = said.get("operationName")
    variables = said.get("variables")
    extensions = said.get("extensions")
    if query is not None and type(query) is not str:
        raise _unreadable("query must be a string.")
    if document_id is not None and type(document_id) is not str:
        raise _unreadable("documentId must be a string.")
    if operation_name is not None and type(operation_name) is not str:
        raise _unreadable("operationName must be a string.")
    if variables is not None and type(variables) is not dict:
        raise _unreadable("variables must be an object.")
    if extensions is not None:
        if type(extensions) is not dict:
            raise _unreadable("extensions must be an object.")
        document_id = document_id or _persisted(extensions.get("persistedQuery"))
    document_id = (document_id or "").removeprefix(SHA256_PREFIX)
    if not document_id and query is None:
        raise _unreadable("One of documentId and query must be given.")
    return Asked(document_id or None, query, operation_name or None, variables or {})


def _require_few_values(variables: Any) -> None:
    waiting, found = [variables], 0
    while waiting:
        inner = waiting.pop()
        if type(inner) is dict or type(inner) is list:
            found += len(inner)
            if found > VALUES:
                raise _unreadable(f"variables hold more than {VALUES} values.")
            waiting.extend(inner.values() if type(inner) is dict else inner)


def _persisted(said: Any) -> str | None:
    """`{"version": 1, "sha256Hash": "…"}`, as Apollo's clients name a document."""
    if said is None:
        return None
    if type(said) is not dict or type(said.get("sha256Hash")) is not str:
        raise _unreadable("extensions.persistedQuery must be an object with a sha256Hash.")
    return str(said["sha256Hash"])


def _unreadable(detail: str) -> Declined:
    return Declined(400, "请求没有读懂，请检查后再试。", detail=detail)


async def _body(receive: Receive) -> bytes:
    """Whole; how long it may be, `bff.http.limits` has seen to."""
    message = await receive()
    if message["type"] != "http.request":
        raise Gone
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        return body
    parts = [body]
    while message.get("more_body", False):
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        parts.append(message.get("body", b""))
    return b"".join(parts)


def _require_json(content_type: bytes) -> None:
    """Nothing that a browser sends to another origin without asking first: no form, no multipart, no plain text."""
    if content_type != JSON and (len(content_type) > LONGEST or not _is_json(content_type)):
        raise Declined(
            415,
            "请求的格式不受支持，请用 JSON 发送。",
            detail="Content-Type must be application/json in UTF-8.",
            headers=[(b"accept", JSON)],
        )


@lru_cache(maxsize=KEPT)
def _is_json(content_type: bytes) -> bool:
    media, parameters = _media_range(content_type)
    return media == JSON and parameters.get(b"charset", b"utf-8").lower() in (b"utf-8", b"utf8")


# ---- how the answer is written


def answer_type(accept: bytes) -> bytes | None:
    """Which of our two media types the client likes best; None when it likes neither.

    Who names none in particular gets application/json, as clients older than the draft expect.
    """
    return _answer_type(accept) if len(accept) <= LONGEST else JSON


@lru_cache(maxsize=KEPT)
def _answer_type(accept: bytes) -> bytes | None:
    ranges = _ranges(accept)
    liked = {media: _liking(media, ranges) for media in (GRAPHQL, JSON)}
    if not any(quality for quality, _ in liked.values()):
        return None
    if liked[GRAPHQL] == liked[JSON]:
        return GRAPHQL if liked[GRAPHQL][1] == _EXACT else JSON
    return max(liked, key=lambda media: liked[media])


def prefers_html(accept: bytes) -> bool:
    """A person with a browser rather than a program."""
    ranges = _ranges(accept[:LONGEST])
    return _liking(HTML, ranges) > max(_liking(GRAPHQL, ranges), _liking(JSON, ranges))


_ANYTHING, _KIND, _EXACT = range(3)  # how exactly a media range names a type


def _liking(media: bytes, ranges: dict[bytes, float]) -> tuple[float, int]:
    """Quality and exactness of the most exact range that covers the type (RFC 9110, 12.5.1)."""
    kind = media.partition(b"/")[0] + b"/*"
    for exactness, name in ((_EXACT, media), (_KIND, kind), (_ANYTHING, b"*/*")):
        if name in ranges:
            return ranges[name], exactness
    return 0.0, _ANYTHING


def _ranges(accept: bytes) -> dict[bytes, float]:
    ranges: dict[bytes, float] = {}
    for part in accept.split(b","):
        media, parameters = _media_range(part)
        try:
            quality = float(parameters.get(b"q", b"1"))
        except ValueError:
            continue
        ranges[media] = max(ranges.get(media, 0.0), quality)
    return ranges if accept.strip() else {b"*/*": 1.0}


def _media_range(text: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    media, *parameters = (part.strip() for part in text.split(b";"))
    pairs = (parameter.partition(b"=") for parameter in parameters)
    return media.lower(), {name.strip().lower(): value.strip(b' "') for name, _, value in pairs}


_CONTENT_TYPE = {
    media: [(b"content-type", media + b"; charset=utf-8"), (b"vary", b"Accept")] for media in (JSON, GRAPHQL)
}


async def send_answer(send: Send, status: int, media: bytes, body: bytes, headers: Iterable[Header] = ()) -> None:
    told = [*_CONTENT_TYPE[media], (b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": body})


def encoded(answer: Mapping[str, Any]) -> bytes:
    """Chinese as it is. asyncpg's own kind of UUID is one of the few things that orjson does not know."""
    return orjson.dumps(answer, default=str)


def own_origin(scope: Scope, host: bytes) -> bytes:
    """Of the address at which this request arrived, as a browser writes it into Origin."""
    scheme: str = scope["scheme"]
    return scheme.encode("ascii") + b"://" + host
