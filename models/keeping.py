"""A port: somebody who keeps for a while what was read, for everybody who asks the same (`plans.keeping.Keeper`)."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Keep(Protocol):
    """What a room hands it must be the same for everybody: nothing of a member's, nothing that has to be current."""

    async def get(
        self,
        key: str,
        seconds: float,
        make: Callable[[], Awaitable[T]],
        *,
        dump: Callable[[T], bytes],
        load: Callable[[bytes], T],
        weighs: float = 1.0,
    ) -> T:
        """The thing of this name, at most `seconds` old. Raises what `make` raises.

        `weighs`: how many times as much as its dumped form the thing takes in memory.
        """
