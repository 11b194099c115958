"""Codes of vouchers: the same 24 digits as a door's (rules.py), kinds 3 and 4.

A voucher may be used at any venue of its campaign, on any day while it is valid; so its key belongs to the campaign
and, for a rotating code, to the day of its step. No desk is ever given such a key: these codes are judged by the server
alone. Offline a voucher needs a signed pass instead (models/offline).
"""

import hmac
from dataclasses import dataclass
from datetime import date, datetime

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from models.calendar import business_day
from models.codes.rules import (
    STEPS_AHEAD,
    STEPS_EITHER_SIDE,
    CodeKeys,
    CodeKind,
    CodeParts,
    CodeVersions,
    assemble,
    mac_of,
    start_of,
    step_at,
)


@dataclass(frozen=True, kw_only=True)
class OfVoucher:
    """Whose code: the voucher's handle, its campaign's public id, and the versions that revoke it."""

    handle: str
    campaign: str
    versions: CodeVersions


def make_rotating(keys: CodeKeys, voucher: OfVoucher, *, at: datetime) -> str:
    """The code of the step in which `at` lies."""
    return _make(keys, voucher, CodeKind.VOUCHER_ROTATING, step_at(at))


def make_printed(keys: CodeKeys, voucher: OfVoucher) -> str:
    """The code for paper: it holds as long as its voucher, and only together with an ID."""
    return _make(keys, voucher, CodeKind.VOUCHER_PRINTED, None)


def ahead(keys: CodeKeys, voucher: OfVoucher, *, now: datetime) -> list[tuple[datetime, str]]:
    """The codes of the coming ten minutes, each with the instant its step begins."""
    starts = [start_of(step_at(now) + step) for step in range(STEPS_AHEAD + 1)]
    return [(start, make_rotating(keys, voucher, at=start)) for start in starts]


def is_genuine(keys: CodeKeys, parts: CodeParts, voucher: OfVoucher, *, now: datetime) -> bool:
    """We made it for this voucher; a rotating one is of this step or a neighbour."""
    this = step_at(now)
    return _matches(keys, parts, voucher, this - STEPS_EITHER_SIDE, this + STEPS_EITHER_SIDE)


def was_genuine(keys: CodeKeys, parts: CodeParts, voucher: OfVoucher, *, now: datetime) -> bool:
    """A rotating code that was genuine within the last ten minutes: its holder need only refresh the page."""
    last = step_at(now) - STEPS_EITHER_SIDE - 1
    return parts.kind is CodeKind.VOUCHER_ROTATING and _matches(keys, parts, voucher, last - STEPS_AHEAD + 1, last)


def _make(keys: CodeKeys, voucher: OfVoucher, kind: CodeKind, step: int | None) -> str:
    return assemble(kind, keys.current, voucher.handle, _mac(keys.masters[keys.current], voucher, kind, step))


def _mac(master: bytes, voucher: OfVoucher, kind: CodeKind, step: int | None) -> str:
    day = None if step is None else business_day(start_of(step))
    return mac_of(_campaign_key(master, voucher.campaign, day), kind, voucher.handle, voucher.versions, step)


def _campaign_key(master: bytes, campaign: str, day: date | None) -> bytes:
    """Of one campaign on one day, or of its paper. No door's key has such a text (rules.py)."""
    info = f"voucher codes {day.isoformat() if day else 'on paper'} {campaign}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(master)


def _matches(keys: CodeKeys, parts: CodeParts, voucher: OfVoucher, first: int, last: int) -> bool:
    master = keys.masters.get(parts.key_id)
    if master is None:
        return False
    steps: list[int | None] = [None] if parts.kind is CodeKind.VOUCHER_PRINTED else list(range(first, last + 1))
    # Every step is computed and compared in constant time, so the answer's delay tells nothing.
    alike = [hmac.compare_digest(_mac(master, voucher, parts.kind, step), parts.mac) for step in steps]
    return any(alike)
