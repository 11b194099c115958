"""What is being done right now, for the audit trail: entrances begin a deed, rooms say whom it concerns.

A deed lives in a context variable, so that a room need not be handed it through every call. `models/audit/doing.py`
writes its line.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

ActorKind = Literal["STAFF", "MEMBER", "OPERATOR", "SYSTEM"]


@dataclass(kw_only=True)
class Deed:
    """One act of somebody. The entrance fills in what, when and from where; then who; rooms fill in the rest."""

    actor_kind: ActorKind | None = None
    """None until somebody is found who does it: what strangers do is nobody's deed."""
    actor_id: str = ""
    """A public id, or an operator's name. Empty where somebody says they are staff and no account is theirs."""
    act: str
    at: datetime
    address: str = ""
    device_id: str = ""
    subject_kind: str = ""
    subject_id: str = ""
    venue_id: str = ""
    is_reading: bool = False
    detail: str = ""
    is_quiet: bool = False
    """Nothing to write down, unless it turns out to concern another member than whoever does it."""
    is_written: bool = False
    """Its line stands in the database."""

    @property
    def is_wanted(self) -> bool:
        """Whether it needs a line."""
        if self.actor_kind is None:
            return False
        return not self.is_quiet or (self.subject_kind == "MEMBER" and self.subject_id != self.actor_id)


_current: ContextVar[Deed | None] = ContextVar("deed", default=None)


def current() -> Deed | None:
    return _current.get()


def done_by(kind: ActorKind, public_id: str, *, device_id: str = "") -> None:
    """Whoever does it was found. What members do for themselves is theirs: such a deed is quiet."""
    deed = _current.get()
    if deed is None:
        return
    deed.actor_kind, deed.actor_id = kind, public_id
    deed.device_id = device_id or deed.device_id
    deed.is_quiet = deed.is_quiet or kind == "MEMBER"


def concerning(kind: str, public_id: str, *, venue_id: str = "", reading: bool = False, detail: str = "") -> None:
    """A room says whom or what the current deed is about, by a public id. Nothing when nobody audits.

    Said several times, the last one counts, but a person counts more than their things.
    """
    deed = _current.get()
    if deed is None:
        return
    if kind == "MEMBER" or deed.subject_kind != "MEMBER":
        deed.subject_kind, deed.subject_id = kind, public_id
    deed.venue_id = venue_id or deed.venue_id
    deed.is_reading = deed.is_reading or reading
    deed.detail = detail or deed.detail


def noted(detail: str) -> None:
    """A room says what came of the current deed, where that is more than done or refused: a door's verdict."""
    deed = _current.get()
    if deed is not None:
        deed.detail = detail
