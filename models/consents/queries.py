"""What somebody has agreed to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from models import database
from models.calendar import business_day
from models.consents import rules
from models.consents.reading import TEXTS
from models.consents.rules import EndReason, Purpose, Text


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
    said_no: bool
    """The last answer was a no, or a yes that was taken back."""
    is_asked_now: bool
    """At a sign-in: nobody has asked yet, or a version asks again."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What somebody said last about one purpose."""

    version: str
    said_no: bool
    given_at: datetime
    at_desk: bool
    by_guardian: bool


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
    said = await answers(member_id=member_id)
    return [
        _standing(rules.current(texts, purpose, today), said.get(purpose), texts, today) for purpose in Purpose
    ]


async def to_ask(*, member_public_id: str, now: datetime, texts: Sequence[Text] = TEXTS) -> list[Text]:
    """The texts to show to whoever just signed in, before anything else: what is asked of everybody and was not
    answered, and what they agreed to in a version that no longer counts."""
    found = await database.row("SELECT id FROM member WHERE public_id = $1", member_public_id)
    if found is None:
        return []
    standing = await standings(member_id=found["id"], now=now, texts=texts)
    return [each.text for each in standing if each.is_asked_now]


async def answers(*, member_id: int) -> dict[Purpose, Answer]:
    """What the member said last: the live yes, else the latest no."""
    found = await database.rows(
        """SELECT purpose, version, given_at, ended_at, at_desk, given_by_id FROM consent
            WHERE member_id = $1 AND (ended_at IS NULL OR end_reason IN ($2, $3))
            ORDER BY CASE WHEN ended_at IS NULL THEN 1 ELSE 0 END, ended_at, id""",
        member_id,
        EndReason.WITHDRAWN,
        EndReason.REFUSED,
    )
    return {
        Purpose(row["purpose"]): Answer(
            version=row["version"],
            said_no=row["ended_at"] is not None,
            given_at=database.utc(row["given_at"]),
            at_desk=bool(row["at_desk"]),
            by_guardian=row["given_by_id"] is not None,
        )
        for row in found
    }


def _standing(text: Text, answer: Answer | None, texts: Sequence[Text], today: date) -> Standing:
    given = None if answer is None or answer.said_no else answer
    said_no = answer is not None and answer.said_no
    answered = None if answer is None else answer.version
    return Standing(
        purpose=text.purpose,
        text=text,
        version=None if given is None else given.version,
        given_at=None if given is None else given.given_at,
        at_desk=given is not None and given.at_desk,
        by_guardian=given is not None and given.by_guardian,
        is_needed_again=given is not None and not rules.still_counts(texts, text.purpose, given.version, today),
        said_no=said_no,
        is_asked_now=rules.is_asked_now(texts, text.purpose, answered, said_no=said_no, today=today),
    )


def shown_texts(*, now: datetime, texts: Sequence[Text] = TEXTS) -> list[Text]:
    """The version of each purpose that holds now."""
    return [rules.current(texts, purpose, business_day(now)) for purpose in Purpose]
