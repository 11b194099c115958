"""Who is waited for, what becomes of a line to which nobody came, and when no-shows are a pause."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.attendance.rules import (
    Fate,
    PauseTerms,
    checked_words,
    fate_of,
    helper_paused,
    kept_of,
    late_at,
    pause_until,
    paused,
    still_stands,
)
from models.booking.limits import Limits
from models.errors import BadInput
from tests.conftest import NOW
from tests.house import SENTENCE

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WITHIN_15 = Limits(2, 120, 7, 480, 15, 30, check_in_minutes=15)
STARTS, ENDS = NOW, NOW + HOUR
LATE = NOW + 15 * MINUTE


def fate(now: datetime, *, entered: bool = False, cancelled: bool = False, entrance: bool = True) -> Fate:
    return fate_of(
        late_at=LATE, ends_at=ENDS, has_entered=entered, is_cancelled=cancelled, had_entrance=entrance, now=now
    )


def test_a_slot_is_released_from_the_limit_on_and_only_counted_once_it_is_over() -> None:
    moment = timedelta(microseconds=1)
    assert [fate(at) for at in (LATE - moment, LATE, ENDS - moment, ENDS, ENDS + 30 * DAY)] == [
        Fate.WAIT, Fate.RELEASE, Fate.RELEASE, Fate.COUNT, Fate.COUNT,
    ]  # fmt: skip


@given(minutes=st.integers(-60, 10_000), entrance=st.booleans(), cancelled=st.booleans())
def test_who_has_entered_is_never_a_no_show(minutes: int, entrance: bool, cancelled: bool) -> None:
    now = LATE + minutes * MINUTE
    assert fate(now, entered=True, entrance=entrance, cancelled=cancelled) in (Fate.CAME, Fate.EXCUSE)


@given(minutes=st.integers(0, 10_000))
def test_where_no_door_worked_nobody_is_punished_and_nothing_released(minutes: int) -> None:
    now = LATE + minutes * MINUTE
    assert fate(now, entrance=False) is (Fate.WAIT if now < ENDS else Fate.EXCUSE)
    assert fate(now, cancelled=True) is Fate.EXCUSE


def test_who_books_or_pays_after_the_start_has_their_minutes_from_there() -> None:
    def waited(confirmed: datetime, limits: Limits = WITHIN_15) -> datetime | None:
        return late_at(STARTS, ENDS, limits, confirmed_at=confirmed)

    assert waited(NOW - DAY) == LATE
    assert waited(NOW + 20 * MINUTE) == NOW + 35 * MINUTE
    assert waited(NOW + 45 * MINUTE) is None, "it would be over by then"
    assert waited(NOW - DAY, WITHIN_15._replace(check_in_minutes=None)) is None


TERMS = PauseTerms(no_shows=3, within_days=90, days=30)


def test_the_third_no_show_within_the_days_is_a_pause_from_now_on() -> None:
    two = [NOW - 89 * DAY, NOW - DAY]
    assert pause_until(TERMS, earlier=two, this=NOW, now=NOW + HOUR) == NOW + HOUR + 30 * DAY
    assert pause_until(TERMS, earlier=two[1:], this=NOW, now=NOW) is None
    assert pause_until(TERMS, earlier=[NOW - 90 * DAY, NOW - DAY], this=NOW, now=NOW) is None


@given(
    earlier=st.lists(st.integers(0, 400), max_size=8),
    no_shows=st.integers(1, 5),
    within=st.integers(1, 366),
    days=st.integers(1, 366),
)
def test_a_pause_begins_exactly_when_enough_lie_within_the_days(
    earlier: list[int], no_shows: int, within: int, days: int
) -> None:
    terms = PauseTerms(no_shows, within, days)
    until = pause_until(terms, earlier=[NOW - each * DAY for each in earlier], this=NOW, now=NOW)
    enough = 1 + sum(each < within for each in earlier) >= no_shows
    assert until == (NOW + days * DAY if enough else None)


@given(price=st.integers(0, 10**9), percent=st.integers(0, 100))
def test_what_is_kept_of_a_price_lies_within_it_and_is_rounded_to_the_nearest_fen(
    price: int, percent: int
) -> None:
    kept = kept_of(price, percent)
    assert 0 <= kept <= price
    assert abs(kept * 100 - price * percent) <= 50


def test_refusals_of_the_paused_are_sentences_with_a_day_and_a_companions_says_not_why() -> None:
    own, friends, childs = paused(NOW), paused(NOW, name="王**"), helper_paused(NOW)
    for refusal in (own, friends, childs):
        assert SENTENCE.fullmatch(refusal.sentence())
        assert "11月20日 10:00恢复" in refusal.message
    assert "未到场" in own.message
    assert "未到场" not in friends.sentence()


@pytest.mark.parametrize("words", ["", "  \n", "长" * 301])
def test_an_appeal_has_words_and_not_too_many(words: str) -> None:
    with pytest.raises(BadInput):
        checked_words(words, field="words")
    assert checked_words(" 当天闸机坏了 ", field="words") == "当天闸机坏了"


@pytest.mark.parametrize(
    ("no_shows", "after", "was_latest", "stands"),
    [(3, 3, False, False), (4, 3, False, True), (4, 3, True, False), (1, 1, True, False)],
)
def test_a_pause_stands_without_one_no_show_only_if_the_others_would_have_led_to_it_just_then(
    no_shows: int, after: int, was_latest: bool, stands: bool
) -> None:
    assert still_stands(no_shows, after=after, was_latest=was_latest) is stands
