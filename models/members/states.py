"""The `state` of a way out to WeChat and back: that whoever comes back is who went, and soon.

It carries its own end and is signed with a key of ours over the device, so nothing is stored. WeChat takes letters and
digits only, at most 128 bytes (official accounts, web authorisation). Pure but for chance.
"""

import hmac
import secrets
from datetime import UTC, datetime, timedelta

from models.errors import DomainError, ErrorCode
from models.keys import TokenKeys, token_hash
from models.members.rules import named_device

STATE_LIFE = timedelta(minutes=10)
_END, _CHANCE = 10, 32  # hexadecimal digits of the moment when it ends, and of chance


class StateInvalid(DomainError):
    code = ErrorCode.STATE_INVALID

    def __init__(self) -> None:
        super().__init__(
            "这次授权已失效，或不是从这台设备发起的。", next_step="请重新从本平台页面进入授权。", field="state"
        )


def new_state(*, device_id: str, keys: TokenKeys, now: datetime) -> str:
    """Raises BAD_INPUT for a device that has no name."""
    ends = int((now + STATE_LIFE).timestamp())
    told = f"{ends:0{_END}x}{secrets.token_hex(_CHANCE // 2)}"
    return told + _signatures(told, named_device(device_id), keys)[0]


def check_state(state: str, *, device_id: str, keys: TokenKeys, now: datetime) -> None:
    """Raises StateInvalid for what we never gave to this device, or more than ten minutes ago."""
    told, signature = state[: _END + _CHANCE], state[_END + _CHANCE :]
    known = _signatures(told, device_id, keys)
    if not any(hmac.compare_digest(each.encode(), signature.encode(errors="surrogatepass")) for each in known):
        raise StateInvalid
    if now >= datetime.fromtimestamp(int(told[:_END], 16), UTC):
        raise StateInvalid


def _signatures(told: str, device_id: str, keys: TokenKeys) -> list[str]:
    """In hexadecimal, for each key."""
    return [token_hash(derived) for derived in keys.derive("official-account-state", f"{told} {device_id}")]
