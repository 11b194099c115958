"""Ids and numbers that are shown outside."""

from collections import Counter

from models.ids import letters

READABLE = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def test_every_readable_character_is_as_likely_as_the_others() -> None:
    seen = Counter(letters(32_000))
    assert sorted(seen) == sorted(READABLE)
    assert all(800 < count < 1200 for count in seen.values())  # six times the standard deviation of 31


def test_no_two_are_alike() -> None:
    assert len({letters(12) for _ in range(10_000)}) == 10_000
