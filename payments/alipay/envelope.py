"""The outside of an answer: `{"alipay_trade_query_response":{…},"sign":"…"}`. Pure.

Alipay signs the very characters of the inner object (自行实现验签), which no JSON library gives back: parsing and
writing anew would lose its `\\/`, its spaces and its order. So the outer object is read by hand, as bytes; the
answer comes in UTF-8, where no other character holds the byte of a quote or a brace. Whatever is no such object
raises `ValueError`.
"""

import re
from dataclasses import dataclass
from typing import Any

import orjson

SPACE = re.compile(rb"[ \t\r\n]*")
STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
SCALAR = re.compile(rb"[^,{}\[\]\"\s]+")
NEXT = re.compile(rb'["{}\[\]]')


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An answer, its signature not yet checked. `signed` are the bytes it is over; empty texts are absent."""

    signed: bytes
    contents: dict[str, Any]
    signature: str
    certificate_serial: str


def open_envelope(body: bytes, method: str) -> Envelope:
    """Take an answer to `method` apart. What the gateway itself refuses may be an `error_response`."""
    parts = _members(body)
    signed = parts.get(method.replace(".", "_") + "_response") or parts.get("error_response")
    if signed is None:
        raise ValueError(f"no answer to {method}")
    contents = orjson.loads(signed)
    if not isinstance(contents, dict):
        raise ValueError(
            "the answer is no JSON object"
        )  # it is a text where it is encrypted, which we did not ask
    return Envelope(
        signed=signed,
        contents=contents,
        signature=_text(parts.get("sign")),
        certificate_serial=_text(parts.get("alipay_cert_sn")),
    )


def _text(raw: bytes | None) -> str:
    value = orjson.loads(raw) if raw else ""
    if not isinstance(value, str):
        raise ValueError("expected a text")
    return value


def _members(body: bytes) -> dict[str, bytes]:
    """The names of a JSON object with the raw bytes of their values. A name twice is refused: which one counts?"""
    members: dict[str, bytes] = {}
    at = _expect(body, 0, b"{")
    while body[at : at + 1] != b"}":
        if members:
            at = _expect(body, at, b",")
        end = _string_end(body, at)
        name = _text(body[at:end])
        start = _expect(body, end, b":")
        end = _value_end(body, start)
        if name in members:
            raise ValueError(f"{name[:64]!r} comes twice")
        members[name] = body[start:end]
        at = _skip(body, end)
    if body[at + 1 :].strip():
        raise ValueError("something follows the answer")
    return members


def _value_end(body: bytes, at: int) -> int:
    """Where the value ends that begins here. Braces inside of strings are no braces."""
    if body[at : at + 1] == b'"':
        return _string_end(body, at)
    if scalar := SCALAR.match(body, at):
        return scalar.end()
    depth = 0
    while found := NEXT.search(body, at):
        at = found.end()
        if found[0] == b'"':
            at = _string_end(body, found.start())
        else:
            depth += 1 if found[0] in b"{[" else -1
        if depth <= 0:
            return at
    raise ValueError("the answer breaks off")


def _string_end(body: bytes, at: int) -> int:
    if found := STRING.match(body, at):
        return found.end()
    raise ValueError("expected a string")


def _expect(body: bytes, at: int, mark: bytes) -> int:
    at = _skip(body, at)
    if body[at : at + 1] != mark:
        raise ValueError(f"expected {mark.decode()}")
    return _skip(body, at + 1)


def _skip(body: bytes, at: int) -> int:
    return found.end() if (found := SPACE.match(body, at)) else at
