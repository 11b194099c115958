"""What people are told, on its way outside: which ways, whose turn, what came of it.

A message is first planned: for whoever is told, the ways that reach them are written down, and the first is due. A
sending is claimed (SENDING, committed) before anybody outside is asked, and what they say is recorded after. One that
works, or may have worked, ends the others; one that cannot work gives its turn to the next.

If no answer is recorded, nobody knows whether the message arrived. By a way that knows one message by its number
(the official account, for some minutes) it is sent again; by the others never.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson

from models import database
from models.keys import CannotOpen, PhoneKeys, Sealed
from models.members.standing import leads_to
from models.messages import templates
from models.messages.reaching import is_still_told, reaches, wants_it_no_more, who_is_told
from models.messages.rules import (
    LATEST,
    LEASE,
    REPEATABLE_FOR,
    MessageWay,
    Open,
    SendingStatus,
    Template,
    may_repeat,
    next_attempt,
    ways_for,
)

log = logging.getLogger(__name__)


class Outcome(StrEnum):
    """What came of asking."""

    SENT = "SENT"
    NO_CONSENT = "NO_CONSENT"  # surely not sent: they do not want it
    LATER = "LATER"  # surely not sent: they are too busy, or cannot be reached
    NEVER = "NEVER"  # surely not sent: and never will be
    NOBODY_KNOWS = "NOBODY_KNOWS"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedSending:
    """A sending that is ours to carry out. `address` is an openid, or a phone number (E.164). `is_in_doubt`: it was
    asked for before, and may have arrived then."""

    id: int
    message_id: str  # public
    recipient_id: int
    way: MessageWay
    template: Template
    values: Mapping[str, str]
    attempts: int
    is_in_doubt: bool
    appid: str = ""
    address: str = field(repr=False)


# --- planning


@database.operation
async def plan(*, limit: int, open_ways: Open, now: datetime) -> int:
    """Chooses the ways of up to `limit` messages that have none yet, the oldest first. Gives how many there were.

    Several workers get disjoint ones.
    """
    found = await database.rows(
        """SELECT message.id, message.template, message.told_at, member.id AS member_id, member.joined_to_id
             FROM message JOIN member ON member.id = message.member_id
            WHERE message.planned_at IS NULL ORDER BY message.id LIMIT $1 FOR UPDATE OF message SKIP LOCKED""",
        limit,
    )
    if not found:
        return 0
    fresh = [row for row in found if database.utc(row["told_at"]) > now - LATEST]
    whose = {
        row["id"]: await leads_to(row["member_id"]) if row["joined_to_id"] else row["member_id"] for row in fresh
    }
    told = await who_is_told(set(whose.values()))
    known = await reaches({each for everybody in told.values() for each in everybody})
    for row in fresh:
        template = templates.shelf().templates.get(row["template"])
        if template is None:  # the house went back to an older version; the inbox still has it
            log.error("message %s: there is no template %s here", row["id"], row["template"])
            continue
        for recipient_id in told[whose[row["id"]]]:
            ways = ways_for(template, known[recipient_id], open_ways)
            await _write_down(row["id"], recipient_id, ways, now)
    await database.rows(
        f"UPDATE message SET planned_at = $1 WHERE id IN ({database.parameters(len(found), first=2)})",
        now,
        *(row["id"] for row in found),
    )
    return len(found)


async def _write_down(message_id: int, recipient_id: int, ways: Sequence[MessageWay], now: datetime) -> None:
    for way in ways:
        await database.rows(
            """INSERT INTO message_sending (message_id, recipient_id, way, status, attempts, next_attempt_at,
                                            outside_id, problem)
               VALUES ($1, $2, $3, 'WAITING', 0, $4, '', '') ON CONFLICT (message_id, recipient_id, way) DO NOTHING""",
            message_id,
            recipient_id,
            way.value,
            now if way is ways[0] else None,
        )


# --- claiming

_CLAIM = """
    UPDATE message_sending SET status = 'SENDING', attempts = attempts + 1, next_attempt_at = $1,
                               asked_at = COALESCE(asked_at, $2)
     WHERE id IN (SELECT id FROM message_sending
                   WHERE status = 'WAITING' AND next_attempt_at <= $2 AND (asked_at IS NULL OR asked_at > $4)
                   ORDER BY next_attempt_at, id LIMIT $3 FOR UPDATE SKIP LOCKED)
    RETURNING id, message_id, recipient_id, way, attempts, asked_at"""
"""$4: what was asked for before then may not be repeated (`may_repeat`), whether or not `_end_lost` got to it yet."""


@database.operation
async def claim(*, limit: int, keys: PhoneKeys, now: datetime) -> list[ClaimedSending]:
    """Takes up to `limit` due sendings, for LEASE; several workers get disjoint ones. A subscribe message's consent is
    taken with it, before it is used."""
    await _end_lost(limit, now)
    claimed = []
    found = await database.rows(_CLAIM, now + LEASE, now, limit, now - REPEATABLE_FOR)
    for row in sorted(found, key=lambda row: int(row["id"])):
        sending = await _addressed(row, keys, is_in_doubt=database.utc(row["asked_at"]) < now)
        if sending is None:  # since it was planned they went, help or want no more, or used their consent up
            await _end(row["id"], SendingStatus.REFUSED, "nothing to reach them by", now)
            await _next_way(row["message_id"], row["recipient_id"], now)
        else:
            claimed.append(sending)
    return claimed


async def _end_lost(limit: int, now: datetime) -> None:
    """Sendings whose worker is gone, and those that must not be repeated any more."""
    found = await database.rows(
        """SELECT id, message_id, recipient_id, way, status, asked_at FROM message_sending
            WHERE next_attempt_at <= $1 AND (status = 'SENDING' OR status = 'WAITING' AND asked_at IS NOT NULL)
            ORDER BY next_attempt_at, id LIMIT $2 FOR UPDATE SKIP LOCKED""",
        now,
        limit,
    )
    for row in found:
        asked_at = row["asked_at"] and database.utc(row["asked_at"])
        if not may_repeat(MessageWay(row["way"]), asked_at, now):
            log.warning("sending %s: nobody knows whether it arrived; it is not sent again", row["id"])
            await _end(row["id"], SendingStatus.UNKNOWN, "no answer was recorded", now)
            await _skip_others(row["message_id"], row["recipient_id"], now)
        elif row["status"] == SendingStatus.SENDING:
            await database.rows("UPDATE message_sending SET status = 'WAITING' WHERE id = $1", row["id"])


async def _addressed(row: Any, keys: PhoneKeys, *, is_in_doubt: bool) -> ClaimedSending | None:
    """With what the message says, and where it goes. None: it goes nowhere any more."""
    message = await database.row(
        'SELECT public_id, member_id, template, "values" FROM message WHERE id = $1', row["message_id"]
    )
    assert message is not None
    way, template = MessageWay(row["way"]), templates.shelf().templates.get(message["template"])
    if template is None or not await is_still_told(row["recipient_id"], member_id=message["member_id"]):
        return None
    if await wants_it_no_more(row["recipient_id"], kind=template.kind, way=way):
        return None
    to = await _address(way, row["recipient_id"], template.form, keys)
    if to is None:
        return None
    appid, address = to
    return ClaimedSending(
        id=row["id"],
        message_id=message["public_id"],
        recipient_id=row["recipient_id"],
        way=way,
        template=template,
        values=orjson.loads(message["values"]),
        attempts=row["attempts"],
        is_in_doubt=is_in_doubt,
        appid=appid,
        address=address,
    )


async def _address(way: MessageWay, member_id: int, form: str, keys: PhoneKeys) -> tuple[str, str] | None:
    if way is MessageWay.SMS:
        return await _phone(member_id, keys)
    if way is MessageWay.SUBSCRIBE:
        found = await database.row(
            """UPDATE subscribe_quota SET left_count = left_count - 1
                WHERE id = (SELECT id FROM subscribe_quota
                             WHERE member_id = $1 AND template = $2 AND left_count > 0
                             ORDER BY asked_at DESC LIMIT 1 FOR UPDATE)
               RETURNING appid, openid""",
            member_id,
            form,
        )
    else:
        found = await database.row(
            """SELECT appid, openid FROM identity WHERE member_id = $1 AND door = 'OFFICIAL_ACCOUNT'
                ORDER BY id DESC LIMIT 1""",
            member_id,
        )
    return None if found is None else (found["appid"], found["openid"])


async def _phone(member_id: int, keys: PhoneKeys) -> tuple[str, str] | None:
    found = await database.row("SELECT sealed, seal_key_id FROM member_phone WHERE member_id = $1", member_id)
    if found is None:
        return None
    sealed = Sealed(found["seal_key_id"], bytes(found["sealed"]))
    try:
        return "", keys.sealing.open(sealed, table="member_phone", column="sealed", row=member_id)
    except CannotOpen:
        log.exception("the phone of member %s cannot be read", member_id)
        return None


# --- recording


@database.operation
async def record(
    *, sending: ClaimedSending, outcome: Outcome, outside_id: str = "", problem: str = "", now: datetime
) -> None:
    """Writes down what came of a claimed sending, and whose turn is next. What a slower worker says after its lease is
    over is not believed, except that the message was sent: that is a fact."""
    row = await database.row(
        "SELECT message_id, status, attempts, asked_at FROM message_sending WHERE id = $1 FOR UPDATE", sending.id
    )
    assert row is not None
    is_ours = row["status"] == SendingStatus.SENDING and row["attempts"] == sending.attempts
    if outcome is Outcome.SENT:
        await _end(sending.id, SendingStatus.SENT, "", now, outside_id=outside_id)
        await _skip_others(row["message_id"], sending.recipient_id, now)
    elif is_ours and (sending.is_in_doubt or outcome is Outcome.NOBODY_KNOWS):
        await _doubt(row, sending, outcome, problem, now)
    elif is_ours:
        await _not_sent(row["message_id"], sending, outcome, problem, now)


async def _doubt(row: Any, sending: ClaimedSending, outcome: Outcome, problem: str, now: datetime) -> None:
    """It may have arrived, now or before: repeated as long as that cannot be twice, and by no other way."""
    can_work = outcome in (Outcome.LATER, Outcome.NOBODY_KNOWS)
    again = next_attempt(sending.attempts, now) if can_work else None
    if again is not None and may_repeat(sending.way, database.utc(row["asked_at"]), again):
        await _wait(sending.id, again, problem, is_in_doubt=True)
        return
    log.warning("sending %s: nobody knows whether it arrived; it is not sent again", sending.id)
    await _end(sending.id, SendingStatus.UNKNOWN, problem, now)
    await _skip_others(row["message_id"], sending.recipient_id, now)


async def _not_sent(
    message_id: int, sending: ClaimedSending, outcome: Outcome, problem: str, now: datetime
) -> None:
    again = next_attempt(sending.attempts, now) if outcome is Outcome.LATER else None
    await _settle_consent(sending, wants_none=outcome is Outcome.NO_CONSENT, now=now)
    if again is not None:
        await _wait(sending.id, again, problem, is_in_doubt=False)
        return
    ended = SendingStatus.REFUSED if outcome is Outcome.NO_CONSENT else SendingStatus.GAVE_UP
    await _end(sending.id, ended, problem, now)
    await _next_way(message_id, sending.recipient_id, now)


async def _settle_consent(sending: ClaimedSending, *, wants_none: bool, now: datetime) -> None:
    """A consent that was not used is there again; WeChat knows better than we do whether there is none (43101)."""
    if sending.way is not MessageWay.SUBSCRIBE:
        return
    await database.rows(
        """UPDATE subscribe_quota SET left_count = CASE WHEN $4 THEN 0 ELSE left_count + 1 END,
                                      refused_at = CASE WHEN $4 THEN $5 ELSE refused_at END
            WHERE appid = $1 AND openid = $2 AND template = $3""",
        sending.appid,
        sending.address,
        sending.template.form,
        wants_none,
        now,
    )


async def _wait(sending_id: int, until: datetime, problem: str, *, is_in_doubt: bool) -> None:
    doubt = "" if is_in_doubt else ", asked_at = NULL"
    await database.rows(
        f"""UPDATE message_sending SET status = 'WAITING', next_attempt_at = $1, problem = $2{doubt}
             WHERE id = $3""",
        until,
        problem[:_LONGEST_PROBLEM],
        sending_id,
    )


_LONGEST_PROBLEM = 120  # of the column


async def _end(
    sending_id: int, status: SendingStatus, problem: str, now: datetime, *, outside_id: str = ""
) -> None:
    await database.rows(
        """UPDATE message_sending SET status = $1, problem = $2, finished_at = $3, next_attempt_at = NULL,
                                      outside_id = $4
            WHERE id = $5""",
        status.value,
        problem[:_LONGEST_PROBLEM],
        now,
        outside_id[:64],
        sending_id,
    )


async def _next_way(message_id: int, recipient_id: int, now: datetime) -> None:
    """It is the next way's turn; rows were written in the order of the ways."""
    await database.rows(
        """UPDATE message_sending SET next_attempt_at = $1
            WHERE id = (SELECT id FROM message_sending WHERE message_id = $2 AND recipient_id = $3
                           AND status = 'WAITING' AND next_attempt_at IS NULL ORDER BY id LIMIT 1)""",
        now,
        message_id,
        recipient_id,
    )


async def _skip_others(message_id: int, recipient_id: int, now: datetime) -> None:
    await database.rows(
        """UPDATE message_sending SET status = 'SKIPPED', finished_at = $1, next_attempt_at = NULL
            WHERE message_id = $2 AND recipient_id = $3 AND status = 'WAITING'""",
        now,
        message_id,
        recipient_id,
    )
