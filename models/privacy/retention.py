"""How long things are kept that nobody needs any more: data, and one pass over it in bounded batches.

docs/security.md shows the same table, and a test compares. What an age rests on stands in `why`; where no rule was
found it is ours, and the founder may change it here.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from models import database
from models.audit import operations as audit
from models.audit.rules import KEPT as AUDIT_KEPT
from models.keys import AuditKeys
from models.members import sign_ins, sms_codes
from models.members.code_rules import CODES_KEPT
from models.members.rules import SIGN_INS_KEPT
from models.privacy.rules import AgeRule
from models.real_names import binding
from models.real_names.rules import UNBOUND_KEPT
from models.risk.ranks import RANKS_KEPT

BATCH = 500
BATCHES_A_RUN = 20
"""Of one rule: the next run, an hour later, goes on."""

Purge = Callable[[AuditKeys, datetime, timedelta], Awaitable[int]]
"""Deletes one batch of what is older than the rule's age now, and tells how many rows; 0: nothing is left. A room that
purges by itself knows its age."""


@dataclass(frozen=True, kw_only=True)
class Rule(AgeRule):
    purge: Purge


def _rows(table: str, condition: str, *, by: str = "id", hanging: Sequence[tuple[str, str]] = ()) -> Purge:
    """`condition` says of one row, with $1 for the moment of the rule's age ago, that it may go. `by`: the column by whose
    index a large table is read from its oldest end. `hanging`: rows of these tables go with it, each by this column."""

    @database.operation
    async def purge(_keys: AuditKeys, now: datetime, age: timedelta) -> int:
        old = await database.rows(oldest(table, condition, by), now - age, BATCH)
        if not old:
            return 0
        ids = [row["id"] for row in old]
        listed = database.parameters(len(ids))
        for theirs, column in hanging:
            await database.rows(f"DELETE FROM {theirs} WHERE {column} IN ({listed}) RETURNING id", *ids)
        await database.rows(f"DELETE FROM {table} WHERE id IN ({listed}) RETURNING id", *ids)
        return len(ids)

    return purge


def oldest(table: str, condition: str, by: str) -> str:
    """The SQL for one batch of what may go."""
    return f"SELECT id FROM {table} WHERE {condition} ORDER BY {by} LIMIT $2"


DAY = timedelta(days=1)
SCANS_KEPT = 183 * DAY
UNREAD = "read_at IS NULL AND told_at <= $1"
_OVER = "(status <> 'OPEN' OR expires_at <= $1) AND made_at <= $1"

_ATTENDANCE = (
    _rows("attendance", "state <> 'EXPECTED' AND late_at <= $1"),
    _rows("booking_pause", "ends_at <= $1"),
    _rows("line_companion", "named_at <= $1"),
)


async def _attendances(keys: AuditKeys, now: datetime, age: timedelta) -> int:
    return sum([await purge(keys, now, age) for purge in _ATTENDANCE])


RULES: tuple[Rule, ...] = (
    Rule(
        name="sms_codes",
        what="SMS codes, and who asked for them",
        age=CODES_KEPT,
        why="floods are looked into within days",
        purge=lambda _keys, now, _age: sms_codes.purge_codes(now=now, batch=BATCH),
    ),
    Rule(
        name="tokens",
        what="hashes of tokens that have expired",
        age=timedelta(0),
        why="nothing can be done with them; a refresh token lives for 30 days",
        purge=lambda _keys, now, _age: sign_ins.purge_tokens(now=now, batch=BATCH),
    ),
    Rule(
        name="sign_ins",
        what="sign-ins that have ended",
        age=SIGN_INS_KEPT,
        why="网络安全法 21: logs for at least six months",
        purge=lambda _keys, now, _age: sign_ins.purge_sign_ins(now=now, batch=BATCH),
    ),
    Rule(
        name="staff_sign_ins",
        what="staff's sign-ins that are over, with their devices and addresses",
        age=SIGN_INS_KEPT,
        why="likewise",
        purge=_rows("staff_sign_in", "last_seen_at <= $1 AND (ended_at IS NULL OR ended_at <= $1)"),
    ),
    Rule(
        name="real_names",
        what="real names that no account has, questions to the authority, look-ups at desks",
        age=UNBOUND_KEPT,
        why="who comes back by another account is the same person; questions and look-ups half as long (ours)",
        purge=lambda _keys, now, _age: binding.purge(now=now, limit=BATCH),
    ),
    Rule(
        name="export_links",
        what="links to exports",
        age=30 * DAY,
        why="that somebody fetched the data is asked about within weeks (ours)",
        purge=_rows("export_link", "expires_at <= $1"),
    ),
    Rule(
        name="merge_codes",
        what="merge codes",
        age=30 * DAY,
        why="a merge that was not wanted is noticed within weeks (ours)",
        purge=_rows("merge_code", "expires_at <= $1"),
    ),
    Rule(
        name="merge_guesses",
        what="wrong merge codes",
        age=DAY,
        why="they count for an hour",
        purge=_rows("merge_guess", "guessed_at <= $1"),
    ),
    Rule(
        name="merge_moves",
        what="which rows a merge moved",
        age=30 * DAY,
        why="undone within a day; the merge itself stays as the trail (ours)",
        purge=_rows(
            "merge_move",
            "merge_id IN (SELECT id FROM merge WHERE undo_until <= $1)",
        ),
    ),
    Rule(
        name="messages",
        what="messages that were read",
        age=365 * DAY,
        why="orders keep what they were about (ours)",
        purge=_rows("message", "read_at <= $1", by="read_at", hanging=[("message_sending", "message_id")]),
    ),
    Rule(
        name="unread_messages",
        what="messages that nobody read",
        age=730 * DAY,
        why="who has not looked for so long does not (ours)",
        purge=_rows("message", UNREAD, by="told_at", hanging=[("message_sending", "message_id")]),
    ),
    Rule(
        name="invitations",
        what="invitations that were answered, withdrawn or have expired",
        age=180 * DAY,
        why="the relation has its own row (ours)",
        purge=_rows("invitation", _OVER),
    ),
    Rule(
        name="organisation_invitations",
        what="organisations' invitations, likewise",
        age=180 * DAY,
        why="the membership has its own row (ours)",
        purge=_rows("organisation_invitation", _OVER),
    ),
    Rule(
        name="attendances",
        what="whether somebody came, pauses of booking with their appeals, who was named as a companion",
        age=730 * DAY,
        why="rules look back a year at most; what was appealed may be asked about as long again (ours)",
        purge=_attendances,
    ),
    Rule(
        name="waiting_lists",
        what="places in lines that have ended",
        age=180 * DAY,
        why="what became of it is an order (ours)",
        purge=_rows("waiting_entry", "ended_at <= $1"),
    ),
    Rule(
        name="series",
        what="series of weekly bookings, with who was named on them and what became of their dates",
        age=730 * DAY,
        why="each lasts a year at most, and what was booked is an order (ours)",
        purge=_rows(
            "booking_series",
            "asked_at <= $1",
            hanging=[("series_date", "series_id"), ("series_companion", "series_id")],
        ),
    ),
    Rule(
        name="group_requests",
        what="what groups asked of venues, and the answers",
        age=730 * DAY,
        why="may be asked about like an appeal; what was allowed is an order (ours)",
        purge=_rows("group_request", "asked_at <= $1"),
    ),
    Rule(
        name="voucher_passes",
        what="passes of vouchers for desks that are offline",
        age=SCANS_KEPT,
        why="a queue that comes in later than that is nobody's (ours)",
        purge=_rows("voucher_pass", "valid_until <= $1", by="valid_until"),
    ),
    Rule(
        name="voucher_scans",
        what="scans of vouchers at desks, with what the desk was answered",
        age=SCANS_KEPT,
        why="网络安全法 21: logs for at least six months; the write-off itself has its own row",
        purge=_rows("voucher_scan", "scanned_at <= $1", by="scanned_at"),
    ),
    Rule(
        name="risk_ranks",
        what="risk ranks that WeChat gave people",
        age=RANKS_KEPT,
        why="a use is judged within days, and its score keeps the number it was judged by (ours)",
        purge=_rows("wechat_risk_rank", "asked_at <= $1", by="asked_at"),
    ),
    Rule(
        name="sealed_records",
        what="who a deleted member was, past `keep_until`",
        age=timedelta(0),
        why="电子商务法 31: three years after the last trade, then destroyed",
        purge=_rows("sealed_record", "keep_until <= $1"),
    ),
    Rule(
        name="audit_lines",
        what="audit lines",
        age=AUDIT_KEPT,
        why="网络安全法 21: at least six months",
        purge=lambda keys, now, _age: audit.cut_old(keys=keys, now=now),
    ),
)


async def purge_old(*, keys: AuditKeys, now: datetime) -> Mapping[str, int]:
    """One pass; gives how many rows went by each rule. May be stopped and run again: what is due is found anew."""
    return {rule.name: await _run(rule, keys, now) for rule in RULES}


async def _run(rule: Rule, keys: AuditKeys, now: datetime) -> int:
    gone = 0
    for _ in range(BATCHES_A_RUN):
        batch = await rule.purge(keys, now, rule.age)
        gone += batch
        if batch == 0:
            break
    return gone
