"""How an argument is filled: what of An's it leads to, what everybody may see, or nothing at all."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.authorisation.lives import Life, World

ABSENT = object()
"""The argument is left out."""


@dataclass(frozen=True)
class Known:
    """Something of An's that a walker got to know: read over a shoulder, from a log, off a screen.

    `shut`: why it leads not even its owner to anything; without a reason it must. `tells`: why a walker may notice that
    it is no invention.
    """

    value: str
    what: str
    shut: str = ""
    tells: str = ""


async def from_the_start(_life: Life) -> Any:
    """A page that its owner asks for without a place."""
    return ABSENT


ANOTHER_KIND = "it names a thing of another kind"
SPENT = "it has done its work"


@dataclass(frozen=True)
class Reaching:
    """An argument that leads to what is somebody's own."""

    of: Callable[[Life], Sequence[Known]]
    nobodys: Callable[[], str]
    """Well-formed, and nobody's."""
    owner: str = "citizen"
    """Who comes by such things: a name of `World.owners`."""
    meanwhile: Callable[[], Any] | None = None
    """What stands here while another argument is walked; without it, the first of An's."""
    live: Callable[[Life], Awaitable[Any]] | None = None
    """What opens for its owner now. For credentials: who has those is taken for their owner, so no walker gets them."""


@dataclass(frozen=True)
class Open:
    """An argument that leads to what everybody may see; the walk finds each of these in a public answer."""

    of: Callable[[World], Sequence[Any]]


@dataclass(frozen=True)
class Plain:
    """An argument that leads nowhere by itself. `live`: what its owner says there."""

    of: Callable[[Life], Any]
    live: Callable[[Life], Any] | None = None
