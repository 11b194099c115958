"""One request on its way through the house, and what its log line, its metrics and its span may say of it.

The doorway begins a visit; who learns something on the way notes it here. Nothing in it comes from a body, a header
or a path, so nothing in it is anybody's.
"""

import random
from contextvars import ContextVar
from dataclasses import dataclass

_HEX_TO_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijkmnpqr")
HASH_SHOWN = 12  # of a trusted document's 64; enough to find it in the manifest


@dataclass(slots=True)
class Visit:
    request_id: str
    kind: str = ""
    """Of a GraphQL operation: query or mutation; empty when no operation was found."""
    operation: str = ""
    """A trusted operation's name, or `free`: what strangers call theirs is theirs."""
    document: str = ""
    """How a trusted document's hash begins; empty for others."""
    outcome: str = ""
    """Of a GraphQL request: ok, or why not (`bff/graphql/watching.py`)."""


current: ContextVar[Visit | None] = ContextVar("visit", default=None)


def new_request_id() -> str:
    """64 bits of chance as letters only: never taken for a phone number or a code, and so never masked."""
    return f"{random.getrandbits(64):016x}".translate(_HEX_TO_LETTERS)
