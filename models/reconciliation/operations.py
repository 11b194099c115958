"""What can happen to a day's statement and to what was found in it. Each is one short transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from models import database
from models.ids import new_id
from models.reconciliation import queries
from models.reconciliation.rules import (
    ASKED_ABOUT,
    MOST_ASKED,
    ONCE_MORE,
    OUTCOME_TEXTS,
    RETRY,
    UNFINISHED,
    WAS_SHORT,
    DiscrepancyDone,
    DiscrepancyKind,
    DiscrepancyStatus,
    DiscrepancyUnknown,
    Finding,
    Outcome,
    StatementStatus,
    checked_note,
    checked_outcome,
    due_at,
)
from models.reconciliation.tables import Discrepancy, DiscrepancyAct
from models.staff.rules import StaffSignedIn
from payments.port import EntryKind, RefundState, Statement

ROWS_AT_ONCE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedDay:
    """A statement that this worker alone fetches now. `scheduled_at` is when it should have been."""

    statement_id: int
    channel: str
    day: date
    scheduled_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A discrepancy about which the channel is asked, and how often that has been done."""

    discrepancy_id: int
    channel: str
    kind: DiscrepancyKind
    about: EntryKind
    about_no: str
    theirs_status: str
    asked: int


@database.operation
async def begin_days(*, channel: str, first: date, last: date) -> None:
    """Writes down that these days have to be reconciled. A day that is known already stays as it is."""
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        await database.rows(
            """INSERT INTO day_statement (channel, day, status, digest, entries, paid_fen, refunded_fen, fee_fen,
                                          attempts, next_attempt_at, last_problem)
               VALUES ($1, $2, $3, '', 0, 0, 0, 0, 0, $4, '') ON CONFLICT (channel, day) DO NOTHING""",
            channel,
            day,
            StatementStatus.WAITING.value,
            due_at(day),
        )


@database.operation
async def claim_day(*, channel: str, now: datetime) -> ClaimedDay | None:
    """The day of this channel that has waited longest, for this worker alone until RETRY has passed.

    So a worker that is killed over it, or a day that fails, needs nobody to put it back.
    """
    found = await database.row(
        """SELECT id, day, next_attempt_at FROM day_statement
            WHERE channel = $1 AND status <> 'MATCHED' AND next_attempt_at <= $2
            ORDER BY next_attempt_at, id LIMIT 1 FOR UPDATE SKIP LOCKED""",
        channel,
        now,
    )
    if found is None:
        return None
    await database.rows(
        "UPDATE day_statement SET attempts = attempts + 1, next_attempt_at = $2 WHERE id = $1",
        found["id"],
        now + RETRY,
    )
    return ClaimedDay(
        statement_id=found["id"],
        channel=channel,
        day=database.day(found["day"]),
        scheduled_at=database.utc(found["next_attempt_at"]),
    )


@database.operation
async def note_problem(*, statement_id: int, status: StatementStatus, problem: str) -> None:
    """Why a day is not matched yet, for staff. When it is tried again was said when it was claimed."""
    await database.rows(
        "UPDATE day_statement SET status = $2, last_problem = $3 WHERE id = $1 AND status <> 'MATCHED'",
        statement_id,
        status.value,
        problem[:200],
    )


@database.operation
async def record_match(
    *, statement_id: int, statement: Statement, findings: Sequence[Finding], now: datetime
) -> bool:
    """Writes down what a statement says and all that does not agree: everything or nothing, and once.

    False when another worker has done it.
    """
    locked = await database.row(
        "SELECT id FROM day_statement WHERE id = $1 AND status <> 'MATCHED' FOR UPDATE", statement_id
    )
    if locked is None:
        return False
    for start in range(0, len(findings), ROWS_AT_ONCE):
        await _write(statement_id, findings[start : start + ROWS_AT_ONCE], now)
    payments = [entry for entry in statement.entries if entry.kind is EntryKind.PAYMENT]
    refunds = [
        entry
        for entry in statement.entries
        if entry.kind is EntryKind.REFUND and entry.refund_state is not RefundState.CLOSED
    ]
    await database.rows(
        """UPDATE day_statement SET status = 'MATCHED', digest = $2, entries = $3, paid_fen = $4, refunded_fen = $5,
                  fee_fen = $6, matched_at = $7, next_attempt_at = NULL, last_problem = '' WHERE id = $1""",
        statement_id,
        statement.digest,
        len(statement.entries),
        sum([entry.amount_fen for entry in payments]),
        sum([entry.amount_fen for entry in refunds]),
        sum([entry.fee_fen for entry in statement.entries]),
        now,
    )
    return True


async def _write(statement_id: int, findings: Sequence[Finding], now: datetime) -> None:
    values: list[object] = []
    for finding in findings:
        values += [
            new_id("dsc"),
            statement_id,
            finding.kind.value,
            finding.about.value,
            finding.about_no,
            finding.channel_trade_no,
            finding.venue_id,
            finding.ours_fen,
            finding.theirs_fen,
            finding.ours_status,
            finding.theirs_status,
            DiscrepancyStatus.OPEN.value,
            now,
        ]
    width = len(values) // len(findings)
    places = ", ".join(
        f"({database.parameters(width, first=1 + width * number)})" for number in range(len(findings))
    )
    await database.rows(
        f"""INSERT INTO discrepancy (public_id, statement_id, kind, about, about_no, channel_trade_no, venue_id,
                                     ours_fen, theirs_fen, ours_status, theirs_status, status, found_at)
            VALUES {places} ON CONFLICT (statement_id, kind, about, about_no) DO NOTHING""",
        *values,
    )


