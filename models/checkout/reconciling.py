"""The daily reconciliation: statements fetched and held against our books, and repaired where asking can repair.

Nothing outside is waited for inside a transaction, and each step finds in the database what the one before it left, so
a run may be killed anywhere: an unmatched day is claimed again, an open discrepancy asked about again. What was matched
stays so: another run of the same day changes nothing.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from models.asyncpg_engine import DatabaseAway
from models.calendar import business_day
from models.checkout.paying import check_payment
from models.checkout.refunding import send_refund
from models.orders.tables import Payment
from models.reconciliation import operations, queries
from models.reconciliation.operations import ClaimedDay, Question
from models.reconciliation.rules import (
    LOOK_BACK,
    DiscrepancyKind,
    Finding,
    Key,
    Outcome,
    Stated,
    StatementStatus,
    agrees,
    is_a_day_later,
    match,
    other_days,
    stated,
    whole_days_late,
)
from payments.port import (
    EntryKind,
    PaymentChannel,
    PaymentError,
    PaymentState,
    RefundState,
    Statement,
    StatementNotReady,
)

log = logging.getLogger(__name__)

DAYS_A_RUN = 5
QUESTIONS_A_RUN = 100
NOT_READY = "渠道还没有生成这一天的对账单，系统会每半小时再取一次。"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one run did."""

    days: int = 0
    repaired: int = 0


async def reconcile_due(*, channels: Mapping[str, PaymentChannel], now: datetime) -> Reconciled:
    """Reconciles what is due, a few days of each channel at most; the next run goes on. Any number of workers may do
    this at once. A channel that fails keeps nobody waiting but itself."""
    days = repaired = 0
    for name, channel in channels.items():
        await _begin_closed_days(name, now)
        for _ in range(DAYS_A_RUN):
            claimed = await operations.claim_day(channel=name, now=now)
            if claimed is None:
                break
            days += await _reconcile(claimed, channel, now)
        for question in await operations.questions(channel=name, limit=QUESTIONS_A_RUN, now=now):
            repaired += await _ask(question, channels, now)
    return Reconciled(days, repaired)


async def _begin_closed_days(channel: str, now: datetime) -> None:
    """Every day that is over, from the first with a payment on."""
    yesterday = business_day(now) - timedelta(days=1)
    last = await queries.last_day(channel)
    if last is not None:
        first = last + timedelta(days=1)
    else:
        began_at = await queries.first_payment_at(channel)
        if began_at is None:
            return
        first = business_day(began_at)
    if first < yesterday - LOOK_BACK:
        log.error("%s: the days from %s on are too old to be reconciled", channel, first)
        first = yesterday - LOOK_BACK
    if first <= yesterday:
        await operations.begin_days(channel=channel, first=first, last=yesterday)


async def _reconcile(claimed: ClaimedDay, channel: PaymentChannel, now: datetime) -> bool:
    """Whether the day is matched now. Otherwise it says why, and when it is tried again stands already."""
    status = StatementStatus.FAILED
    try:
        statement = await channel.statement(claimed.day)
        findings = await _hold_against_books(claimed, channel, statement, now)
        return await operations.record_match(
            statement_id=claimed.statement_id, statement=statement, findings=findings, now=now
        )
    except DatabaseAway:
        raise
    except StatementNotReady:
        status, problem, why = StatementStatus.WAITING, NOT_READY, "not written yet"
    except PaymentError as error:
        problem, why = f"对账单没有取到（{error.code}），系统会每半小时再取一次。", str(error)
    except Exception as error:  # one day that nobody understands must not keep all the others waiting
        log.exception("%s: the statement of %s could not be matched", claimed.channel, claimed.day)
        problem, why = "对账时出现内部错误，系统会每半小时再试，请联系技术人员。", type(error).__name__
    await operations.note_problem(statement_id=claimed.statement_id, status=status, problem=problem)
    if is_a_day_later(claimed.day, scheduled_at=claimed.scheduled_at, now=now):
        days = whole_days_late(claimed.day, now)
        log.error("%s: the statement of %s is %s days late: %s", claimed.channel, claimed.day, days, why)
    else:
        log.warning("%s: no statement of %s yet: %s", claimed.channel, claimed.day, why)
    return False


