from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import BadInput
from models.real_names.rules import AgeBand
from models.statistics.rules import (
    AGE_OF,
    AGE_WORDS,
    FROM_AGE,
    Period,
    PeriodKind,
    ProgrammeAge,
    Rounding,
    Uses,
    period_of,
)

TODAY = date(2026, 11, 20)
FRIDAY = TODAY


@pytest.mark.parametrize(
    ("kind", "first", "after", "words"),
    [
        (PeriodKind.DAY, date(2026, 11, 20), date(2026, 11, 21), "2026年11月20日"),
        (PeriodKind.WEEK, date(2026, 11, 16), date(2026, 11, 23), "2026年11月16日至11月22日"),
        (PeriodKind.MONTH, date(2026, 11, 1), date(2026, 12, 1), "2026年11月"),
    ],
)
def test_a_period_is_whole_days_of_shanghai(kind: PeriodKind, first: date, after: date, words: str) -> None:
    period = period_of(kind, FRIDAY, of_one_campaign=False, today=TODAY)
    assert (period.first, period.next, period.words) == (first, after, words)
    assert (period.until_instant - period.from_instant).days == (after - first).days


@pytest.mark.parametrize("day", [date(2026, 11, 21), date(1999, 12, 31), date(9999, 12, 31)])
def test_nobody_counts_days_to_come_or_of_another_century(day: date) -> None:
    with pytest.raises(BadInput):
        period_of(PeriodKind.DAY, day, of_one_campaign=True, today=TODAY)


def test_only_one_campaign_is_counted_as_a_whole() -> None:
    with pytest.raises(BadInput):
        period_of(PeriodKind.WHOLE, TODAY, of_one_campaign=False, today=TODAY)
    whole = period_of(PeriodKind.WHOLE, date(9999, 1, 1), of_one_campaign=True, today=TODAY)
    assert (whole.words, whole.first < TODAY < whole.next) == ("活动全程", True)


K = 10


@given(hidden=st.integers(1, K - 1), shown=st.integers(K, 10_000))
def test_two_figures_that_overlap_tell_no_more_of_a_hidden_one_than_that_it_is_hidden(
    hidden: int, shown: int
) -> None:
    """A reader sees `whole` and `part` and knows that fewer than K are hidden; each number that it could be would have
    made the same two figures, with some exact part."""
    rounding = Rounding(K)
    whole, part = rounding.count(shown + hidden), rounding.count(shown)
    possible = {
        other
        for other in range(1, K)
        for exact in range(part - K, part + K + 1)
        if rounding.count(exact) == part and rounding.count(exact + other) == whole
    }
    assert possible == set(range(1, K))


@given(st.integers(0, 10**12))
def test_rounding_moves_a_figure_by_half_a_unit_at_most(figure: int) -> None:
    rounding = Rounding(K)
    assert abs(rounding.count(figure) - figure) <= K // 2
    assert rounding.count(figure) % K == 0
    assert abs(rounding.fen(figure) - figure) <= 50_00
    assert rounding.fen(figure) % 100_00 == 0


def test_what_is_shown_is_never_rounded_below_the_smallest_group() -> None:
    assert {Rounding(K).count(many) for many in range(10, 15)} == {10}
    assert Rounding(K).count(15) == 20


def test_how_much_moved_for_each_yuan_of_the_subsidy() -> None:
    assert Uses(10, 10, 400_00, 320_00, 1_000_00).moved_percent == 312
    assert Uses(10, 10, 400_00, 0, 1_000_00).moved_percent is None  # the venue bears all of it


def test_every_band_of_the_house_has_a_word_and_so_has_who_is_not_known() -> None:
    assert {*AGE_OF.values()} == {*ProgrammeAge} == {*AGE_WORDS}
    assert {*FROM_AGE} == {*AgeBand}
    assert AGE_OF[FROM_AGE[AgeBand.ELDER]] is ProgrammeAge.ELDER
    assert AGE_OF[-1] is ProgrammeAge.UNKNOWN


def test_a_period_says_its_last_day() -> None:
    assert Period(PeriodKind.DAY, TODAY, date(2026, 11, 21)).last == TODAY
