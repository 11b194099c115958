"""In a run, a channel that does not answer is left alone for the rest of it, so that it costs one time-out and not one
for each of its items, and the other channels have their turn. And how long a run has lasted, since its `now` is of its
beginning."""

import inspect
from collections.abc import Mapping
from datetime import timedelta
from time import monotonic
from typing import Any, cast

from payments.port import PaymentChannel, PaymentError

SILENT = ("UNREACHABLE", "NO_ANSWER")
RESTING = "RESTING"


class _Resting:
    def __init__(self, channel: PaymentChannel) -> None:
        self._channel = channel
        self._is_silent = False
        self.began = monotonic()

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
    """The channels for one run; within a run, those of that run. RESTING is what a silent one says: nothing happened,
    ask again another time."""
    return {name: cast(PaymentChannel, _of_this_run(channel)) for name, channel in channels.items()}


def lasted(channel: PaymentChannel) -> timedelta:
    """For how long the run has lasted that this channel is of; nothing outside of one."""
    return timedelta(seconds=monotonic() - channel.began) if isinstance(channel, _Resting) else timedelta()


def _of_this_run(channel: PaymentChannel) -> PaymentChannel | _Resting:
    return channel if isinstance(channel, _Resting) else _Resting(channel)
