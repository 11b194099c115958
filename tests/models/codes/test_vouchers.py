"""What a voucher's code proves: this campaign, this voucher, these versions, now."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.codes import rules, vouchers
from models.codes.rules import CodeKeys, CodeKind, CodeVersions
from models.codes.vouchers import OfVoucher

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)  # in Shanghai
KEYS = CodeKeys({0: b"old master key, thirty-two bytes", 7: b"new master key, thirty-two bytes"}, current=7)
STEP = timedelta(seconds=30)


def a_voucher(**changed: Any) -> OfVoucher:
    return OfVoucher(**{"handle": "0123456789", "campaign": "cmp_A", "versions": CodeVersions(3, 1), **changed})


def with_check(body: str) -> str:
    return f"{body}{98 - int(body) * 100 % 97:02d}"


def genuine(code: str, *, now: datetime = NOW, of: OfVoucher | None = None, keys: CodeKeys = KEYS) -> bool:
    parts = rules.read(code)
    assert parts is not None
    return vouchers.is_genuine(keys, parts, of or a_voucher(), now=now)


def test_both_kinds_have_24_digits_and_tell_kind_key_and_handle() -> None:
    made = {
        vouchers.make_rotating(KEYS, a_voucher(), at=NOW): CodeKind.VOUCHER_ROTATING,
        vouchers.make_printed(KEYS, a_voucher()): CodeKind.VOUCHER_PRINTED,
    }
    for code, kind in made.items():
        assert len(code) == 24
        assert code.isdigit()
        parts = rules.read(code)
        assert parts is not None
        assert (parts.kind, parts.key_id, parts.handle) == (kind, 7, "0123456789")
        assert kind in rules.OF_VOUCHERS
        assert genuine(code)


def test_a_rotating_code_lives_for_its_step_and_its_neighbours_also_over_midnight() -> None:
    for at in (NOW, MIDNIGHT - STEP, MIDNIGHT):
        code = vouchers.make_rotating(KEYS, a_voucher(), at=at)
        lives = [genuine(code, now=at + age * STEP) for age in (-2, -1, 0, 1, 2)]
        assert lives == [False, True, True, True, False]


def test_for_ten_minutes_an_old_one_is_stale_and_a_printed_one_never_is() -> None:
    parts = rules.read(vouchers.make_rotating(KEYS, a_voucher(), at=NOW))
    printed = rules.read(vouchers.make_printed(KEYS, a_voucher()))
    assert parts is not None
    assert printed is not None
    stale = [vouchers.was_genuine(KEYS, parts, a_voucher(), now=NOW + age * STEP) for age in (1, 2, 21, 22)]
    assert stale == [False, True, True, False]
    assert vouchers.is_genuine(KEYS, printed, a_voucher(), now=NOW + timedelta(days=400))
    assert not vouchers.was_genuine(KEYS, printed, a_voucher(), now=NOW + timedelta(minutes=5))


@pytest.mark.parametrize(
    "other",
    [
        {"campaign": "cmp_B"},
        {"handle": "0123456788"},
        {"versions": CodeVersions(4, 1)},  # signed out
        {"versions": CodeVersions(3, 2)},  # revoked
        {"versions": CodeVersions(1, 3)},
    ],
)
def test_a_code_is_of_one_voucher_of_one_campaign_and_of_its_versions(other: dict[str, Any]) -> None:
    for code in (
        vouchers.make_rotating(KEYS, a_voucher(), at=NOW),
        vouchers.make_printed(KEYS, a_voucher()),
    ):
        assert genuine(code)
        assert not genuine(code, of=a_voucher(**other))


def test_neither_kind_is_the_other_and_neither_opens_a_door() -> None:
    rotating, printed = vouchers.make_rotating(KEYS, a_voucher(), at=NOW), vouchers.make_printed(KEYS, a_voucher())
    assert not genuine(with_check("4" + rotating[1:22]))
    assert not genuine(with_check("3" + printed[1:22]))
    door = {"venue": "cmp_A", "day": NOW.date(), "versions": CodeVersions(3, 1), "now": NOW}
    for code in (rotating, printed, with_check("1" + rotating[1:22]), with_check("2" + printed[1:22])):
        parts = rules.read(code)
        assert parts is not None
        assert not rules.is_genuine(KEYS, parts, **door)
    entry = rules.make_rotating(
        KEYS, handle="0123456789", venue="cmp_A", day=NOW.date(), versions=CodeVersions(3, 1), at=NOW
    )
    assert not genuine(with_check("3" + entry[1:22]))


def test_an_older_key_still_judges_and_another_house_s_does_not() -> None:
    old = CodeKeys(KEYS.masters, current=0)
    assert genuine(vouchers.make_printed(old, a_voucher()))
    strange = CodeKeys({7: b"x" * 32}, current=7)
    assert not genuine(vouchers.make_printed(strange, a_voucher()))
    assert not genuine(vouchers.make_printed(CodeKeys({5: b"x" * 32}, current=5), a_voucher()))


def test_ahead_gives_every_step_of_ten_minutes() -> None:
    given = vouchers.ahead(KEYS, a_voucher(), now=NOW + timedelta(seconds=7))
    assert [start for start, _ in given] == [NOW + step * STEP for step in range(21)]
    assert all(genuine(code, now=start) for start, code in given)
    assert len({code for _, code in given}) == 21
