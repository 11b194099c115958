"""What a desk writes down while it is offline, and what is said of it when it comes in. Pure.

docs/offline.md describes every byte; a client that has only that page can speak with us.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

import orjson
from cryptography.hazmat.primitives.asymmetric import ec

from models.codes import passes
from models.errors import BadInput, DomainError, ErrorCode
from models.vouchers.rules import RestWay

SIGNED_AS = b"sports-for-all offline entry 1\n"
KIT_SIGNED_AS = b"sports-for-all offline kit 1\n"
FORMAT = 1
NO_HASH = "0" * 64
"""What the first entry of a desk names as the one before."""
CLOCKS_APART = timedelta(minutes=2)
"""So far a desk's time may be off, after it was put right by the server's in the kit."""
MOST_ENTRIES = 100
"""In one upload: some 60 KiB of the 256 that a request may have."""
LONGEST_BODY = 1000
MOST_BILL_FEN = 100_000_00
MOST_CAP_FEN = 20_000_00
MOST_CAP_COUNT = 500
PASSES, KITS = "passes", "kits"
"""What a key is for (keys.OfflineKeys)."""


class EntryKind(StrEnum):
    CODE = "CODE"  # a booking's code
    PASS = "PASS"  # noqa: S105 - a voucher's


class Outcome(StrEnum):
    """What became of an entry that was not refused; a refusal's outcome is its code."""

    ENTERED = "ENTERED"
    DONE = "DONE"  # the voucher is used
    WAITING = "WAITING"  # the voucher is reserved for an order or a bill: judged when that has ended
    CONFLICT_PAID = "CONFLICT_PAID"
    CONFLICT_HELD = "CONFLICT_HELD"