async def _hold_against_books(
    claimed: ClaimedDay, channel: PaymentChannel, statement: Statement, now: datetime
) -> list[Finding]:
    """Read outside of the transaction that writes: a payment or refund that moves meanwhile only comes nearer to what
    the statement says, and the first question about it then finds that it agrees.

    That nothing happened on a day on which our books have money is believed only once it has been said for a whole day:
    a day is matched once, and the file that comes a little later would never be read.
    """
    theirs = await _stated(statement)
    expected = await queries.expected(claimed.channel, claimed.day)
    absent = {key: asked_at for key, asked_at in expected.items() if key not in theirs}
    missing = await _nowhere(absent, claimed.day, channel)
    if missing and not theirs and whole_days_late(claimed.day, now) < 1:
        raise StatementNotReady(f"{claimed.channel} lists nothing of {claimed.day}, and we have {len(missing)}")
    payments_of_refunds = {
        (EntryKind.PAYMENT, row.payment_no) for (about, _), row in theirs.items() if about is EntryKind.REFUND
    }
    ours = await queries.ours(claimed.channel, {*theirs, *payments_of_refunds, *missing})
    return await asyncio.to_thread(match, theirs, ours, sorted(missing))


async def _nowhere(absent: Mapping[Key, datetime], day: date, channel: PaymentChannel) -> set[Key]:
    """Which of these stand in none of the other statements in which they may. Each of those is fetched only when it is
    needed, and once. One that cannot be had makes the whole day wait, rather than accuse the channel."""
    days = {key: other_days(key[0], asked_at, day=day) for key, asked_at in absent.items()}
    missing, seen = set(absent), {day}
    while other := next((each for key in missing for each in days[key] if each not in seen), None):
        seen.add(other)
        missing -= (await _stated(await channel.statement(other))).keys()
    return missing


async def _stated(statement: Statement) -> dict[Key, Stated]:
    """Off the event loop: a hundred thousand rows take a while."""
    return await asyncio.to_thread(stated, statement.entries)


async def _ask(question: Question, channels: Mapping[str, PaymentChannel], now: datetime) -> bool:
    """Asks the channel about one discrepancy and records what came of it; whether that repaired it."""
    try:
        if question.kind is DiscrepancyKind.STATE_DIFFERS:
            outcome, note = await _repair(question, channels, now)
        else:
            outcome, note = await _confirm(question, channels[question.channel])
    except DatabaseAway:
        raise
    except PaymentError as error:
        log.warning("%s could not be asked about %s: %s", question.channel, question.about_no, error.code)
        outcome, note = Outcome.CHANNEL_SILENT, error.code
    except Exception as error:  # one discrepancy that nobody understands must not keep all the others waiting
        log.exception("the discrepancy about %s could not be looked into", question.about_no)
        outcome, note = Outcome.STILL_DIFFERENT, type(error).__name__
    recorded = await operations.record_answer(question=question, outcome=outcome, note=note, now=now)
    return recorded and outcome is Outcome.REPAIRED_BY_QUERY


async def _repair(
    question: Question, channels: Mapping[str, PaymentChannel], now: datetime
) -> tuple[Outcome, str]:
    """Asks as the sweeps of payments and refunds do, by the same functions; then our books speak for themselves."""
    if not await _agrees(question):
        if question.about is EntryKind.PAYMENT:
            payment = await Payment.get(payment_no=question.about_no)
            await check_payment(payment, channels=channels, now=now)
        else:
            await send_refund(refund_no=question.about_no, channels=channels, now=now)
    agreed = await _agrees(question)
    return (Outcome.REPAIRED_BY_QUERY if agreed else Outcome.STILL_DIFFERENT), await _status(question)


async def _agrees(question: Question) -> bool:
    return agrees(question.about, await _status(question), question.theirs_status)


async def _status(question: Question) -> str:
    key = (question.about, question.about_no)
    return (await queries.ours(question.channel, [key]))[key].status


async def _confirm(question: Question, channel: PaymentChannel) -> tuple[Outcome, str]:
    """Whether the channel, asked about this one, says the same as our books. Nothing of ours moves."""
    if question.about is EntryKind.PAYMENT:
        payment = await channel.query(question.about_no)
        confirms = payment is not None and payment.state in (PaymentState.SUCCEEDED, PaymentState.REFUNDED)
        said = payment.state.value if payment else ""
    else:
        key = (question.about, question.about_no)
        payment_no = (await queries.ours(question.channel, [key]))[key].payment_no
        refund = await channel.query_refund(question.about_no, payment_no)
        confirms = refund is not None and refund.state is RefundState.SUCCESS
        said = refund.state.value if refund else ""
    return (Outcome.CHANNEL_CONFIRMS if confirms else Outcome.CHANNEL_DENIES), said
