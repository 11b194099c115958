"""What can go wrong outside, to be switched on by `PUT /_sandbox/faults` (the whole set each time)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.store import Store

Accepts = Callable[[object], bool]


def switch(value: object) -> bool:
    return isinstance(value, bool)


def seconds(value: object) -> bool:
    """A duration; `true` is one second, `false` none."""
    return isinstance(value, int | float) and math.isfinite(value) and 0 <= value <= 86_400


def texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def one_of(*choices: str) -> Accepts:
    return lambda value: value in choices


# Every service has these; they act on its own wire only, never on the control routes.
WIRE_FAULTS: dict[str, Accepts] = {
    "http_500": switch,  # answers 500 and does nothing
    "http_500_after": switch,  # does it, then answers 500
    "slow": seconds,  # does it, then waits before answering
    "drop_connection": switch,  # does it, then hangs up in the middle of the answer
}


class Faults:
    """The faults that are on. They outlive the process, as everything else in the sandbox does."""

    def __init__(self, store: Store, own: Mapping[str, Accepts]) -> None:
        self._store = store
        self._known = {**WIRE_FAULTS, **own}
        self._on: dict[str, Any] = store.setting("faults", {})

    def replace(self, wanted: dict[str, object]) -> None:
        """Switch on exactly `wanted`. Raises ValueError naming the first fault that isn't understood."""
        for name, value in wanted.items():
            if name not in self._known:
                raise ValueError(f"unknown fault {name!r}; known: {', '.join(sorted(self._known))}")
            if not self._known[name](value):
                raise ValueError(f"fault {name!r} can't be {value!r}")
        self._store.keep_setting("faults", wanted)
        self._on = wanted

    def is_on(self, name: str) -> bool:
        return bool(self._on.get(name))

    def get(self, name: str, default: Any) -> Any:
        return self._on.get(name, default)

    def all(self) -> dict[str, Any]:
        return dict(self._on)
