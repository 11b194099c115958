"""Identifiers that are shown outside. They say nothing about how many there are or who they belong to."""

import base64
import hashlib
import secrets
from datetime import datetime

from models.calendar import SHANGHAI

_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def new_id(prefix: str) -> str:
    """A fresh opaque id, 100 bits of chance: `ord_…`."""
    return f"{prefix}_{''.join(secrets.choice(_ALPHABET) for _ in range(20))}"


def stable_id(prefix: str, text: str) -> str:
    """The same opaque id for the same imported thing on every machine."""
    digest = hashlib.sha256(f"{prefix}:{text}".encode()).digest()
    return f"{prefix}_{base64.b32encode(digest)[:16].decode()}"


def new_no(letter: str, now: datetime) -> str:
    """A number a person can read out: letter, local date, twelve characters. 21 of `[0-9A-Z]`.

    WeChat Pay takes 6–32 of `[0-9A-Za-z_-|*]` for out_trade_no and out_refund_no.
    """
    tail = "".join(secrets.choice(_ALPHABET) for _ in range(12))
    return f"{letter}{now.astimezone(SHANGHAI):%Y%m%d}{tail}"
