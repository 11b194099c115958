"""A gateway for the rooms' tests: what it was asked to send lies in `sent`, for whoever holds the phone to read."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from models.members.rules import canonical_phone
from verification.port import SmsTemplate, VerificationError


@dataclass
class Gateway:
    sent: list[tuple[str, Sequence[str]]] = field(default_factory=list)
    failure: VerificationError | None = None

    async def send(self, *, phone: str, template: SmsTemplate, values: Sequence[str]) -> str:
        assert template is SmsTemplate.CODE
        if self.failure is not None:
            raise self.failure
        self.sent.append((phone, values))
        return f"serial-{len(self.sent)}"

    def code_on(self, phone: str) -> str:
        """The digits that arrived there last."""
        return [values[0] for number, values in self.sent if number == canonical_phone(phone)][-1]
