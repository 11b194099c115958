"""Codes that open a door: 24 digits, made and judged by the server alone (reference: issue 2, item 7).

    kind 1 · key id 1 · handle 10 · MAC 10 · check 2

Digits only, because a Chinese input method swallows the letters of a keyboard-wedge scanner; 24 of them fit the
smallest QR. The handle leads to the admission and says nothing else. The MAC proves that we made the code: its key
belongs to one venue and one business day, so a desk that is given that key (models/offline) can forge no more than its own
door on that day. Raising a version of the member or of the admission makes every code shown so far worthless.

A rotating code lives for one step of 30 seconds, and its neighbours', because phones and scanners are slow. That
stops passed-on screenshots; against cloning, the guard is the one atomic redemption.
"""

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import IntEnum

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

STEP_SECONDS = 30
STEPS_EITHER_SIDE = 1
STEPS_AHEAD = 20  # ten minutes: as far ahead as we hand codes out, so as late as an honest phone may show one

ON_PAPER = 0  # the member's version in a printed code: signing out on a phone must not void grandmother's paper
HANDLE_DIGITS = 10
MAC_DIGITS = 10
CODE_DIGITS = 24
SHORTEST_MASTER_BYTES = 32


class CodeKind(IntEnum):
    """The first digit. 1 and 2 open a door (here), 3 and 4 are vouchers (vouchers.py)."""

    ROTATING = 1
    PRINTED = 2  # for those without a phone; only at a desk, where somebody looks at an ID
    VOUCHER_ROTATING = 3
    VOUCHER_PRINTED = 4


OF_VOUCHERS = frozenset({CodeKind.VOUCHER_ROTATING, CodeKind.VOUCHER_PRINTED})


@dataclass(frozen=True)
class CodeKeys:
    """Master keys by their one-digit id. New codes are made under `current`; the others still judge."""

    masters: Mapping[int, bytes] = field(repr=False)
    current: int

    def __post_init__(self) -> None:
        if self.current not in self.masters or not all(0 <= number <= 9 for number in self.masters):
            raise ValueError("a code key's id is one digit, and the current one must be there")
        if any(len(master) < SHORTEST_MASTER_BYTES for master in self.masters.values()):
            raise ValueError(f"a code master key has at least {SHORTEST_MASTER_BYTES} bytes")


@dataclass(frozen=True)
class CodeVersions:
    """`code_version` of the member and of the admission (or voucher); raising either revokes what was shown."""

    member: int
    admission: int


@dataclass(frozen=True)
class CodeParts:
    """What a well-formed code says. Nothing of it is proved until `is_genuine` says so."""

    kind: CodeKind
    key_id: int
    handle: str
    mac: str = field(repr=False)


def new_handle() -> str:
    """Ten random digits for a new admission; the table's unique constraint catches the rare twin."""
    return f"{secrets.randbelow(10**HANDLE_DIGITS):0{HANDLE_DIGITS}d}"


def make_rotating(
    keys: CodeKeys, *, handle: str, venue: str, day: date, versions: CodeVersions, at: datetime
) -> str:
    """The code of the step in which `at` lies. `venue` is the public id, `day` the admission's business day."""
    mac = mac_of(
        _desk_key(keys.masters[keys.current], venue, day), CodeKind.ROTATING, handle, versions, step_at(at)
    )
    return assemble(CodeKind.ROTATING, keys.current, handle, mac)


def make_printed(keys: CodeKeys, *, handle: str, venue: str, day: date, versions: CodeVersions) -> str:
    """The code for paper: it holds as long as its admission, and only together with an ID."""
    mac = mac_of(_desk_key(keys.masters[keys.current], venue, day), CodeKind.PRINTED, handle, versions)
    return assemble(CodeKind.PRINTED, keys.current, handle, mac)


def ahead(
    keys: CodeKeys, *, handle: str, venue: str, day: date, versions: CodeVersions, now: datetime
) -> list[tuple[datetime, str]]:
    """The codes of the coming ten minutes, each with the instant its step begins, for weak signal."""
    starts = [start_of(step_at(now) + step) for step in range(STEPS_AHEAD + 1)]
    return [
        (start, make_rotating(keys, handle=handle, venue=venue, day=day, versions=versions, at=start))
        for start in starts
    ]


