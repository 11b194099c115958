"""What agrees, on which day a thing is looked for, and when a statement is late. Pure."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calendar import business_day, instant_of
from models.errors import BadInput
from models.reconciliation.rules import (
    LOOK_BACK,
    RETRY,
    Outcome,
    agrees,
    checked_note,
    checked_outcome,
    due_at,
    is_a_day_later,
    match,
    other_days,
    span_of,
    stated,
)
from payments.port import EntryKind, RefundState, StatementEntry

DAY = date(2026, 11, 20)


def a_row(payment_no: str = "P1", **changed: object) -> StatementEntry:
    given = {
        "kind": EntryKind.PAYMENT,
        "payment_no": payment_no,
        "channel_trade_no": "4200",
        "amount_fen": 100,
        "fee_fen": 1,
        "happened_at": None,
    }
    return StatementEntry(**{**given, **changed})  # type: ignore[arg-type]


@given(st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)))  # noqa: DTZ001 - made aware below
def test_every_instant_is_asked_for_on_exactly_one_day_which_is_its_own_or_the_next(naive: datetime) -> None:
    instant = naive.replace(tzinfo=instant_of(DAY, 0).tzinfo)
    own = business_day(instant)
    days = [own + timedelta(days=number) for number in range(-2, 3)]
    asking = [day for day in days if span_of(day)[0] <= instant < span_of(day)[1]]
    assert len(asking) == 1
    assert asking[0] in (own, own + timedelta(days=1))
    assert own in (asking[0], *other_days(EntryKind.PAYMENT, instant, day=asking[0]))


def test_a_refund_may_stand_on_any_day_from_our_asking_on_the_likeliest_first() -> None:
    asked_at = instant_of(DAY - timedelta(days=4), 600)
    days = other_days(EntryKind.REFUND, asked_at, day=DAY)
    assert [(DAY - each).days for each in days] == [4, 1, 3, 2]
    assert list(other_days(EntryKind.REFUND, instant_of(DAY, 600), day=DAY)) == [DAY - timedelta(days=1)]
    ages_ago = instant_of(DAY - timedelta(days=400), 600)
    assert len(other_days(EntryKind.REFUND, ages_ago, day=DAY)) == LOOK_BACK.days


@pytest.mark.parametrize("theirs", list(RefundState))
@pytest.mark.parametrize("ours", ["INTENDED", "PROCESSING", "ABNORMAL", "SUCCESS", "CLOSED"])
def test_a_refund_that_was_under_way_when_the_statement_was_made_contradicts_nothing(
    theirs: RefundState, ours: str
) -> None:
    final = theirs in (RefundState.SUCCESS, RefundState.CLOSED)
    assert agrees(EntryKind.REFUND, ours, theirs) is (not final or ours == theirs)


@pytest.mark.parametrize("ours", ["INTENDED", "WAITING", "ABANDONED", "CLOSED", "SETTLED", "SURPLUS"])
def test_what_the_statement_lists_as_paid_is_paid_here_too(ours: str) -> None:
    assert agrees(EntryKind.PAYMENT, ours, "SUCCEEDED") is (ours in ("SETTLED", "SURPLUS"))


def test_a_payment_that_is_listed_twice_is_too_much_money() -> None:
    theirs = stated([a_row(), a_row()])
    assert theirs[EntryKind.PAYMENT, "P1"].amount_fen == 200


def test_a_row_without_a_merchants_number_goes_by_the_channels() -> None:
    rows = [a_row("", channel_trade_no="4201"), a_row("", channel_trade_no="4202")]
    assert [finding.about_no for finding in match(stated(rows), {}, [])] == ["4201", "4202"]


def test_a_number_that_a_stranger_gave_to_both_a_payment_and_its_refund_is_two_findings() -> None:
    rows = [a_row("X1"), a_row("X1", kind=EntryKind.REFUND, refund_no="X1", refund_state=RefundState.SUCCESS)]
    found = match(stated(rows), {}, [])
    assert [(finding.about, finding.about_no) for finding in found] == [
        (EntryKind.PAYMENT, "X1"),
        (EntryKind.REFUND, "X1"),
    ]


def test_a_late_statement_is_said_aloud_once_a_day() -> None:
    scheduled, aloud = due_at(DAY), []
    while scheduled < due_at(DAY) + timedelta(days=3, hours=1):
        now = scheduled + timedelta(seconds=7)
        if is_a_day_later(DAY, scheduled_at=scheduled, now=now):
            aloud.append((now - due_at(DAY)) // timedelta(days=1))
        scheduled = now + RETRY
    assert aloud == [1, 2, 3]


def test_only_staffs_own_outcomes_with_a_note_can_be_given() -> None:
    assert checked_outcome(Outcome.WRITTEN_OFF) is Outcome.WRITTEN_OFF
    assert checked_note("  工单 1 ") == "工单 1"
    with pytest.raises(BadInput):
        checked_outcome(Outcome.REPAIRED_BY_QUERY)
    for note in ("", "  ", "长" * 301):
        with pytest.raises(BadInput):
            checked_note(note)
