"""Key rings: what is sealed opens only where it was sealed, old keys go on opening, and nothing shows a key."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.keys import (
    CannotOpen,
    Keyring,
    LookupKeys,
    PhoneKeys,
    Sealed,
    SealingKeys,
    TokenKeys,
    code_keys,
    new_token,
    token_hash,
)

OLD, NEW = b"o" * 32, b"n" * 32
RINGS = [SealingKeys, LookupKeys, TokenKeys]


@given(text=st.text())
def test_what_was_sealed_opens_again_and_does_not_show_its_text(text: str) -> None:
    ring = SealingKeys({"1": OLD})
    sealed = ring.seal(text, table="member_phone", column="sealed", row=7)
    assert ring.open(sealed, table="member_phone", column="sealed", row=7) == text
    assert len(text) < 4 or text.encode() not in sealed.value


def test_the_same_text_sealed_twice_looks_different() -> None:
    ring = SealingKeys({"1": OLD})
    assert len({ring.seal("x", table="t", column="c", row=1).value for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "place",
    [
        {"table": "member_phones", "column": "sealed", "row": 7},
        {"table": "member_phone", "column": "other", "row": 7},
        {"table": "member_phone", "column": "sealed", "row": 8},
    ],
)
def test_a_sealed_value_moved_to_another_place_does_not_open(place: dict[str, str | int]) -> None:
    ring = SealingKeys({"1": OLD})
    sealed = ring.seal("+8613800000000", table="member_phone", column="sealed", row=7)
    with pytest.raises(CannotOpen):
        ring.open(sealed, **place)  # type: ignore[arg-type]


@given(at=st.integers(0, 41), bit=st.integers(0, 7))
def test_one_changed_bit_does_not_open(at: int, bit: int) -> None:
    ring = SealingKeys({"1": OLD})
    sealed = ring.seal("+8613800000000", table="t", column="c", row=1)
    assert len(sealed.value) == 12 + 14 + 16
    changed = bytearray(sealed.value)
    changed[at] ^= 1 << bit
    with pytest.raises(CannotOpen):
        ring.open(Sealed("1", bytes(changed)), table="t", column="c", row=1)


@pytest.mark.parametrize("value", [b"", b"short", b"x" * 12, b"x" * 27])
def test_a_cut_value_does_not_open(value: bytes) -> None:
    with pytest.raises(CannotOpen):
        SealingKeys({"1": OLD}).open(Sealed("1", value), table="t", column="c", row=1)


def test_after_rotation_the_new_key_seals_and_the_old_one_still_opens() -> None:
    before, after, later = SealingKeys({"1": OLD}), SealingKeys({"2": NEW, "1": OLD}), SealingKeys({"2": NEW})
    place = {"table": "t", "column": "c", "row": 1}
    sealed = before.seal("x", **place)  # type: ignore[arg-type]
    assert after.open(sealed, **place) == "x"  # type: ignore[arg-type]
    assert after.seal("x", **place).key_id == "2"  # type: ignore[arg-type]
    with pytest.raises(CannotOpen, match="'1'"):
        later.open(sealed, **place)  # type: ignore[arg-type]


def test_a_lookup_hash_is_the_same_each_time_and_another_under_another_key() -> None:
    ring = LookupKeys({"2": NEW, "1": OLD})
    hashes = ring.hashes("+8613800000000")
    assert hashes == ring.hashes("+8613800000000")
    assert list(hashes) == ["2", "1"]
    assert hashes["1"] == LookupKeys({"1": OLD}).hashes("+8613800000000")["1"]
    assert len(set(hashes.values()) | set(ring.hashes("+8613800000001").values())) == 4


def test_a_derived_token_is_the_same_each_time_and_differs_by_purpose_key_and_predecessor() -> None:
    ring, token = TokenKeys({"2": NEW, "1": OLD}), new_token()
    assert ring.derive("refresh", token) == ring.derive("refresh", token)
    assert ring.derive("refresh", token)[1] == TokenKeys({"1": OLD}).derive("refresh", token)[0]
    made = [*ring.derive("refresh", token), *ring.derive("access", token), *ring.derive("access", new_token())]
    assert len(set(made)) == 6
    assert {len(derived) for derived in made} == {len(token)} == {43}


def test_new_tokens_differ_and_any_text_has_a_hash() -> None:
    assert len({new_token() for _ in range(1000)}) == 1000
    assert len({token_hash(text) for text in ("", "a", "中", "\ud800", "\x00")}) == 5
    assert TokenKeys({"1": OLD}).derive("refresh", "\ud800")


def test_the_first_code_key_is_the_current_one() -> None:
    keys = code_keys({"7": NEW, "0": OLD})
    assert (keys.current, keys.masters) == (7, {7: NEW, 0: OLD})


def test_no_ring_prints_its_keys() -> None:
    for text in (f"{ring({'k1': OLD})!r} {ring({'k1': OLD})}" for ring in RINGS):
        assert "k1" in text
        assert "oooo" not in text
    everything = PhoneKeys(SealingKeys({"1": OLD}), LookupKeys({"1": NEW}))
    assert "oooo" not in repr(everything)
    assert "nnnn" not in repr(everything)
    assert "oooo" not in repr(code_keys({"1": OLD}))
    sealed = SealingKeys({"1": OLD}).seal("secret", table="t", column="c", row=1)
    assert repr(sealed.value) not in repr(sealed)


@pytest.mark.parametrize("ring", RINGS)
def test_a_ring_without_keys_or_with_a_short_one_is_refused(ring: type[Keyring]) -> None:
    for keys in ({}, {"1": b"short"}, {"1": OLD, "2": b""}):
        with pytest.raises(ValueError, match=ring.__name__):
            ring(keys)
    with pytest.raises(dataclasses.FrozenInstanceError):
        ring({"1": OLD}).keys = {}  # type: ignore[misc]