async def questions(*, channel: str, limit: int, now: datetime) -> list[Question]:
    """About which discrepancies this channel is asked now: those that asking may repair, or staff learn from; the
    least asked first. Never those whose amounts differ, and none for ever: MOST_ASKED.

    A question reads and locks nothing; whoever asks the same at the same moment does it for nothing (`record_answer`).
    """
    unfinished = list(UNFINISHED)
    answered = (Outcome.CHANNEL_CONFIRMS, Outcome.CHANNEL_DENIES)
    found = await database.rows(
        f"""SELECT discrepancy.id, discrepancy.kind, discrepancy.about, discrepancy.about_no,
                   discrepancy.theirs_status, COUNT(act.id) AS asked
              FROM discrepancy
                   JOIN day_statement ON day_statement.id = discrepancy.statement_id
                   LEFT JOIN discrepancy_act act ON act.discrepancy_id = discrepancy.id AND act.staff_id IS NULL
             WHERE discrepancy.status = 'OPEN' AND day_statement.channel = $1 AND discrepancy.kind IN ($2, $3)
               AND (discrepancy.kind = $3 OR discrepancy.about = 'PAYMENT'
                    OR discrepancy.ours_status IN ({database.parameters(len(unfinished), first=9)}))
             GROUP BY discrepancy.id
            HAVING COUNT(act.id) < $4 AND (MAX(act.acted_at) IS NULL OR MAX(act.acted_at) <= $5)
               AND SUM(CASE WHEN act.outcome IN ($6, $7) THEN 1 ELSE 0 END) = 0
             ORDER BY COUNT(act.id), discrepancy.id LIMIT $8""",
        channel,
        *(kind.value for kind in ASKED_ABOUT),
        MOST_ASKED,
        now - RETRY,
        *(outcome.value for outcome in answered),
        limit,
        *unfinished,
    )
    return [
        Question(
            discrepancy_id=row["id"],
            channel=channel,
            kind=DiscrepancyKind(row["kind"]),
            about=EntryKind(row["about"]),
            about_no=row["about_no"],
            theirs_status=row["theirs_status"],
            asked=row["asked"],
        )
        for row in found
    ]


@database.operation
async def record_answer(*, question: Question, outcome: Outcome, note: str, now: datetime) -> bool:
    """Adds what came of asking. False when the discrepancy is done, or another worker asked meanwhile.

    Of what the channel confirms its own statement was short, and the day is held against another one in ONCE_MORE: what
    else the first one lacked only that can tell. What was found stays as it was found.
    """
    discrepancy = await Discrepancy.select_for_update().get(id=question.discrepancy_id)
    asked = await DiscrepancyAct.filter(discrepancy_id=discrepancy.id, staff_id=None).count()
    if discrepancy.status != DiscrepancyStatus.OPEN or asked != question.asked:
        return False
    await DiscrepancyAct.create(discrepancy_id=discrepancy.id, outcome=outcome, note=note, acted_at=now)
    if outcome is Outcome.REPAIRED_BY_QUERY:
        discrepancy.status = DiscrepancyStatus.REPAIRED
        await discrepancy.save(update_fields=["status"])
    if outcome is Outcome.CHANNEL_CONFIRMS:
        await database.rows(
            """UPDATE day_statement SET status = $2, next_attempt_at = $3, last_problem = $4
                WHERE id = $1 AND status = 'MATCHED'""",
            *(discrepancy.statement_id, StatementStatus.WAITING.value, now + ONCE_MORE, WAS_SHORT),
        )
    return True


async def resolve(
    *, clerk: StaffSignedIn, discrepancy_id: str, outcome: Outcome, note: str, now: datetime
) -> None:
    """A person says what a discrepancy was. The same again changes nothing; whoever said it may correct
    themselves, which adds another act, the last of which counts.

    Raises BAD_INPUT, DISCREPANCY_UNKNOWN where this person may not see it, and DISCREPANCY_RESOLVED when somebody
    else said otherwise or our own query has repaired it.
    """
    outcome, note = checked_outcome(outcome), checked_note(note)
    seen = await queries.discrepancy(clerk=clerk, discrepancy_id=discrepancy_id)
    if seen is None:
        raise DiscrepancyUnknown
    await _resolve(seen["id"], clerk.staff_id, outcome, note, now)


@database.operation
async def _resolve(discrepancy_id: int, staff_id: int, outcome: Outcome, note: str, now: datetime) -> None:
    discrepancy = await Discrepancy.select_for_update().get(id=discrepancy_id)
    if discrepancy.status == DiscrepancyStatus.REPAIRED:
        raise DiscrepancyDone("系统已向渠道查询，这条差错的账目已经一致。", next_step="无需再处理，请刷新列表。")
    last = (
        await DiscrepancyAct.filter(discrepancy_id=discrepancy_id, staff_id__not_isnull=True)
        .order_by("-id")
        .prefetch_related("staff")
        .first()
    )
    if last is not None:
        if last.outcome == outcome:
            return
        if last.staff_id != staff_id:
            assert last.staff is not None
            raise DiscrepancyDone(
                f"{last.staff.display_name}已把这条差错登记为“{OUTCOME_TEXTS[Outcome(last.outcome)]}”。",
                next_step="如有不同意见，请联系对方更正。",
            )
    await DiscrepancyAct.create(
        discrepancy_id=discrepancy_id, staff_id=staff_id, outcome=outcome, note=note, acted_at=now
    )
    discrepancy.status = DiscrepancyStatus.RESOLVED
    await discrepancy.save(update_fields=["status"])
