"""One clock for a sandbox process, which a test may move without moving the machine's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from sandbox.store import Store

BEIJING = timezone(timedelta(hours=8))


class Clock:
    """The machine's time plus an offset in seconds, which outlives the process (`PUT /_sandbox/clock`)."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.offset_seconds = float(store.setting("clock_offset_seconds", 0))

    def now(self) -> datetime:
        """The aware UTC instant that this process believes in."""
        return datetime.now(UTC) + timedelta(seconds=self.offset_seconds)

    def move_to(self, offset_seconds: float) -> None:
        self._store.keep_setting("clock_offset_seconds", offset_seconds)
        self.offset_seconds = offset_seconds


def as_text(at: datetime) -> str:
    """UTC with fixed width, so that SQLite compares instants correctly as text."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def as_instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def as_beijing(at: datetime) -> str:
    """RFC 3339 as WeChat Pay writes it: whole seconds, +08:00."""
    return at.astimezone(BEIJING).isoformat(timespec="seconds")
