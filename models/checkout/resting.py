"""In a sweep, a channel that does not answer is left alone for the rest of the run, so that it costs one time-out and
not one for each of its items, and the other channels have their turn."""

import inspect
from collections.abc import Mapping
from typing import Any, cast

from payments.port import PaymentChannel, PaymentError

SILENT = ("UNREACHABLE", "NO_ANSWER")
RESTING = "RESTING"


class _Resting:
    def __init__(self, channel: PaymentChannel) -> None:
        self._channel = channel
        self._is_silent = False

    def __getattr__(self, name: str) -> Any:
        act = getattr(self._channel, name)
        if not inspect.iscoroutinefunction(act):
            return act

        async def ask(*args: Any, **kwargs: Any) -> Any:
            if self._is_silent:
                raise PaymentError(
                    RESTING, "it did not answer a moment ago", may_have_happened=False, retryable=True
                )
            try:
                return await act(*args, **kwargs)
            except PaymentError as error:
                self._is_silent = error.code in SILENT
                raise

        return ask


def resting(channels: Mapping[str, PaymentChannel]) -> Mapping[str, PaymentChannel]:
    """The channels for one run. RESTING is what a silent one says: nothing happened, ask again another time."""
    return {name: cast(PaymentChannel, _Resting(channel)) for name, channel in channels.items()}
