"""The state of a way out to WeChat: ours, of this device, for ten minutes."""

import re
from datetime import datetime, timedelta

import pytest

from models.errors import BadInput
from models.keys import TokenKeys
from models.members.states import STATE_LIFE, StateInvalid, check_state, new_state
from tests.factories.people import TOKEN_KEYS


def state(now: datetime, device_id: str = "phone-1", keys: TokenKeys = TOKEN_KEYS) -> str:
    return new_state(device_id=device_id, keys=keys, now=now)


def check(given: str, now: datetime, device_id: str = "phone-1", keys: TokenKeys = TOKEN_KEYS) -> None:
    check_state(given, device_id=device_id, keys=keys, now=now)


def test_a_state_is_good_for_ten_minutes_on_its_device(now: datetime) -> None:
    given = state(now)
    check(given, now)
    check(given, now + STATE_LIFE - timedelta(seconds=1))
    with pytest.raises(StateInvalid) as refused:
        check(given, now + STATE_LIFE)
    assert "重新" in refused.value.sentence()


def test_a_state_is_what_wechat_takes_and_never_the_same(now: datetime) -> None:
    states = {state(now) for _ in range(50)}
    assert len(states) == 50
    assert all(re.fullmatch(r"[a-zA-Z0-9]{1,128}", given) for given in states)


def test_what_we_did_not_give_to_this_device_is_refused(now: datetime) -> None:
    given = state(now)
    last = "0" if given[-1] != "0" else "1"
    later = f"{int(given[:10], 16) + 3600:010x}{given[10:]}"
    made_up = ("", "x", given[:-1], given[:-1] + last, given + "0", later, given.upper(), "令牌" * 60, "\ud800")
    for wrong in made_up:
        with pytest.raises(StateInvalid):
            check(wrong, now)
    with pytest.raises(StateInvalid):
        check(given, now, device_id="phone-2")
    with pytest.raises(StateInvalid):
        check(given, now, keys=TokenKeys({"2": b"n" * 32}))


def test_a_state_outlives_a_rotation_of_the_keys(now: datetime) -> None:
    given = state(now)
    check(given, now, keys=TokenKeys({"2": b"n" * 32, **TOKEN_KEYS.keys}))


def test_a_device_without_a_name_gets_none(now: datetime) -> None:
    for device_id in ("unnamed", "", "a b"):
        with pytest.raises(BadInput):
            state(now, device_id=device_id)
