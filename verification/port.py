"""What we ask of those outside who vouch for people. An adapter fulfils it; the rooms know only this."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

NO_ANSWER = "NoAnswer"
"""The code of a VerificationError when nothing came, or nothing that can be read."""


class VerificationError(Exception):
    """They did not do what we asked. `retryable`: the same may be asked again later; else it is our configuration.

    `code` is theirs, or NO_ANSWER; for the log. `too_often`: they limit this number themselves; `lifts_in`: for so many
    seconds at most, where that is known. `never_left`: nobody was there to hear what we asked.
    """

    never_left = False

    def __init__(
        self, code: str, message: str, *, retryable: bool, too_often: bool = False, lifts_in: int | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.retryable = retryable
        self.too_often = too_often
        self.lifts_in = lifts_in

    @property
    def may_have_happened(self) -> bool:
        """Nobody knows: they may have heard what we asked, and done it."""
        return self.code == NO_ANSWER and not self.never_left


class SmsTemplate(StrEnum):
    """What may be sent by SMS; the gateway has approved a text for each."""

    CODE = "CODE"  # values: code, minutes
    NOTICE = "NOTICE"  # values: title, where to look; a gateway that approves no such variables leaves them out


class SmsSender(Protocol):
    async def send(self, *, phone: str, template: SmsTemplate, values: Sequence[str]) -> str:
        """Sends one message to one number (E.164) and gives the gateway's serial number. Raises VerificationError.

        A time-out is a VerificationError too: nobody knows then whether it was sent.
        """
        ...


class Verdict(StrEnum):
    """What the authority says of a name and an ID number together."""

    AGREES = "AGREES"
    DIFFERS = "DIFFERS"
    UNKNOWN = "UNKNOWN"  # no such number on their books: newly issued, abroad, military


class NameAuthority(Protocol):
    async def check(self, *, name: str, id_number: str) -> Verdict:
        """Whether they belong together. Raises VerificationError when there is no answer. Each question is paid."""
        ...
