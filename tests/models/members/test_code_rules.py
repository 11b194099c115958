"""Codes by SMS: what they look like, and when one more may be sent."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.members.code_rules import LIMITS, Limit, SmsTooMany, counted_address, lifts_at, new_code
from tests.conftest import NOW

SECOND = timedelta(seconds=1)
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND


def test_a_code_is_six_digits_by_chance() -> None:
    codes = {new_code() for _ in range(200)}
    assert all(len(code) == 6 and code.isdecimal() for code in codes)
    assert len(codes) > 190


@pytest.mark.parametrize(
    ("ages", "limit", "lifts"),
    [
        ([], Limit(1, MINUTE), None),
        ([10 * SECOND], Limit(1, MINUTE), NOW + 50 * SECOND),
        ([MINUTE], Limit(1, MINUTE), None),  # to the microsecond
        ([10 * SECOND, 30 * SECOND], Limit(2, MINUTE), NOW + 30 * SECOND),
        ([10 * SECOND, 30 * SECOND], Limit(3, MINUTE), None),
        ([-10 * SECOND], Limit(1, MINUTE), NOW + 70 * SECOND),  # another process's clock runs ahead
    ],
)
def test_a_limit_lifts_when_the_oldest_that_counts_leaves_its_window(
    ages: list[timedelta], limit: Limit, lifts: datetime | None
) -> None:
    assert lifts_at([(NOW - age, False) for age in ages], [limit], NOW) == lifts


def test_failed_ones_count_only_where_all_do() -> None:
    failed = [(NOW - SECOND * n, True) for n in range(3)]
    assert lifts_at(failed, [Limit(1, MINUTE)], NOW) is None
    assert lifts_at(failed, [Limit(3, MINUTE, of_all=True)], NOW) == NOW + 58 * SECOND


@given(st.lists(st.integers(0, 1500), max_size=40), st.sampled_from(sorted(LIMITS)))
def test_whoever_waits_as_told_never_passes_a_limit(waits: list[int], whose: str) -> None:
    """A person who asks now and then: what is let through stays within every limit, over every stretch of time."""
    sent: list[datetime] = []
    at = NOW
    for wait in waits:
        at += timedelta(seconds=wait)
        lifts = lifts_at([(moment, False) for moment in reversed(sent)], LIMITS[whose], at)
        if lifts is None:
            sent.append(at)
        else:
            assert lifts > at
            assert lifts_at([(moment, False) for moment in reversed(sent)], LIMITS[whose], lifts) is None
    for limit in LIMITS[whose]:
        for start in sent:
            assert len([moment for moment in sent if start <= moment < start + limit.window]) <= limit.count


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("", ""),
        ("no address", "no address"),
        ("x" * 100, "x" * 64),
    ],
)
def test_an_address_is_what_a_subscriber_has(address: str, counted: str) -> None:
    assert counted_address(address) == counted


def test_a_refusal_says_when_it_lifts() -> None:
    soon = SmsTooMany(NOW + 12.5 * SECOND, NOW)
    assert (soon.retry_after, "13秒" in soon.sentence()) == (13, True)
    later = SmsTooMany(NOW + 2 * HOUR + SECOND, NOW)
    assert (later.retry_after, "11月20日 12:01以后" in later.sentence()) == (7201, True)
    unknown = SmsTooMany(None, NOW)
    assert (unknown.retry_after, "一小时" in unknown.sentence()) == (None, True)