def read(text: str) -> CodeParts | None:
    """What was scanned or typed, or None when it is no code at all. Blanks between groups are forgiven."""
    digits = "".join(text.split())
    if len(digits) != CODE_DIGITS or not (digits.isascii() and digits.isdigit()) or int(digits) % 97 != 1:
        return None
    if digits[0] not in _KINDS:
        return None
    handle, mac = digits[2 : 2 + HANDLE_DIGITS], digits[2 + HANDLE_DIGITS : -2]
    return CodeParts(_KINDS[digits[0]], int(digits[1]), handle, mac)


def is_genuine(
    keys: CodeKeys, parts: CodeParts, *, venue: str, day: date, versions: CodeVersions, now: datetime
) -> bool:
    """We made it for this venue, day and these versions; a rotating one is of this step or a neighbour."""
    this = step_at(now)
    return _matches(keys, parts, venue, day, versions, this - STEPS_EITHER_SIDE, this + STEPS_EITHER_SIDE)


def was_genuine(
    keys: CodeKeys, parts: CodeParts, *, venue: str, day: date, versions: CodeVersions, now: datetime
) -> bool:
    """A rotating code that was genuine within the last ten minutes: its holder need only refresh the page."""
    last = step_at(now) - STEPS_EITHER_SIDE - 1
    return parts.kind is CodeKind.ROTATING and _matches(
        keys, parts, venue, day, versions, last - STEPS_AHEAD + 1, last
    )


def step_at(instant: datetime) -> int:
    """The number of the 30-second step, counted from 1970-01-01T00:00Z."""
    return int(instant.timestamp()) // STEP_SECONDS


def start_of(step: int) -> datetime:
    return datetime.fromtimestamp(step * STEP_SECONDS, UTC)


def desk_keys(keys: CodeKeys, *, venue: str, day: date) -> Mapping[int, bytes]:
    """For a desk that works offline: the key of this venue and day under each master. Neither a master nor another
    day's or venue's key can be had from it."""
    return {key_id: _desk_key(master, venue, day) for key_id, master in keys.masters.items()}


_KINDS = {str(kind.value): kind for kind in CodeKind}


def assemble(kind: CodeKind, key_id: int, handle: str, mac: str) -> str:
    """The 24 digits."""
    body = f"{kind.value}{key_id}{handle}{mac}"
    # ISO 7064 MOD 97-10, as in an IBAN: 97 is a prime above 10, so every wrong digit and every swap shows.
    return f"{body}{98 - int(body) * 100 % 97:02d}"


def _desk_key(master: bytes, venue: str, day: date) -> bytes:
    """The key of one venue on one day; `day` comes first, in fixed width, so no two places share a text."""
    info = f"admission codes {day.isoformat()} {venue}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(master)


def mac_of(key: bytes, kind: CodeKind, handle: str, versions: CodeVersions, step: int | None = None) -> str:
    """Ten decimal digits of HMAC-SHA256.

    The whole 256-bit number is reduced modulo 10^10, so one value is likelier than another by less than
    10^10 / 2^256, about 2^-222: nobody can ever see that. A guess hits one of three live steps with 3 in 10^10.
    """
    text = f"{kind.value}:{handle}:{versions.member}:{versions.admission}:{'' if step is None else step}"
    digest = hmac.digest(key, text.encode(), "sha256")
    return f"{int.from_bytes(digest) % 10**MAC_DIGITS:0{MAC_DIGITS}d}"


def _matches(
    keys: CodeKeys, parts: CodeParts, venue: str, day: date, versions: CodeVersions, first: int, last: int
) -> bool:
    master = keys.masters.get(parts.key_id)
    if master is None:
        return False
    key = _desk_key(master, venue, day)
    steps: list[int | None] = [None] if parts.kind is CodeKind.PRINTED else list(range(first, last + 1))
    # Every step is computed and compared in constant time, so the answer's delay tells nothing.
    alike = [
        hmac.compare_digest(mac_of(key, parts.kind, parts.handle, versions, step), parts.mac) for step in steps
    ]
    return any(alike)
