"""Gate devices: given a token and a signing secret, moved to new ones, recognised.

A device is known by the token in its secret path, stored hashed. Nothing of its signing secret is stored: it is
derived from a gate master key, the device's number and a version that goes up with each new token. So a token and
its secret belong together, and while a device is being moved both pairs are valid.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address, ip_network

import orjson
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from models import database
from models.admissions.rules import Direction
from models.errors import BadInput, DomainError, ErrorCode
from models.footfall.tables import GateDevice
from models.keys import new_token, token_hash
from models.venues.tables import Sport, Venue

DEVICE_NO = re.compile(r"[0-9A-Za-z_-]{1,32}", re.ASCII)

Keys = Mapping[str, bytes]
"""Gate master keys by id. The first makes new secrets; the others still verify those they once made."""


class Protocol(StrEnum):
    """How a device speaks. It is a fact of the device, lest who only knows a token leave the signature out."""

    READER = "READER"  # the common readers: a form or the bare code, and nothing that proves who sent it
    SIGNED = "SIGNED"  # JSON under an HMAC, with the device's own time and event number


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCredentials:
    """What is set up in the device. Shown once, stored nowhere."""

    token: str = field(repr=False)
    signing_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDevice:
    """The device whose token came in. `secret_version` is that of the secret which belongs to this token."""

    id: int
    device_no: str
    protocol: Protocol
    allowed_networks: tuple[str, ...]
    secret_version: int

    def may_call_from(self, address: str) -> bool:
        """Is the address in one of the device's networks? Without networks, any address is."""
        if not self.allowed_networks:
            return True
        try:
            caller = ip_address(address)
        except ValueError:
            return False
        return any(caller in ip_network(network) for network in self.allowed_networks)

    def has_signed(self, message: bytes, signature: str, *, keys: Keys) -> bool:
        """Is this the lower-case hex HMAC-SHA256 of the message under the device's secret (its text as shown)?"""
        made = [hmac.new(self._secret(master).encode(), message, hashlib.sha256) for master in keys.values()]
        return any(hmac.compare_digest(each.hexdigest().encode(), signature.encode()) for each in made)

    def _secret(self, master: bytes) -> str:
        return signing_secret(master, device_no=self.device_no, version=self.secret_version)


async def create_gate(
    *,
    device_no: str,
    venue_public_id: str,
    direction: str,
    keys: Keys,
    protocol: Protocol = Protocol.READER,
    allowed_networks: Sequence[str] = (),
    is_core_area: bool = True,
    sport_code: str = "",
) -> GateCredentials:
    """A new device at a venue's door. Its direction, ENTRY or EXIT, belongs to it and is never told by a scan.

    `sport_code`: it leads to the sessions of this sport and counts, without reading codes, whoever comes without one
    (models.footfall.operations.record_count); never a door through which people with codes go as well.

    Raises BAD_INPUT (a number, direction or network that cannot be, a number in use), VENUE_UNKNOWN, SPORT_UNKNOWN.
    """
    _check(device_no, direction, allowed_networks)
    venue = await Venue.get_or_none(public_id=venue_public_id)
    if venue is None:
        raise DomainError("没有找到这个场馆。", code=ErrorCode.VENUE_UNKNOWN, next_step="请核对场馆编号。")
    if sport_code and not await Sport.exists(code=sport_code):
        raise DomainError("没有这个运动项目。", code=ErrorCode.SPORT_UNKNOWN, next_step="请核对项目代码。")
    token = new_token()
    _, is_new = await GateDevice.get_or_create(
        device_no=device_no,
        defaults={
            "venue_id": venue.id,
            "direction": direction,
            "protocol": protocol,
            "token_hash": token_hash(token),
            "allowed_networks": list(allowed_networks),
            "is_core_area": is_core_area,
            "sport_code": sport_code,
        },
    )
    if not is_new:
        raise BadInput(
            "这个设备编号已经登记过。", next_step="请换一个编号，或为原设备更换密钥。", field="deviceNo"
        )
    return _credentials(token, device_no, 1, keys)


@database.operation
async def rotate_token(*, device_no: str, keys: Keys) -> GateCredentials:
    """A new token and secret; the present ones stay valid until `finish_rotation`, any older ones end now."""
    device = await _locked(device_no)
    token = new_token()
    device.previous_token_hash, device.token_hash = device.token_hash, token_hash(token)
    device.secret_version += 1
    await device.save(update_fields=["previous_token_hash", "token_hash", "secret_version"])
    return _credentials(token, device_no, device.secret_version, keys)


@database.operation
async def finish_rotation(*, device_no: str) -> None:
    """The device has its new token: the old one ends. Harmless when there is none."""
    device = await _locked(device_no)
    device.previous_token_hash = None
    await device.save(update_fields=["previous_token_hash"])


async def find_device(token: str) -> KnownDevice | None:
    """The active device whose token, or whose previous one while it is being moved, this is."""
    hashed = token_hash(token)
    found = await database.row(
        """SELECT id, device_no, protocol, allowed_networks, secret_version, token_hash
             FROM gate_device WHERE (token_hash = $1 OR previous_token_hash = $1) AND is_active""",
        hashed,
    )
    if found is None:
        return None
    is_previous = found["token_hash"] != hashed
    return KnownDevice(
        id=found["id"],
        device_no=found["device_no"],
        protocol=Protocol(found["protocol"]),
        allowed_networks=tuple(orjson.loads(found["allowed_networks"])),
        secret_version=found["secret_version"] - is_previous,
    )


def signing_secret(master: bytes, *, device_no: str, version: int) -> str:
    """64 hex digits that only this device and we can know."""
    info = f"gate signing {version} {device_no}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(master).hex()


def _credentials(token: str, device_no: str, version: int, keys: Keys) -> GateCredentials:
    master = next(iter(keys.values()))
    return GateCredentials(
        token=token, signing_secret=signing_secret(master, device_no=device_no, version=version)
    )


def _check(device_no: str, direction: str, allowed_networks: Sequence[str]) -> None:
    if not DEVICE_NO.fullmatch(device_no):
        raise BadInput("设备编号应为 1 到 32 个字母、数字、短横或下划线。", field="deviceNo")
    if direction not in set(Direction):
        raise BadInput("方向只能是 ENTRY（入口）或 EXIT（出口）。", field="direction")
    for network in allowed_networks:
        try:
            ip_network(network)
        except ValueError:
            raise BadInput(f"“{network}”不是网段，例如 10.1.0.0/16。", field="allowedNetworks") from None


async def _locked(device_no: str) -> GateDevice:
    device = await GateDevice.select_for_update().get_or_none(device_no=device_no)
    if device is None:
        raise DomainError("没有登记过这个设备。", code=ErrorCode.DEVICE_UNKNOWN, next_step="请核对设备编号。")
    return device
