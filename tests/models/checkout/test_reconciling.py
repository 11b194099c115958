"""The daily reconciliation: what a statement and our books do not agree on is found once, and repaired where asking can."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import database
from models.checkout import reconciling
from models.checkout.reconciling import Reconciled, reconcile_due
from models.orders.tables import FinanceEvent, Payment, Refund
from models.reconciliation import operations
from models.reconciliation.operations import Question
from models.reconciliation.rules import MOST_ASKED, RETRY, DiscrepancyKind, Outcome
from models.reconciliation.tables import DayStatement, Discrepancy, DiscrepancyAct
from payments.port import EntryKind, PaymentError, PaymentState, RefundState, StatementEntry
from tests.databases import Database
from tests.factories.booking import (
    a_hall,
    a_paid_order,
    a_person,
    an_order,
    at,
    invoke_alipay,
    invoke_payment,
    wanted,
)
from tests.house import contents, nothing_changes
from tests.models.reconciliation.books import (
    CHANNEL,
    DAY,
    DUE,
    Bills,
    Books,
    found,
    known,
    known_refund,
    on,
    row_of,
    row_of_refund,
    some_books,
)
from tests.outside import AlipayHouse, Outside, Stage

HOUR = timedelta(hours=1)
DAY_LONG = timedelta(days=1)
AWAY = PaymentError("SYSTEM_ERROR", "try later", may_have_happened=False, retryable=True)


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
async def books(db: Database) -> Books:
    return await some_books()


@pytest.fixture
def bills() -> Bills:
    return Bills()


async def the_discrepancy() -> Discrepancy:
    (only,) = await Discrepancy.all()
    return only


async def outcomes() -> list[str]:
    return [act.outcome for act in await DiscrepancyAct.all().order_by("id")]


# what is found

BOOKED = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["SETTLED", "SURPLUS", "WAITING", "INTENDED", "ABANDONED", "CLOSED"]),
        "minute": st.integers(60, 22 * 60),
        "what": st.sampled_from(["nothing", "row lost", "amount", "listed though unpaid", "twice"]),
        "refund": st.sampled_from([None, "SUCCESS", "PROCESSING", "CLOSED", "ABNORMAL"]),
        "refund_what": st.sampled_from(["nothing", "row lost", "amount", "done", "of another payment"]),
    }
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(booked=st.lists(BOOKED, max_size=6), strangers=st.integers(1, 3))
async def test_whatever_is_wrong_with_a_statement_exactly_that_is_found_and_nothing_the_second_time(
    db: Database, booked: list[dict[str, Any]], strangers: int
) -> None:
    await db.clean()
    books, bills, expected = await some_books(), Bills(), set()
    await books.payment(paid_at=on(12, days=-1))  # so that there is a first day
    bills.lists(row_of(await Payment.get()), days=-1)
    for each in booked:
        rows, wrong = await mutilated(books, each)
        bills.lists(*rows)
        expected |= wrong
    for number in range(strangers):
        bills.lists(row_of(await Payment.first(), payment_no=f"X{number}"))  # type: ignore[arg-type]
        expected.add(("MISSING_HERE", "PAYMENT", f"X{number}"))
    done = await reconcile_due(channels=bills.channels(), now=DUE)
    assert done.days == 2
    assert await found() == expected
    async with nothing_changes():
        assert await reconcile_due(channels=bills.channels(), now=DUE + timedelta(minutes=5)) == Reconciled()


async def mutilated(books: Books, each: dict[str, Any]) -> tuple[list[StatementEntry], set[tuple[str, str, str]]]:
    """One payment with its refund, their rows as the example wants them, and what has to be found."""
    paid_at = on(0) + timedelta(minutes=each["minute"])
    payment = await books.payment(status=each["status"], paid_at=paid_at)
    is_paid, what, rows, wrong = payment.paid_at is not None, each["what"], [], set()
    row = row_of(payment)
    if is_paid or what == "listed though unpaid":
        rows = {"row lost": [], "twice": [row, row], "amount": [row_of(payment, amount_fen=3999)]}.get(what, [row])
        if kind := (
            {"row lost": "MISSING_THERE", "twice": "AMOUNT_DIFFERS", "amount": "AMOUNT_DIFFERS"}.get(what)
            if is_paid
            else "STATE_DIFFERS"
        ):
            wrong.add((kind, "PAYMENT", payment.payment_no))
    if is_paid and each["refund"]:
        refund = await books.refund(payment, status=each["refund"], finished_at=paid_at + HOUR / 2)
        theirs = "ABNORMAL" if each["refund"] == "PROCESSING" else each["refund"]
        row, kind = row_of_refund(payment, refund, refund_state=RefundState(theirs)), None
        match each["refund_what"]:
            case "nothing":
                rows.append(row)
            case "row lost":
                kind = "MISSING_THERE" if refund.status == "SUCCESS" else None
            case "amount":
                rows.append(row_of_refund(payment, refund, amount_fen=999))
                kind = "AMOUNT_DIFFERS"
            case "done":
                rows.append(row_of_refund(payment, refund))
                kind = "STATE_DIFFERS" if refund.status != "SUCCESS" else None
            case "of another payment":
                rows.append(row_of_refund(payment, refund, payment_no="P-OTHER"))
                kind = "MISSING_HERE"
        if kind:
            wrong.add((kind, "REFUND", refund.refund_no))
    return rows, wrong


async def test_a_days_figures_are_those_of_its_statement(books: Books, bills: Bills) -> None:
    payment = await books.payment()
    refund = await books.refund(payment)
    bills.lists(row_of(payment), row_of_refund(payment, refund, fee_fen=-6))
    await reconcile_due(channels=bills.channels(), now=DUE)
    day = await DayStatement.get()
    assert (day.channel, day.day, day.status, day.digest) == (CHANNEL, DAY, "MATCHED", "d" * 64)
    assert (day.entries, day.paid_fen, day.refunded_fen, day.fee_fen) == (2, 4000, 1000, 18)
    assert (day.attempts, day.next_attempt_at, day.matched_at) == (1, None, DUE)


async def test_a_discrepancy_tells_both_sides_and_whose_venue_it_is(books: Books, bills: Bills) -> None:
    payment = await books.payment()
    bills.lists(row_of(payment, amount_fen=1), row_of(payment, payment_no="X1", channel_trade_no="4200X"))
    await reconcile_due(channels=bills.channels(), now=DUE)
    ours, strange = await Discrepancy.all().order_by("kind")
    assert (ours.kind, ours.ours_fen, ours.theirs_fen, ours.venue_id) == (
        "AMOUNT_DIFFERS",
        4000,
        1,
        books.venue.id,
    )
    assert (ours.ours_status, ours.theirs_status, ours.status) == ("SETTLED", "SUCCEEDED", "OPEN")
    assert (strange.kind, strange.ours_fen, strange.theirs_fen) == ("MISSING_HERE", None, 4000)
    assert (strange.venue_id, strange.channel_trade_no) == (None, "4200X")


async def test_a_refund_that_we_never_made_belongs_to_the_venue_of_its_payment(books: Books, bills: Bills) -> None:
    payment = await books.payment()
    made_there = row_of_refund(payment, await books.refund(payment), refund_no="BY-HAND-1")
    bills.lists(row_of(payment), row_of_refund(payment, await Refund.get()), made_there)
    await reconcile_due(channels=bills.channels(), now=DUE)
    one = await the_discrepancy()
    assert (one.kind, one.about, one.about_no, one.venue_id) == (
        "MISSING_HERE",
        "REFUND",
        "BY-HAND-1",
        books.venue.id,
    )


async def test_what_was_paid_near_midnight_is_looked_for_in_both_days(books: Books, bills: Bills) -> None:
    listed_today = await books.payment(paid_at=on(23, 59))
    listed_tomorrow = await books.payment(paid_at=on(23, 59))
    nowhere = await books.payment(paid_at=on(23, 59))
    bills.lists(row_of(listed_today))
    bills.lists(row_of(listed_tomorrow), days=1)
    await reconcile_due(channels=bills.channels(), now=DUE)
    assert await found() == set()  # the next day's statement is not written yet
    await reconcile_due(channels=bills.channels(), now=DUE + DAY_LONG)
    assert await found() == {("MISSING_THERE", "PAYMENT", nowhere.payment_no)}


async def test_a_refund_may_stand_in_the_statement_of_the_day_on_which_it_was_asked_for(
    books: Books, bills: Bills
) -> None:
    payment = await books.payment(paid_at=on(12, days=-3))
    arrived_late = await books.refund(payment, created_at=on(13, days=-3))
    bills.lists(
        row_of(payment), row_of_refund(payment, arrived_late, refund_state=RefundState.PROCESSING), days=-3
    )
    await reconcile_due(channels=bills.channels(), now=DUE)
    assert await found() == set()
    assert bills.fetched.count(DAY - 3 * DAY_LONG) == 2
    assert await DayStatement.filter(status="MATCHED").count() == 4


async def test_a_neighbour_that_cannot_be_had_makes_the_day_wait_rather_than_accuse_the_channel(
    books: Books, bills: Bills
) -> None:
    await books.payment(paid_at=on(0, 1))
    bills.lists(row_of(await books.payment()))
    bills.is_not_ready(days=-1)
    await reconcile_due(channels=bills.channels(), now=DUE)
    assert await found() == set()
    assert (await DayStatement.get(day=DAY)).status == "WAITING"
    bills.failures.clear()
    await reconcile_due(channels=bills.channels(), now=DUE + RETRY)
    assert len(await found()) == 1


async def test_that_nothing_happened_on_a_day_with_money_is_believed_only_after_a_whole_day(
    books: Books, bills: Bills
) -> None:
    """The channel says that there is no statement, and writes it an hour later. A day is matched once."""
    payment = await books.payment()
    await reconcile_due(channels=bills.channels(), now=DUE)
    assert (await found(), (await DayStatement.get(day=DAY)).status) == (set(), "WAITING")
    bills.lists(row_of(payment), row_of(payment, payment_no="X1"))
    await reconcile_due(channels=bills.channels(), now=DUE + HOUR)
    assert await found() == {("MISSING_HERE", "PAYMENT", "X1")}

    lost = await books.payment(paid_at=on(12, days=1))
    for hours in (0, 23):
        await reconcile_due(channels=bills.channels(), now=DUE + DAY_LONG + hours * HOUR)
        assert len(await found()) == 1
    await reconcile_due(channels=bills.channels(), now=DUE + 2 * DAY_LONG)
    assert ("MISSING_THERE", "PAYMENT", lost.payment_no) in await found()


async def test_money_taken_by_hand_and_other_channels_have_no_part_in_it(books: Books, bills: Bills) -> None:
    await books.payment(channel="CASH")
    await books.payment(channel="ALIPAY")
    assert await reconcile_due(channels=bills.channels(), now=DUE) == Reconciled()
    assert not await DayStatement.exists()
    ours = await books.payment()
    bills.lists(row_of(ours), row_of(await Payment.get(channel="CASH")))
    await reconcile_due(channels=bills.channels(), now=DUE)
    assert {kind for kind, _, _ in await found()} == {
        "MISSING_HERE"
    }  # a number, but not one given to this channel


async def test_many_rows_are_matched_some_hundreds_at_a_time(
    books: Books, bills: Bills, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = await books.payment()
    bills.lists(row_of(payment), *(row_of(payment, payment_no=f"X{number:05d}") for number in range(2500)))
    asked, genuine = [], database.rows

    async def counted(sql: str, *values: Any) -> Any:
        asked.append(len(values))
        return await genuine(sql, *values)

    monkeypatch.setattr(database, "rows", counted)
    await reconcile_due(channels=bills.channels(), now=DUE)
    assert len(await found()) == 2500
    assert len(asked) < 80
    assert max(asked) < 999


# when it is asked for


async def test_a_day_is_asked_for_at_ten_the_next_morning_and_not_before(books: Books, bills: Bills) -> None:
    bills.lists(row_of(await books.payment()))
    for now in (on(23), on(0, 5, days=1), DUE - timedelta(seconds=1)):
        assert (await reconcile_due(channels=bills.channels(), now=now)).days == 0
    assert bills.fetched == []
    assert (await reconcile_due(channels=bills.channels(), now=DUE)).days == 1


async def test_a_late_statement_is_asked_for_every_half_hour_said_aloud_once_a_day_and_never_given_up(
    books: Books, bills: Bills, caplog: pytest.LogCaptureFixture
) -> None:
    bills.lists(row_of(await books.payment()))
    bills.is_not_ready()
    now = DUE
    while now < DUE + 2 * DAY_LONG + HOUR:
        await reconcile_due(channels=bills.channels(), now=now)
        now += timedelta(minutes=5)
    assert bills.fetched.count(DAY) == 2 * 49
    aloud = [each.message for each in caplog.records if each.levelno >= logging.ERROR]
    assert [message.split(":")[1] for message in aloud] == [
        " the statement of 2026-11-20 is 1 days late",
        " the statement of 2026-11-20 is 2 days late",
    ]
    day = await DayStatement.get(day=DAY)
    assert (day.status, day.last_problem[-1]) == ("WAITING", "。")
    bills.failures.clear()
    await reconcile_due(channels=bills.channels(), now=now + RETRY)
    day = await DayStatement.get(day=DAY)
    assert (day.status, day.last_problem, day.next_attempt_at) == ("MATCHED", "", None)


@pytest.mark.parametrize("failure", [AWAY, ValueError("odd")])
async def test_a_day_that_fails_keeps_no_other_waiting_and_is_tried_again(
    books: Books, bills: Bills, failure: Exception
) -> None:
    bills.lists(row_of(await books.payment()))
    bills.lists(row_of(await books.payment(paid_at=on(12, days=1))), days=1)
    bills.failures[DAY] = failure
    now = DUE + DAY_LONG
    await reconcile_due(channels=bills.channels(), now=now)
    statuses = {each.day: each.status for each in await DayStatement.all()}
    assert statuses == {DAY: "FAILED", DAY + DAY_LONG: "MATCHED"}
    problem = (await DayStatement.get(day=DAY)).last_problem
    assert problem.endswith("。")
    assert "odd" not in problem
    bills.failures.clear()
    assert (await reconcile_due(channels=bills.channels(), now=now + RETRY)).days == 1


async def test_a_house_that_was_away_for_long_begins_no_older_day_and_says_so(
    books: Books, bills: Bills, caplog: pytest.LogCaptureFixture
) -> None:
    await books.payment(paid_at=on(12, days=-90))
    await reconcile_due(channels=bills.channels(), now=DUE)
    assert await DayStatement.all().count() == 41
    assert "too old to be reconciled" in caplog.text
    for number in range(1, 9):
        await reconcile_due(channels=bills.channels(), now=DUE + number * timedelta(minutes=5))
    assert not await DayStatement.exclude(status="MATCHED").exists()


# what is repaired


async def test_a_payment_whose_notice_was_lost_is_settled_by_asking(books: Books, bills: Bills) -> None:
    payment = await books.payment(status="CLOSED")
    bills.lists(row_of(payment))
    bills.payments[payment.payment_no] = known(payment)
    assert await reconcile_due(channels=bills.channels(), now=DUE) == Reconciled(days=1, repaired=1)
    paid = await Payment.get()
    assert (paid.status, paid.paid_at) == ("SURPLUS", on(12))  # its hold ended: the money goes back
    assert [refund.status for refund in await Refund.all()] == ["INTENDED"]
    assert (await the_discrepancy()).status == "REPAIRED"
    assert await outcomes() == ["REPAIRED_BY_QUERY"]
    async with nothing_changes():
        await reconcile_due(channels=bills.channels(), now=DUE + HOUR)


async def test_a_refund_that_arrived_unnoticed_is_recorded_by_asking(books: Books, bills: Bills) -> None:
    payment = await books.payment()
    refund = await books.refund(payment, status="PROCESSING")
    bills.lists(row_of(payment), row_of_refund(payment, refund))
    bills.refunds[refund.refund_no] = known_refund(payment, refund)
    await reconcile_due(channels=bills.channels(), now=DUE)
    assert ((await Refund.get()).status, (await the_discrepancy()).status) == ("SUCCESS", "REPAIRED")
    assert [entry.kind for entry in await FinanceEvent.all()] == ["REFUNDED"]


async def test_a_refund_that_is_closed_here_and_done_there_is_left_to_staff(books: Books, bills: Bills) -> None:
    payment = await books.payment()
    refund = await books.refund(payment, status="CLOSED")
    bills.lists(row_of(payment), row_of_refund(payment, refund))
    await reconcile_due(channels=bills.channels(), now=DUE)
    assert (await the_discrepancy()).kind == "STATE_DIFFERS"
    assert (bills.asked, await outcomes()) == ([], [])


async def test_amounts_that_differ_and_numbers_that_are_not_ours_are_never_repaired(
    books: Books, bills: Bills
) -> None:
    payment = await books.payment(status="WAITING")
    bills.lists(row_of(payment, amount_fen=1), row_of(payment, payment_no="X1"))
    bills.payments[payment.payment_no] = known(payment)
    for hours in range(3):
        await reconcile_due(channels=bills.channels(), now=DUE + hours * HOUR)
    assert bills.asked == []
    assert {each.status for each in await Discrepancy.all()} == {"OPEN"}
    assert (await Payment.get()).status == "WAITING"


async def test_asking_again_has_an_end_and_the_discrepancy_stays_for_staff(books: Books, bills: Bills) -> None:
    payment = await books.payment(status="WAITING")
    bills.lists(row_of(payment))
    bills.payments[payment.payment_no] = known(payment, state=PaymentState.PENDING)
    for step in range(6 * 24):
        await reconcile_due(channels=bills.channels(), now=DUE + step * timedelta(minutes=5))
    assert await outcomes() == ["STILL_DIFFERENT"] * MOST_ASKED
    assert len(bills.asked) == MOST_ASKED
    assert (await the_discrepancy()).status == "OPEN"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (PaymentState.SUCCEEDED, "CHANNEL_CONFIRMS"),
        (PaymentState.CLOSED, "CHANNEL_DENIES"),
        (None, "CHANNEL_DENIES"),
    ],
)
async def test_of_money_that_no_statement_lists_the_channel_is_asked_once_and_staff_decide(
    books: Books, bills: Bills, answer: PaymentState | None, expected: str
) -> None:
    payment = await books.payment()
    bills.lists(row_of(await books.payment()))
    if answer:
        bills.payments[payment.payment_no] = known(payment, state=answer)
    for hours in range(3):
        await reconcile_due(channels=bills.channels(), now=DUE + hours * HOUR)
    assert await outcomes() == [expected]
    assert (await the_discrepancy()).status == "OPEN"
    assert (await Payment.get(id=payment.id)).status == "SETTLED"


async def test_a_statement_that_the_channel_itself_shows_to_be_short_is_read_once_more_a_day_later(
    books: Books, bills: Bills
) -> None:
    """Of two versions the first lacks two payments. One we have; of the other, paid after all, we never heard."""
    listed, late, unheard = await books.payment(), await books.payment(), await books.payment(status="CLOSED")
    bills.lists(row_of(listed))
    bills.payments[late.payment_no] = known(late)
    await reconcile_due(channels=bills.channels(), now=DUE)
    assert await outcomes() == ["CHANNEL_CONFIRMS"]
    bills.lists(row_of(late), row_of(unheard))
    await reconcile_due(channels=bills.channels(), now=DUE + HOUR)
    first = {("MISSING_THERE", "PAYMENT", late.payment_no)}
    assert await found() == first
    for days in (1, 2, 3):
        await reconcile_due(channels=bills.channels(), now=DUE + days * DAY_LONG)
        assert await found() == first | {("STATE_DIFFERS", "PAYMENT", unheard.payment_no)}
    day = await DayStatement.get(day=DAY)
    assert (day.status, day.entries, day.last_problem, bills.fetched.count(DAY)) == ("MATCHED", 3, "", 2)


async def test_of_a_refund_that_no_statement_lists_too(books: Books, bills: Bills) -> None:
    payment = await books.payment()
    refund = await books.refund(payment)
    bills.lists(row_of(payment))
    bills.refunds[refund.refund_no] = AWAY
    await reconcile_due(channels=bills.channels(), now=DUE)
    bills.refunds[refund.refund_no] = known_refund(payment, refund)
    await reconcile_due(channels=bills.channels(), now=DUE + HOUR)
    assert await outcomes() == ["CHANNEL_SILENT", "CHANNEL_CONFIRMS"]
    assert (await the_discrepancy()).status == "OPEN"


async def test_what_came_right_by_itself_is_not_asked_about(books: Books, bills: Bills) -> None:
    payment = await books.payment(status="WAITING")
    bills.lists(row_of(payment))
    bills.payments[payment.payment_no] = known(payment, state=PaymentState.PENDING)
    await reconcile_due(channels=bills.channels(), now=DUE)
    await Payment.all().update(status="SETTLED", paid_at=on(12))  # its notice came after all
    await reconcile_due(channels=bills.channels(), now=DUE + HOUR)
    assert await outcomes() == ["STILL_DIFFERENT", "REPAIRED_BY_QUERY"]
    assert len(bills.asked) == 1


# by the channels' own statements


@pytest.fixture
async def alipay(stage: Stage, outside: Outside) -> AsyncIterator[AlipayHouse]:
    async with stage.alipay(outside) as house:
        yield house


async def test_both_channels_real_statements_of_a_day_lead_to_the_same_books(
    db: Database, outside: Outside, alipay: AlipayHouse, now: datetime
) -> None:
    hall = await a_hall()
    told = await a_paid_order(outside, await a_person(), wanted(hall.full, at(9, days=2)))
    hidden = await a_paid_order(outside, await a_person(), wanted(hall.full, at(10, days=2)))
    untold, by_alipay = await a_person(), await a_person()
    order = await an_order(untold, wanted(hall.full, at(11, days=2)))
    await outside.pay(await invoke_payment(outside, order, untold))
    other = await an_order(by_alipay, wanted(hall.full, at(12, days=2)))
    await alipay.pay(await invoke_alipay(outside, other, by_alipay))
    nos = {each.order_id: each.payment_no for each in await Payment.all()}
    await outside.switch_on(
        statement_hides=[nos[hidden.id]], statement_adds=[{"out_trade_no": "OLDSYSTEM1", "total_fen": 500}]
    )
    await outside.travel(DUE)
    assert await reconcile_due(channels=outside.channels, now=DUE) == Reconciled(days=2, repaired=2)
    assert {(each.kind, each.about_no, each.status) for each in await Discrepancy.all()} == {
        ("MISSING_THERE", nos[hidden.id], "OPEN"),
        ("MISSING_HERE", "OLDSYSTEM1", "OPEN"),
        ("STATE_DIFFERS", nos[order.id], "REPAIRED"),
        ("STATE_DIFFERS", nos[other.id], "REPAIRED"),
    }
    assert sorted(await outcomes()) == ["CHANNEL_CONFIRMS", "REPAIRED_BY_QUERY", "REPAIRED_BY_QUERY"]
    assert {each.status for each in await Payment.all()} == {"SETTLED"}
    assert await Payment.filter(order_id=told.id).count() == 1
    days = {each.channel: each for each in await DayStatement.all()}
    assert (days["ALIPAY"].status, days["WECHAT_PAY"].status) == ("MATCHED", "WAITING")  # that one was short
    assert (days["ALIPAY"].entries, days["ALIPAY"].paid_fen) == (1, 4000)
    async with nothing_changes():
        assert await reconcile_due(channels=outside.channels, now=DUE + HOUR) == Reconciled()


# who is killed, and who is not alone

STEPS = [
    (operations, "claim_day"),
    (reconciling, "match"),
    (operations, "record_match"),
    (operations, "questions"),
    (reconciling, "check_payment"),
    (operations, "record_answer"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("module", "step"), STEPS, ids=[name for _, name in STEPS])
async def test_a_process_that_is_killed_at_any_step_loses_half_an_hour_and_nothing_else(
    books: Books, bills: Bills, monkeypatch: pytest.MonkeyPatch, module: Any, step: str, when: str
) -> None:
    lost, paid = await books.payment(status="CLOSED"), await books.payment()
    bills.lists(row_of(lost), row_of(paid), row_of(paid, payment_no="X1"))
    bills.payments[lost.payment_no] = known(lost)
    genuine = getattr(module, step)

    async def killed(*args: Any, **kwargs: Any) -> Any:
        if when == "after":
            await genuine(*args, **kwargs)
        raise Killed

    def killed_in_a_thread(*args: Any) -> Any:
        raise Killed

    monkeypatch.setattr(module, step, killed_in_a_thread if step == "match" else killed)
    with pytest.raises(Killed):
        await reconcile_due(channels=bills.channels(), now=DUE)
    monkeypatch.undo()
    await reconcile_due(channels=bills.channels(), now=DUE + RETRY)
    assert (await DayStatement.get()).status == "MATCHED"
    assert await found() == {("STATE_DIFFERS", "PAYMENT", lost.payment_no), ("MISSING_HERE", "PAYMENT", "X1")}
    assert (await Discrepancy.get(about_no=lost.payment_no)).status == "REPAIRED"
    assert await outcomes() == ["REPAIRED_BY_QUERY"]
    assert await Refund.all().count() == 1
    before = await contents()
    await reconcile_due(channels=bills.channels(), now=DUE + 2 * RETRY)
    assert await contents() == before


@pytest.mark.postgres
async def test_workers_at_the_same_moment_do_it_once(books: Books, bills: Bills) -> None:
    lost, paid = await books.payment(status="CLOSED"), await books.payment()
    bills.lists(row_of(lost), row_of(paid, amount_fen=1))
    bills.payments[lost.payment_no] = known(lost)
    done = await asyncio.gather(*(reconcile_due(channels=bills.channels(), now=DUE) for _ in range(8)))
    assert sum(each.days for each in done) == 1
    assert bills.fetched == [DAY]
    await asyncio.gather(*(reconcile_due(channels=bills.channels(), now=DUE + HOUR) for _ in range(8)))
    assert len(await found()) == 2
    assert (await outcomes()).count("REPAIRED_BY_QUERY") == 1
    assert await Refund.all().count() == 1


@pytest.mark.postgres
async def test_two_who_have_the_same_statement_or_the_same_answer_write_it_once(
    books: Books, bills: Bills
) -> None:
    """Should a claim have run out while its worker still lives."""
    payment = await books.payment(status="WAITING")
    bills.lists(row_of(payment), row_of(payment, payment_no="X1"))
    await reconciling._begin_closed_days(CHANNEL, DUE)
    claimed = await operations.claim_day(channel=CHANNEL, now=DUE)
    assert claimed is not None
    channel = bills.channels()[CHANNEL]
    done = await asyncio.gather(*(reconciling._reconcile(claimed, channel, DUE) for _ in range(6)))
    assert sorted(done) == [False] * 5 + [True]
    assert await Discrepancy.all().count() == 2
    (question,) = await operations.questions(channel=CHANNEL, limit=9, now=DUE)
    answers = [
        operations.record_answer(question=question, outcome=outcome, note="", now=DUE)
        for outcome in (Outcome.STILL_DIFFERENT, Outcome.CHANNEL_SILENT, Outcome.REPAIRED_BY_QUERY)
    ]
    assert sorted(await asyncio.gather(*answers)) == [False, False, True]
    assert await DiscrepancyAct.all().count() == 1


async def test_an_answer_to_what_staff_have_resolved_meanwhile_is_not_written(books: Books, bills: Bills) -> None:
    bills.lists(row_of(await books.payment(status="WAITING")))
    await reconciling._begin_closed_days(CHANNEL, DUE)
    claimed = await operations.claim_day(channel=CHANNEL, now=DUE)
    assert claimed is not None
    await reconciling._reconcile(claimed, bills.channels()[CHANNEL], DUE)
    await Discrepancy.all().update(status="RESOLVED")
    one = await the_discrepancy()
    question = Question(
        discrepancy_id=one.id,
        channel=CHANNEL,
        kind=DiscrepancyKind.STATE_DIFFERS,
        about=EntryKind.PAYMENT,
        about_no=one.about_no,
        theirs_status="SUCCEEDED",
        asked=0,
    )
    async with nothing_changes():
        assert not await operations.record_answer(
            question=question, outcome=Outcome.REPAIRED_BY_QUERY, note="", now=DUE
        )
