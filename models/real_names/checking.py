"""Asking the authority: written down before, so that nobody asks without end; answered after, whatever it says.

Each question is paid, and each tells whoever asks whether a name and a number belong together: so they are few for
each member, each number and each clerk. A question without an answer counts against nobody.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from models import database
from models.audit import deeds
from models.ids import letters, request_hash
from models.keys import IdKeys
from models.real_names import rules
from models.real_names.rules import (
    AuthorityAway,
    CheckOutcome,
    NameDiffers,
    NamedPerson,
    NameUnknown,
    TooManyChecks,
)
from models.real_names.tables import NameCheck
from verification.port import NameAuthority, Verdict, VerificationError

log = logging.getLogger(__name__)

DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class AskedBy:
    """A member, for themselves or their ward; or a clerk, for somebody at the desk."""

    member_id: int | None = None
    staff_id: int | None = None


@dataclass(frozen=True)
class Check:
    """One question. `known`: what the authority said when the same was asked under the same key before."""

    id: int
    request_no: str
    known: Verdict | None = None


async def intend(
    by: AskedBy, person: NamedPerson, *, keys: IdKeys, hashes: list[str], key: str = "", now: datetime
) -> Check:
    """Writes the question down, within the limits. A plain function, under the asker's lock and `hold_number`.

    `key`: the caller's own; the same question under the same key is one question.
    """
    request_no = _request_no(by, person, keys, key)
    before = await NameCheck.get_or_none(request_no=request_no) if key else None
    if before is not None and before.outcome in set(Verdict):
        return Check(before.id, request_no, Verdict(before.outcome))
    await _within_limits(by, hashes, now)
    if before is not None:
        before.outcome, before.asked_at = CheckOutcome.ASKED, now
        await before.save(update_fields=["outcome", "asked_at"])
        return Check(before.id, request_no)
    created = await NameCheck.create(
        request_no=request_no,
        member_id=by.member_id,
        staff_id=by.staff_id,
        number_hash=next(iter(keys.lookup.hashes(person.number).values())),
        outcome=CheckOutcome.ASKED,
        asked_at=now,
    )
    return Check(created.id, request_no)


async def ask(check: Check, person: NamedPerson, authority: NameAuthority, *, now: datetime) -> Verdict:
    """What the authority says. Outside any transaction. Raises AuthorityAway when it says nothing, TooManyChecks
    when it has heard this number too often."""
    if check.known is not None:
        return check.known
    try:
        return await authority.check(name=person.name, id_number=person.number)
    except VerificationError as error:
        (log.warning if error.retryable else log.error)("name check %s failed: %s", check.request_no, error.code)
        with told_when_it_is_done():
            await _no_answer(check, now)
        raise (TooManyChecks if error.too_often else AuthorityAway) from error


@contextmanager
def told_when_it_is_done() -> Iterator[None]:
    """A question that is only written down is no line in the audit trail yet: it comes with the answer, and says whom
    it was about. (Whoever is known already is concerned at once, quiet or not.)"""
    deed = deeds.current()
    was_quiet = deed is not None and deed.is_quiet
    try:
        if deed is not None:
            deed.is_quiet = True
        yield
    finally:
        if deed is not None:
            deed.is_quiet = was_quiet


async def answer(check: Check, verdict: Verdict, now: datetime) -> None:
    """Records what was said. A plain function of the transaction that acts on it."""
    await database.rows(
        "UPDATE name_check SET outcome = $2, answered_at = $3 WHERE id = $1 RETURNING id", check.id, verdict, now
    )


async def demand_few_guesses(by: AskedBy, hashes: list[str], now: datetime) -> None:
    """Raises TooManyChecks for a clerk who said too many wrong names to this number within a day, whatever they say
    now: the answers about somebody who is bound are ours and cost nothing, but tell as much."""
    counted = await database.row(
        f"""SELECT COUNT(*) AS wrong FROM name_check
             WHERE number_hash IN ({database.parameters(len(hashes), first=3)}) AND asked_at > $2
               AND staff_id = $1 AND outcome = 'DIFFERS'""",
        by.staff_id,
        now - DAY,
        *hashes,
    )
    assert counted is not None
    if counted["wrong"] >= rules.CHECKS_A_NUMBER_A_DAY:
        raise TooManyChecks


async def note_guess(by: AskedBy, person: NamedPerson, *, keys: IdKeys, key: str, now: datetime) -> None:
    """A name that is not the one of whoever is bound. The same under the same key is one guess."""
    await database.rows(
        """INSERT INTO name_check (request_no, member_id, staff_id, number_hash, outcome, asked_at, answered_at)
           VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (request_no) DO NOTHING""",
        _request_no(by, person, keys, key),
        by.member_id,
        by.staff_id,
        next(iter(keys.lookup.hashes(person.number).values())),
        Verdict.DIFFERS.value,
        now,
    )


def refusal_of(verdict: Verdict) -> NameDiffers | NameUnknown | None:
    if verdict is Verdict.DIFFERS:
        return NameDiffers()
    return NameUnknown() if verdict is Verdict.UNKNOWN else None


@database.operation
async def _no_answer(check: Check, now: datetime) -> None:
    await database.rows(
        "UPDATE name_check SET outcome = $2, answered_at = $3 WHERE id = $1 AND outcome = 'ASKED' RETURNING id",
        check.id,
        CheckOutcome.UNAVAILABLE,
        now,
    )


async def _within_limits(by: AskedBy, hashes: list[str], now: datetime) -> None:
    places = database.parameters(len(hashes), first=5)
    counted = await database.row(
        f"""SELECT COUNT(CASE WHEN member_id = $1 THEN 1 END) AS of_member,
                   COUNT(CASE WHEN staff_id = $2 THEN 1 END) AS of_clerk,
                   COUNT(CASE WHEN number_hash IN ({places}) THEN 1 END) AS of_number
              FROM name_check
             WHERE asked_at > $3 AND (member_id = $1 OR staff_id = $2 OR number_hash IN ({places}))
               AND outcome <> 'UNAVAILABLE' AND (outcome <> 'ASKED' OR asked_at > $4)""",
        by.member_id or 0,
        by.staff_id or 0,
        now - DAY,
        now - rules.LOST_AFTER,
        *hashes,
    )
    assert counted is not None
    if (
        counted["of_member"] >= rules.CHECKS_A_MEMBER_A_DAY
        or counted["of_clerk"] >= rules.CHECKS_A_CLERK_A_DAY
        or counted["of_number"] >= rules.CHECKS_A_NUMBER_A_DAY
    ):
        raise TooManyChecks


def _request_no(by: AskedBy, person: NamedPerson, keys: IdKeys, key: str) -> str:
    """By chance; or, under a caller's key, made of all that was asked. Through the keyed hash: a plain one of a name
    and a number can be guessed."""
    if not key:
        return f"N{letters(24)}"
    asked = next(iter(keys.lookup.hashes(f"{person.name} {person.number}").values()))
    return f"N{request_hash(by.member_id, by.staff_id, key, asked)[:24].upper()}"