class ConflictState(StrEnum):
    PAID = "PAID"  # to the venue, from the campaign's reserve; a booking's: the citizen settled it with the venue
    HELD = "HELD"  # a person decides: the reserve is empty, or a booking was given up by whoever had been let in
    REFUSED = "REFUSED"  # that person decided that nothing is paid
    BORNE = "BORNE"  # by the venue: its desk could have known; a booking's: a rule or a person left it with the citizen


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a desk signed. `at` is the time of its own clock, `offset` what brings that to the server's."""

    desk: str
    kit: str
    number: int
    previous: str
    at: datetime
    offset: timedelta
    kind: EntryKind
    text: str  # the code's or the pass's digits
    bill_fen: int = 0
    sport: str = ""
    rest_way: str = ""

    @property
    def stated_at(self) -> datetime:
        return self.at + self.offset


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """To one entry. `kept`: we have it, and the desk may let go of it."""

    number: int | None
    outcome: str
    message: str
    next_step: str = ""
    kept: bool = True
    use_no: str = ""
    admission_id: str = ""

    def as_json(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_json(cls, answer: Any) -> Self:
        return cls(**answer)


def refusal(number: int | None, no: DomainError, *, kept: bool = True) -> Answer:
    return Answer(
        number=number, outcome=no.code.value, message=no.message, next_step=no.next_step or "", kept=kept
    )


_OF_BOTH = {"format": int, "desk": str, "kit": str, "number": int, "previous": str, "at": str, "offsetMs": int}
_OF_BOTH |= {"kind": str, "text": str}
_OF_PASSES = {"bill": int, "sport": str, "rest": str}
_AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_KIT = re.compile(r"kit_[0-9A-Z]{1,28}")
_HASH = re.compile(r"[0-9a-f]{64}")
_MOST_OFFSET_MS = 86_400_000 * 366


def read(body: str) -> Entry | None:
    """The entry in a signed text, or None when it is none: every field there, of its type, and nothing else."""
    try:
        said = orjson.loads(body)
        expected = _OF_BOTH | (_OF_PASSES if said["kind"] == EntryKind.PASS else {})
        if {name: type(value) for name, value in said.items()} != expected:
            return None
        kind, at = EntryKind(said["kind"]), said["at"]
        fits = (
            said["format"] == FORMAT
            and 1 <= said["number"] < 2**31
            and _KIT.fullmatch(said["kit"])
            and _HASH.fullmatch(said["previous"])
            and _AT.fullmatch(at)
            and abs(said["offsetMs"]) <= _MOST_OFFSET_MS
        )
        if not fits:
            return None
        if kind is EntryKind.PASS:
            if not 0 < said["bill"] <= MOST_BILL_FEN or len(said["sport"]) > 24:
                return None
            RestWay(said["rest"])
        entry = Entry(
            desk=said["desk"],
            kit=said["kit"],
            number=said["number"],
            previous=said["previous"],
            at=datetime.fromisoformat(at),
            offset=timedelta(milliseconds=said["offsetMs"]),
            kind=kind,
            text=said["text"],
            bill_fen=said.get("bill", 0),
            sport=said.get("sport", ""),
            rest_way=said.get("rest", ""),
        )
        assert entry.stated_at.year < 9000  # whatever is added to it later is a time too
    except (
        orjson.JSONDecodeError,
        KeyError,
        TypeError,
        AttributeError,
        ValueError,
        OverflowError,
        AssertionError,
    ):
        return None
    return entry


def hash_of(body: str) -> str:
    """By which the next entry names this one."""
    return hashlib.sha256(body.encode()).hexdigest()


def is_signed(public_key: str, signature: str, body: str) -> bool:
    key, raw = key_of(public_key), _raw(signature)
    return key is not None and raw is not None and passes.verifies(key, raw, SIGNED_AS + body.encode())


def key_of(text: str) -> ec.EllipticCurvePublicKey | None:
    """A public key of a desk, from base64; None when it is none."""
    point = _raw(text)
    return None if point is None else passes.public_key_of(point)


def _raw(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def accepted_at(stated: datetime, *, not_before: datetime, not_after: datetime) -> datetime | None:
    """The desk's time within what we know: after its kit, after the entry before, before we got it. A little outside
    of that it is moved to the bound; further away it is no time at all, and None."""
    if not not_before - CLOCKS_APART <= stated <= not_after + CLOCKS_APART:
        return None
    return min(max(stated, not_before), not_after)


def checked_caps(most_fen: int, most_count: int) -> None:
    """Raises BAD_INPUT."""
    if not 0 <= most_fen <= MOST_CAP_FEN:
        raise BadInput(f"离线额度应为0到{MOST_CAP_FEN // 100}元。", field="mostFen")
    if not 0 <= most_count <= MOST_CAP_COUNT:
        raise BadInput(f"离线张数应为0到{MOST_CAP_COUNT}张。", field="mostCount")


def _no(code: ErrorCode, message: str, next_step: str) -> DomainError:
    return DomainError(message, code=code, next_step=next_step)


_BEAR = "这一笔由场馆承担，顾客的券没有用掉。"
UNREADABLE = _no(ErrorCode.BAD_INPUT, "这一条离线记录读不懂，没有收下。", "请保留这台设备上的记录，联系技术支持。")
UNSIGNED = _no(ErrorCode.SIGNATURE_WRONG, "这一条离线记录的签名不对，没有收下。", "请用登记的那台设备重新上传。")
ANOTHER_DESK = _no(
    ErrorCode.OFFLINE_DESK_UNKNOWN, "这一条记录不是这台离线设备的，没有收下。", "请选择正确的设备上传。"
)
FORKED = _no(
    ErrorCode.CHAIN_FORKED,
    "这个序号已有另一条不同的记录，先收到的为准，这一条已留存备查。",
    "设备可能被复制或回退过，请停用这台设备并重新登记。",
)
BROKEN = _no(ErrorCode.CHAIN_BROKEN, "这一条与前后记录接不上，没有入账。", f"{_BEAR}请停用这台设备并重新登记。")
KIT_UNKNOWN = _no(ErrorCode.KIT_UNKNOWN, "这一条引用的离线包不是发给这台设备的。", f"{_BEAR}请联网领取离线包。")
CLOCK_WRONG = _no(
    ErrorCode.CLOCK_WRONG, "设备的时间与服务器对不上，没有入账。", f"{_BEAR}请校准时间后重新领取离线包。"
)
DESK_ENDED = _no(ErrorCode.OFFLINE_DESK_ENDED, "这台离线设备已停用。", f"{_BEAR}如仍需离线核销，请重新登记设备。")
CAP_REACHED = _no(
    ErrorCode.OFFLINE_CAP_REACHED, "已超过这台设备当天的离线额度或张数。", f"{_BEAR}请恢复网络后核销。"
)
PASS_UNKNOWN = _no(ErrorCode.PASS_UNKNOWN, "这不是本平台的离线券码。", f"{_BEAR}请让顾客联网后出示消费券码。")
PASS_OVER = _no(ErrorCode.PASS_OVER, "接受的时候，这个离线券码已经过期。", f"{_BEAR}请顾客重新打开离线券码。")
PASS_REVOKED = _no(
    ErrorCode.PASS_REVOKED, "这个离线券码在离线包的作废名单里，不应接受。", f"{_BEAR}请按名单拒绝作废的券码。"
)
USED_HERE = _no(
    ErrorCode.VOUCHER_USED, "这张券已在本馆使用过，同一张券不重复付给同一家场馆。", "这一笔由场馆承担。"
)
ON_PAPER = _no(ErrorCode.PAPER_NOT_OFFLINE, "离线时不能使用纸质码，没有记入。", "请恢复网络后核对证件再核销。")
