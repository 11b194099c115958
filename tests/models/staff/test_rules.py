"""Passwords, usernames, and how long a clerk's sign-in lives."""

from datetime import datetime, timedelta

import pytest

from models.errors import BadInput
from models.staff import passwords, rules
from models.staff.refusals import PasswordTooWeak, StaffLocked

MICROSECOND = timedelta(microseconds=1)


@pytest.mark.parametrize("password", ["Abcdefg1", "abcdef1!", "ABCDEF1!", "Abcdefg!", "密码Aa3456", "Aa1 Aa1 "])
def test_eight_characters_of_three_classes_are_strong_enough(password: str) -> None:
    rules.check_password(password, username="li.qian")


@pytest.mark.parametrize(
    "password",
    [
        "",
        "Abcde1!",  # seven
        "abcdefgh1",  # two classes
        "ABCDEFGH!",
        "12345678!",
        "密码密码密码密码1",  # Chinese letters are neither upper nor lower case
        "Aa1!" * 32 + "x",  # 129 characters
        "Li.Qian2026",  # holds the username
    ],
)
def test_a_weak_password_is_refused_with_the_rule(password: str) -> None:
    with pytest.raises(PasswordTooWeak) as refused:
        rules.check_password(password, username="li.qian")
    assert "8" in refused.value.sentence()
    assert not password or password not in refused.value.sentence()


@pytest.mark.parametrize("username", ["", "ab", "-ab", "a" * 41, "a b c", "李前台", "a\x00bc", "a\nb", "\ud800ab"])
def test_an_impossible_username_is_refused(username: str) -> None:
    with pytest.raises(BadInput):
        rules.checked_username(username)


def test_usernames_are_told_apart_without_case() -> None:
    assert rules.checked_username(" Li.Qian ") == "li.qian"


@pytest.mark.parametrize("name", ["", "  ", "x" * 41, "a\nb", "\x00", "\ud800"])
def test_an_impossible_display_name_is_refused(name: str) -> None:
    with pytest.raises(BadInput):
        rules.checked_display_name(name)


def test_a_sign_in_ends_ten_minutes_after_its_use_and_twelve_hours_after_its_beginning(now: datetime) -> None:
    idle, absolute = now + timedelta(minutes=10), now + timedelta(hours=12)
    assert rules.is_alive(started_at=now, last_seen_at=now, now=idle - MICROSECOND)
    assert not rules.is_alive(started_at=now, last_seen_at=now, now=idle)
    busy = absolute - timedelta(minutes=1)
    assert rules.is_alive(started_at=now, last_seen_at=busy, now=absolute - MICROSECOND)
    assert not rules.is_alive(started_at=now, last_seen_at=busy, now=absolute)


@pytest.mark.parametrize(("seconds", "minutes"), [(300, 5), (299.5, 5), (61, 2), (60, 1), (0.1, 1)])
def test_a_locked_clerk_hears_for_how_many_minutes(seconds: float, minutes: int) -> None:
    assert f"{minutes}分钟" in StaffLocked(timedelta(seconds=seconds)).sentence()


async def test_a_password_is_stored_as_argon2id_with_a_salt_of_its_own() -> None:
    first, second = await passwords.hashed("Abcdefg1"), await passwords.hashed("Abcdefg1")
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert len(first) <= 200
    assert await passwords.is_right("Abcdefg1", first)
    assert await passwords.is_right("Abcdefg1", second)
    assert not await passwords.is_right("abcdefg1", first)
    assert not await passwords.is_right("\ud800", first)
    assert not await passwords.is_right("Abcdefg1", None)
