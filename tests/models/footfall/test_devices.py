"""Gate devices: credentials shown once, two valid while moving, nothing readable stored."""

import base64
import hashlib
import hmac
from typing import Any

import pytest

from models.errors import BadInput, DomainError, ErrorCode
from models.footfall import devices
from models.footfall.devices import GateCredentials, KnownDevice, Protocol
from models.footfall.tables import GateDevice
from tests.databases import Database
from tests.factories.gates import GATE_KEYS, a_gate
from tests.factories.places import a_venue


async def found(credentials: GateCredentials) -> KnownDevice:
    device = await devices.find_device(credentials.token)
    assert device is not None
    return device


def signs_as(credentials: GateCredentials, device: KnownDevice, keys: dict[str, bytes] = GATE_KEYS) -> bool:
    """Is what these credentials sign believed of this device?"""
    signature = hmac.new(credentials.signing_secret.encode(), b"message", hashlib.sha256).hexdigest()
    return device.has_signed(b"message", signature, keys=keys)


async def test_a_token_has_256_bits_and_leads_to_its_device(db: Database) -> None:
    gate = await a_gate(await a_venue(), device_no="north-1", protocol=Protocol.SIGNED)
    assert len(base64.urlsafe_b64decode(gate.credentials.token + "=")) == 32
    assert (gate.device.device_no, gate.device.protocol) == ("north-1", Protocol.SIGNED)


async def test_neither_token_nor_secret_is_stored_or_printed(db: Database) -> None:
    gate = await a_gate(await a_venue())
    seen = f"{await GateDevice.all().values()} {gate.credentials} {gate.device}"
    assert gate.credentials.token not in seen
    assert gate.credentials.signing_secret not in seen


async def test_an_unknown_token_and_a_device_out_of_service_are_nobody(db: Database) -> None:
    gate = await a_gate(await a_venue())
    assert await devices.find_device("unknown") is None
    await GateDevice.all().update(is_active=False)
    assert await devices.find_device(gate.credentials.token) is None


async def test_while_a_device_is_moved_both_pairs_work_and_then_only_the_new_one(db: Database) -> None:
    gate = await a_gate(await a_venue(), device_no="north-1")
    new = await devices.rotate_token(device_no="north-1", keys=GATE_KEYS)
    assert signs_as(new, await found(new))
    assert signs_as(gate.credentials, await found(gate.credentials))
    assert not signs_as(gate.credentials, await found(new))
    await devices.finish_rotation(device_no="north-1")
    await devices.finish_rotation(device_no="north-1")
    assert await devices.find_device(gate.credentials.token) is None
    assert signs_as(new, await found(new))


async def test_moving_twice_ends_the_first_token(db: Database) -> None:
    gate = await a_gate(await a_venue(), device_no="north-1")
    second = await devices.rotate_token(device_no="north-1", keys=GATE_KEYS)
    third = await devices.rotate_token(device_no="north-1", keys=GATE_KEYS)
    assert await devices.find_device(gate.credentials.token) is None
    assert signs_as(second, await found(second))
    assert signs_as(third, await found(third))


async def test_a_secret_outlives_the_master_key_that_made_it_as_long_as_that_is_known(db: Database) -> None:
    gate = await a_gate(await a_venue())
    rotated = {"2": b"h" * 32, **GATE_KEYS}
    assert signs_as(gate.credentials, gate.device, rotated)
    assert not signs_as(gate.credentials, gate.device, {"2": b"h" * 32})
    new = await devices.rotate_token(device_no=gate.device.device_no, keys=rotated)
    assert signs_as(new, await found(new), {"2": b"h" * 32})


async def test_no_two_devices_share_a_secret(db: Database) -> None:
    venue = await a_venue()
    one, other = await a_gate(venue), await a_gate(venue)
    assert not signs_as(one.credentials, other.device)


@pytest.mark.parametrize(
    ("networks", "address", "may"),
    [
        ((), "203.0.113.9", True),
        (("10.1.0.0/16",), "10.1.2.3", True),
        (("10.1.0.0/16", "2001:db8::/32"), "2001:db8::1", True),
        (("10.1.0.0/16",), "10.2.0.1", False),
        (("10.1.0.0/16",), "", False),
        (("10.1.0.0/16",), "gate.example", False),
    ],
)
async def test_a_device_calls_only_from_its_networks(
    db: Database, networks: tuple[str, ...], address: str, may: bool
) -> None:
    gate = await a_gate(await a_venue(), allowed_networks=networks)
    assert gate.device.may_call_from(address) is may


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"device_no": ""}, ErrorCode.BAD_INPUT),
        ({"device_no": "北门"}, ErrorCode.BAD_INPUT),
        ({"device_no": "x" * 33}, ErrorCode.BAD_INPUT),
        ({"device_no": "taken"}, ErrorCode.BAD_INPUT),
        ({"direction": "BOTH"}, ErrorCode.BAD_INPUT),
        ({"allowed_networks": ["10.1.0.0/33"]}, ErrorCode.BAD_INPUT),
        ({"venue_public_id": "ven_unknown"}, ErrorCode.VENUE_UNKNOWN),
    ],
)
async def test_a_gate_that_cannot_be_is_refused_and_not_created(
    db: Database, wrong: dict[str, Any], code: ErrorCode
) -> None:
    venue = await a_venue()
    await a_gate(venue, device_no="taken")
    with pytest.raises(DomainError) as refusal:
        await a_gate(venue, **wrong)
    assert refusal.value.code == code
    assert await GateDevice.all().count() == 1


async def test_a_refused_second_creation_leaves_the_first_token_valid(db: Database) -> None:
    venue = await a_venue()
    gate = await a_gate(venue, device_no="north-1")
    with pytest.raises(BadInput):
        await a_gate(venue, device_no="north-1")
    assert await devices.find_device(gate.credentials.token) == gate.device


async def test_a_device_that_is_not_ours_cannot_be_moved(db: Database) -> None:
    for act in (devices.rotate_token(device_no="x", keys=GATE_KEYS), devices.finish_rotation(device_no="x")):
        with pytest.raises(DomainError) as refusal:
            await act
        assert refusal.value.code == ErrorCode.DEVICE_UNKNOWN
