"""Saying yes, taking it back, and asking whether somebody has said yes to the text that holds today."""

from collections.abc import Sequence
from datetime import datetime

from models import database
from models.calendar import business_day
from models.consents import rules
from models.consents.queries import answers, live_version
from models.consents.reading import TEXTS
from models.consents.rules import ConsentNeeded, ConsentOutdated, EndReason, Purpose, Text
from models.ids import new_id


async def demand(*, member_id: int, purpose: Purpose, now: datetime, texts: Sequence[Text] = TEXTS) -> None:
    """Raises ConsentNeeded unless the member (or for a ward the guardian) has agreed to the current version, or to
    one since which nothing was asked again."""
    version = await live_version(member_id=member_id, purpose=purpose)
    if version is None or not rules.still_counts(texts, purpose, version, business_day(now)):
        text = rules.current(texts, purpose, business_day(now))
        raise ConsentNeeded(purpose, text.title, text.version)


async def record(
    *,
    member_id: int,
    purpose: Purpose,
    version: str,
    given_by_member_id: int | None = None,
    at_desk: bool = False,
    now: datetime,
    texts: Sequence[Text] = TEXTS,
) -> None:
    """Writes down a yes to this version, once. A plain function for the caller's transaction.

    A live yes to an earlier version ends with it. Raises ConsentOutdated when the version is not the current one.
    """
    text = rules.current(texts, purpose, business_day(now))
    if version != text.version:
        raise ConsentOutdated(text.title, text.version)
    await database.rows(
        """UPDATE consent SET ended_at = $1, end_reason = $2
            WHERE member_id = $3 AND purpose = $4 AND version <> $5 AND ended_at IS NULL RETURNING id""",
        now,
        EndReason.REPLACED,
        member_id,
        purpose,
        version,
    )
    await database.rows(
        """INSERT INTO consent (public_id, member_id, purpose, version, text_hash, given_by_id, at_desk, given_at,
                                end_reason)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '')
           ON CONFLICT (member_id, purpose) WHERE ended_at IS NULL DO NOTHING""",
        new_id("cns"),
        member_id,
        purpose,
        version,
        text.digest,
        given_by_member_id,
        at_desk,
        now,
    )


async def end(*, member_id: int, purpose: Purpose, now: datetime) -> bool:
    """Ends the live consent, if there is one, and tells whether there was. A plain function: what follows from a
    withdrawal is done by `models.privacy.withdrawing` in the same transaction."""
    ended = await database.rows(
        """UPDATE consent SET ended_at = $1, end_reason = $2
            WHERE member_id = $3 AND purpose = $4 AND ended_at IS NULL RETURNING id""",
        now,
        EndReason.WITHDRAWN,
        member_id,
        purpose,
    )
    return bool(ended)


async def refuse(*, member_id: int, purpose: Purpose, now: datetime, texts: Sequence[Text] = TEXTS) -> bool:
    """Writes down a no to the current version, where there is no live yes to end, and tells whether it was news. A
    plain function, under the member's lock."""
    text = rules.current(texts, purpose, business_day(now))
    answer = (await answers(member_id=member_id)).get(purpose)
    if answer is not None and rules.still_counts(texts, purpose, answer.version, business_day(now)):
        return False
    await database.rows(
        """INSERT INTO consent (public_id, member_id, purpose, version, text_hash, at_desk, given_at, ended_at,
                                end_reason)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8) RETURNING id""",
        new_id("cns"),
        member_id,
        purpose,
        text.version,
        text.digest,
        False,
        now,
        EndReason.REFUSED,
    )
    return True
