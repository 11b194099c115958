"""Identifiers that are shown outside. They say nothing about how many there are or who they belong to."""

import base64
import hashlib
import json
import re
import secrets
from datetime import datetime
from typing import Any

from models.calendar import SHANGHAI
from models.errors import BadInput

_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
UNNAMED_DEVICE = "unnamed"
"""What sign-ins take for the device of a client that names none."""
_DEVICE_ID = re.compile(r"[!-~]{1,64}")


def new_id(prefix: str) -> str:
    """A fresh opaque id, 100 bits of chance: `adm_…`."""
    return f"{prefix}_{letters(20)}"


def letters(count: int) -> str:
    """Chance, 5 bits a character, in capitals and digits that nobody mistakes for one another."""
    return spelt(secrets.token_bytes(count))


def spelt(chance: bytes) -> str:
    """The same letters for the same bytes, of which nobody else must know."""
    return "".join([_ALPHABET[byte % 32] for byte in chance])  # 32 of them: none is likelier


def stable_id(prefix: str, text: str) -> str:
    """The same opaque id for the same imported thing on every machine."""
    digest = hashlib.sha256(f"{prefix}:{text}".encode()).digest()
    return f"{prefix}_{base64.b32encode(digest)[:16].decode()}"


def new_no(letter: str, now: datetime) -> str:
    """A number a person can read out: letter, local date, twelve characters. 21 of `[0-9A-Z]`.

    WeChat Pay takes 6–32 of `[0-9A-Za-z_-|*]` for out_trade_no and out_refund_no.
    """
    return f"{letter}{now.astimezone(SHANGHAI):%Y%m%d}{letters(12)}"


def request_hash(*content: Any) -> str:
    """What is kept of a request (anything that JSON can say), to tell its repetition from another one under its
    key. What it said is not kept: a code in a table must not be one that can be shown at a door."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def checked_device_id(device_id: str) -> str:
    """The name a phone or a desk gave itself: 1 to 64 visible ASCII characters. Raises BAD_INPUT."""
    if not _DEVICE_ID.fullmatch(device_id):
        raise BadInput("设备编号不正确。", next_step="请重新打开页面或小程序后再试。", field="deviceId")
    return device_id
