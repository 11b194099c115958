"""What a code proves, and to whom."""

import dataclasses
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.codes import rules
from models.codes.rules import CodeKeys, CodeKind, CodeVersions
from tests import offline_desk

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)  # the first instant of a step
KEYS = CodeKeys({0: b"old master key, thirty-two bytes", 7: b"new master key, thirty-two bytes"}, current=7)
PLACE: dict[str, Any] = {"venue": "ven_A", "day": date(2026, 11, 20), "versions": CodeVersions(3, 1)}
HANDLE = "0123456789"


def rotating(at: datetime = NOW, keys: CodeKeys = KEYS, **changed: Any) -> str:
    return rules.make_rotating(keys, handle=HANDLE, at=at, **PLACE | changed)


def printed(keys: CodeKeys = KEYS, **changed: Any) -> str:
    return rules.make_printed(keys, handle=HANDLE, **PLACE | changed)


def is_genuine(code: str, now: datetime = NOW, keys: CodeKeys = KEYS, **changed: Any) -> bool:
    parts = rules.read(code)
    assert parts is not None
    return rules.is_genuine(keys, parts, now=now, **PLACE | changed)


def was_genuine(code: str, now: datetime, **changed: Any) -> bool:
    parts = rules.read(code)
    assert parts is not None
    return rules.was_genuine(KEYS, parts, now=now, **PLACE | changed)


def with_check(body: str) -> str:
    """The code that a forger would make of 22 digits, check digits being no secret."""
    return f"{body}{98 - int(body) * 100 % 97:02d}"


handles = st.integers(0, 10**10 - 1).map(lambda number: f"{number:010d}")
instants = st.integers(0, 10 * 365 * 86400 * 10).map(lambda tenths: NOW + timedelta(seconds=tenths / 10))
versions = st.builds(CodeVersions, st.integers(0, 10**6), st.integers(0, 10**6))
places = st.fixed_dictionaries(
    {"venue": st.text(min_size=1, max_size=32), "day": st.dates(date(2026, 1, 1)), "versions": versions}
)


@given(handle=handles, place=places, at=instants)
def test_every_code_has_24_digits_and_tells_its_kind_key_and_handle(
    handle: str, place: dict[str, Any], at: datetime
) -> None:
    for code, kind in (
        (rules.make_rotating(KEYS, handle=handle, at=at, **place), CodeKind.ROTATING),
        (rules.make_printed(KEYS, handle=handle, **place), CodeKind.PRINTED),
    ):
        assert len(code) == 24
        assert code.isascii()
        assert code.isdigit()
        parts = rules.read(code)
        assert parts is not None
        assert (parts.kind, parts.key_id, parts.handle) == (kind, 7, handle)
        assert rules.is_genuine(KEYS, parts, now=at, **place)


@given(handle=handles, at=instants, place=st.integers(0, 23), digit=st.integers(1, 9))
def test_one_wrong_digit_is_no_code(handle: str, at: datetime, place: int, digit: int) -> None:
    code = rules.make_rotating(KEYS, handle=handle, at=at, **PLACE)
    wrong = code[:place] + str((int(code[place]) + digit) % 10) + code[place + 1 :]
    assert rules.read(wrong) is None


@given(handle=handles, at=instants, place=st.integers(0, 22))
def test_two_swapped_neighbours_are_no_code(handle: str, at: datetime, place: int) -> None:
    code = rules.make_rotating(KEYS, handle=handle, at=at, **PLACE)
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    if swapped == code:
        assert rules.read(swapped) is not None
    else:
        assert rules.read(swapped) is None


@given(text=st.text(max_size=60))
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert rules.read(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        rotating()[:-1],
        rotating() + "0",
        "0" + rotating(),
        rotating().translate({ord("0") + digit: 0xFF10 + digit for digit in range(10)}),
        rotating().translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")),
        rotating()[:-1] + "²",
        "-" + rotating()[1:],
        rotating()[:12] + "_" + rotating()[12:23],
        "9" * 100_000,
        "\x00" * 24,
        with_check("5" + rotating()[1:22]),  # a kind that does not exist
    ],
)
def test_what_is_not_24_plain_digits_of_a_known_kind_is_no_code(text: str) -> None:
    assert rules.read(text) is None


