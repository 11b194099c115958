"""What an entry must be to be one, and what is made of a desk's time."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.offline import rules
from tests.conftest import NOW
from tests.offline_desk import OfflineDesk

CODE: dict[str, Any] = {
    "format": 1,
    "desk": "dsk_AAAA",
    "kit": "kit_AAAA",
    "number": 1,
    "previous": "0" * 64,
    "at": "2026-11-20T02:00:00.000Z",
    "offsetMs": -1500,
    "kind": "CODE",
    "text": "1",
}
PASS = {**CODE, "kind": "PASS", "bill": 5000, "sport": "BADMINTON", "rest": "CASH"}
MINUTE = timedelta(minutes=1)


def test_an_entry_says_when_by_the_server_s_time() -> None:
    entry = rules.read(json.dumps(PASS))
    assert entry is not None
    assert entry.stated_at == NOW - timedelta(seconds=1.5)
    assert (entry.bill_fen, entry.sport, entry.rest_way) == (5000, "BADMINTON", "CASH")
    assert rules.read(json.dumps(CODE)) is not None


@pytest.mark.parametrize(
    "changed",
    [
        {"format": 2},
        {"number": 0},
        {"number": 2**31},
        {"number": True},
        {"number": 1.0},
        {"previous": "0" * 63},
        {"previous": "A" * 64},
        {"kit": "kit_\x00"},
        {"at": "2026-11-20T02:00:00Z"},
        {"at": "2026-11-31T02:00:00.000Z"},
        {"at": "9999-12-31T23:59:59.999Z", "offsetMs": 1},
        {"at": "0001-01-01T00:00:00.000Z", "offsetMs": -1},
        {"offsetMs": 10**12},
        {"kind": "VOUCHER"},
        {"bill": 0},
        {"bill": 100_000_01},
        {"bill": None},
        {"rest": "FREE"},
        {"sport": "S" * 25},
        {"more": 1},
    ],
)
def test_what_is_not_quite_an_entry_is_none(changed: dict[str, Any]) -> None:
    assert rules.read(json.dumps({**PASS, **changed})) is None


@given(
    st.text()
    | st.recursive(
        st.none() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
    ).map(json.dumps)
)
def test_nothing_that_somebody_sends_raises(text: str) -> None:
    assert rules.read(text) is None


@pytest.mark.parametrize("name", PASS)
def test_every_field_must_be_there(name: str) -> None:
    assert rules.read(json.dumps({key: value for key, value in PASS.items() if key != name})) is None


def test_a_signature_holds_for_its_own_text_and_key() -> None:
    desk, other = OfflineDesk(clock=lambda: NOW), OfflineDesk(clock=lambda: NOW)
    body = json.dumps(CODE)
    assert rules.is_signed(desk.public_key, desk.signed(body), body)
    assert not rules.is_signed(other.public_key, desk.signed(body), body)
    assert not rules.is_signed(desk.public_key, desk.signed(body), body + " ")
    for wrong in ("", "?", "AAAA", desk.public_key):
        assert not rules.is_signed(desk.public_key, wrong, body)


def test_a_time_a_little_outside_of_what_can_be_is_moved_to_the_bound_and_further_it_is_none() -> None:
    after, before = NOW, NOW + 60 * MINUTE

    def of(minutes: float) -> Any:
        return rules.accepted_at(NOW + minutes * MINUTE, not_before=after, not_after=before)

    assert of(30) == NOW + 30 * MINUTE
    assert (of(-2), of(62)) == (after, before)
    assert (of(-2.1), of(62.1)) == (None, None)
