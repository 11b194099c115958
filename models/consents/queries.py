"""What somebody has agreed to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from models import database
from models.calendar import business_day
from models.consents import rules
from models.consents.reading import TEXTS
from models.consents.rules import Purpose, Text


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where somebody stands with one purpose."""

    purpose: Purpose
    text: Text
    """The version that holds now."""
    version: str | None
    """Of the live yes; None: there is none."""
    given_at: datetime | None
    at_desk: bool
    by_guardian: bool
    is_needed_again: bool
    """There is a yes, but a later version asks again."""


async def live_version(*, member_id: int, purpose: Purpose) -> str | None:
    """The version of the live yes, or None."""
    found = await database.row(
        "SELECT version FROM consent WHERE member_id = $1 AND purpose = $2 AND ended_at IS NULL",
        member_id,
        purpose,
    )
    return None if found is None else str(found["version"])


async def has_agreed(*, member_id: int, purpose: Purpose, now: datetime, texts: Sequence[Text] = TEXTS) -> bool:
    """Whether there is a live yes that still counts."""
    version = await live_version(member_id=member_id, purpose=purpose)
    return version is not None and rules.still_counts(texts, purpose, version, business_day(now))


async def standings(*, member_id: int, now: datetime, texts: Sequence[Text] = TEXTS) -> list[Standing]:
    """All purposes, in their order, and where the member stands with each."""
    today = business_day(now)
    found = await database.rows(
        """SELECT purpose, version, given_at, at_desk, given_by_id FROM consent
            WHERE member_id = $1 AND ended_at IS NULL""",
        member_id,
    )
    live = {row["purpose"]: row for row in found}
    return [
        _standing(rules.current(texts, purpose, today), live.get(purpose), texts, today) for purpose in Purpose
    ]


def _standing(text: Text, row: Any | None, texts: Sequence[Text], today: date) -> Standing:
    counts = row is not None and rules.still_counts(texts, text.purpose, row["version"], today)
    return Standing(
        purpose=text.purpose,
        text=text,
        version=row["version"] if row else None,
        given_at=database.utc(row["given_at"]) if row else None,
        at_desk=bool(row and row["at_desk"]),
        by_guardian=bool(row and row["given_by_id"]),
        is_needed_again=row is not None and not counts,
    )


def shown_texts(*, now: datetime, texts: Sequence[Text] = TEXTS) -> list[Text]:
    """The version of each purpose that holds now."""
    return [rules.current(texts, purpose, business_day(now)) for purpose in Purpose]