def test_blanks_between_groups_and_the_scanners_enter_are_forgiven() -> None:
    code = rotating()
    groups = [code[at : at + 4] for at in range(0, 24, 4)]
    assert rules.read("  " + " ".join(groups) + "\u3000\r\n") == rules.read(code)


@given(handle=handles, at=instants, ours=places, theirs=places)
def test_no_code_of_one_venue_day_or_version_is_genuine_for_another(
    handle: str, at: datetime, ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    for code in (
        rules.make_rotating(KEYS, handle=handle, at=at, **ours),
        rules.make_printed(KEYS, handle=handle, **ours),
    ):
        parts = rules.read(code)
        assert parts is not None
        assert rules.is_genuine(KEYS, parts, now=at, **theirs) == (ours == theirs)
        assert not rules.was_genuine(KEYS, parts, now=at + timedelta(minutes=2), **theirs) or ours == theirs


@pytest.mark.parametrize(
    "changed",
    [
        {"venue": "ven_B"},
        {"day": date(2026, 11, 21)},
        {"versions": CodeVersions(4, 1)},  # signed out
        {"versions": CodeVersions(3, 2)},  # cancelled
        {"versions": CodeVersions(1, 3)},  # the two are not interchangeable
        {"versions": CodeVersions(31, 1)},
    ],
)
def test_each_thing_the_code_is_bound_to_matters_alone(changed: dict[str, Any]) -> None:
    for code in (rotating(), printed()):
        assert is_genuine(code)
        assert not is_genuine(code, **changed)


@given(seconds=st.floats(-3600, 3600, allow_nan=False))
def test_a_rotating_code_is_genuine_one_step_either_side_exactly(seconds: float) -> None:
    shown = NOW + timedelta(seconds=12)  # somewhere within the step that begins at NOW
    now = NOW + timedelta(seconds=seconds)
    assert is_genuine(rotating(at=shown), now=now) == (
        NOW - timedelta(seconds=30) <= now < NOW + timedelta(seconds=60)
    )


@pytest.mark.parametrize(
    ("seconds", "fresh", "stale"),
    [
        (-31, False, False),
        (-30, True, False),
        (59, True, False),
        (60, False, True),
        (60 + 599, False, True),
        (60 + 600, False, False),
    ],
)
def test_a_code_grows_stale_and_after_ten_minutes_it_is_nothing(seconds: int, fresh: bool, stale: bool) -> None:
    now = NOW + timedelta(seconds=seconds)
    assert (is_genuine(rotating(), now=now), was_genuine(rotating(), now=now)) == (fresh, stale)


def test_a_forged_code_is_not_merely_stale() -> None:
    forged = with_check(rotating()[:12] + "0000000000")
    assert forged != rotating()
    for seconds in range(0, 700, 30):
        now = NOW + timedelta(seconds=seconds)
        assert not is_genuine(forged, now=now)
        assert not was_genuine(forged, now=now)


def test_a_code_that_was_revoked_is_not_merely_stale() -> None:
    assert not was_genuine(rotating(), now=NOW + timedelta(minutes=2), versions=CodeVersions(4, 1))


def test_a_printed_code_does_not_age_and_is_never_stale() -> None:
    year_later = NOW + timedelta(days=365)
    assert is_genuine(printed(), now=year_later)
    assert not was_genuine(printed(), now=year_later)


def test_a_printed_code_relabelled_as_rotating_is_forged_and_the_other_way_round() -> None:
    assert not is_genuine(with_check("1" + printed()[1:22]))
    assert not is_genuine(with_check("2" + rotating()[1:22]))


def test_a_code_moved_to_another_handle_is_forged() -> None:
    code = rotating()
    assert not is_genuine(with_check(code[:2] + "0123456788" + code[12:22]))


def test_ahead_gives_every_step_of_ten_minutes_with_the_instant_it_begins() -> None:
    now = NOW + timedelta(seconds=17)
    given_out = rules.ahead(KEYS, handle=HANDLE, now=now, **PLACE)
    starts = [start for start, _ in given_out]
    assert starts == [NOW + timedelta(seconds=30 * step) for step in range(21)]
    assert starts[0] <= now < starts[1]
    assert starts[-1] + timedelta(seconds=30) > now + timedelta(minutes=10)
    for start, code in given_out:
        assert code == rotating(at=start)
        assert is_genuine(code, now=start)
    assert len({code for _, code in given_out}) == 21


def test_a_code_made_under_the_old_master_is_judged_by_it_after_rotation() -> None:
    before = dataclasses.replace(KEYS, current=0)
    code = rotating(keys=before)
    assert code[1] == "0"
    assert is_genuine(code, keys=KEYS)
    assert code != rotating(keys=KEYS)


def test_a_code_of_a_master_that_is_gone_is_forged() -> None:
    only_new = CodeKeys({7: KEYS.masters[7]}, current=7)
    assert not is_genuine(rotating(keys=dataclasses.replace(KEYS, current=0)), keys=only_new)


def test_a_code_relabelled_to_another_key_id_is_forged() -> None:
    assert not is_genuine(with_check("10" + rotating()[2:22]))


def test_the_desk_key_of_one_venue_and_day_is_not_that_of_another() -> None:
    """Issue 7 hands such a key to a desk for working offline; it must forge no other venue's or day's codes."""
    master = KEYS.masters[7]
    keys = {
        rules._desk_key(master, venue, day)
        for venue in ("ven_A", "ven_B", "")
        for day in (date(2026, 11, 20), date(2026, 11, 21))
    }
    assert len(keys) == 6
    assert master not in keys


def test_macs_are_spread_evenly_over_the_ten_digits() -> None:
    counts = [0] * 10
    for step in range(2000):
        for digit in rotating(at=NOW + timedelta(seconds=30 * step))[12:22]:
            counts[int(digit)] += 1
    assert all(1800 < count < 2200 for count in counts)  # 20,000 digits; 4.7 standard deviations each way


def test_keys_are_not_printed_and_bad_ones_are_refused() -> None:
    assert "master key" not in repr(KEYS)
    parts = rules.read(rotating())
    assert parts is not None
    assert parts.mac not in repr(parts)
    for masters, current in (({0: b"x" * 32}, 1), ({10: b"x" * 32}, 10), ({0: b"short"}, 0), ({}, 0)):
        with pytest.raises(ValueError, match="code"):
            CodeKeys(masters, current=current)


def test_handles_are_ten_digits_and_differ() -> None:
    made = {rules.new_handle() for _ in range(1000)}
    assert len(made) > 990
    assert all(len(handle) == 10 and handle.isascii() and handle.isdigit() for handle in made)


@given(handle=handles, here=places, elsewhere=places, now=instants)
def test_a_stolen_desk_key_forges_its_own_venue_on_its_own_day_and_nothing_else(
    handle: str, here: dict[str, Any], elsewhere: dict[str, Any], now: datetime
) -> None:
    """Whoever has the key knows handles and versions as well: they stand in the kit (docs/offline.md)."""
    stolen = rules.desk_keys(KEYS, venue=here["venue"], day=here["day"])
    assert {*stolen} == {*KEYS.masters}
    assert not {*stolen.values()} & {*KEYS.masters.values()}
    for key_id, key in stolen.items():
        said = (handle, [elsewhere["versions"].member, elsewhere["versions"].admission], now)
        parts = rules.read(offline_desk.a_code(str(key_id), key, *said))
        assert parts is not None
        own = (elsewhere["venue"], elsewhere["day"]) == (here["venue"], here["day"])
        assert rules.is_genuine(KEYS, parts, now=now, **elsewhere) is own
        mine = elsewhere | {"venue": here["venue"], "day": here["day"]}
        assert rules.is_genuine(KEYS, parts, now=now, **mine)
