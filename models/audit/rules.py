"""What is true of the audit trail: what a line says, how long it is kept, and what a break in the chain is. Pure."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from models.audit.deeds import Deed
from models.errors import BadInput, DomainError, wrong_page_size

OK = "OK"
INTERNAL = "INTERNAL"
STOPPED = "STOPPED"
"""It was cut short: the caller went away, or it took too long. What had not committed has not happened."""

KEPT = timedelta(days=3 * 365)
"""PIPL art. 55 and 56 want records of handling for three years, so lines are kept as long. The database itself refuses
to delete any within half a year (`models/guards/`)."""

LINES_A_PAGE = 100
LONGEST_REASON = 200
SHORTEST_REASON = 5

_LONGEST = {"act": 60, "subject_kind": 16, "subject_id": 40, "venue_id": 32, "outcome": 40, "address": 64}
_LONGEST |= {"device_id": 96, "detail": 300, "actor_id": 40}
_PUBLIC_ID = re.compile(r"[a-z]{2,6}_[0-9A-Za-z]{8,28}|[A-Z][0-9A-Z]{20}")
_FILTERED = re.compile(r"[0-9A-Za-z_.:/ -]{1,60}")
_LONG_NUMBER = re.compile(r"[0-9]{7,}[0-9Xx]?")
_OF_A_PERSON = re.compile(
    r"(?<![0-9])(?:1[ -]?[3-9](?:[ -]?[0-9]){9}|[0-9](?:[ -]?[0-9]){16}[ -]?[0-9Xx])(?![0-9])"
)
"""A mobile or an ID number, as people space them."""
_WIDE = str.maketrans("０１２３４５６７８９Ｘｘ", "0123456789Xx")
_KINDS = {"mem": "MEMBER", "ord": "ORDER", "ven": "VENUE", "adm": "ADMISSION", "stf": "STAFF", "shf": "SHIFT"}
_KINDS |= {"cam": "CAMPAIGN"}
_KINDS |= {"rsk": "RISK_PROPOSAL", "K": "RISK_CASE"}
_KINDS |= {"O": "ORDER", "P": "PAYMENT", "R": "REFUND"}

SIGNED = (
    *("public_id", "at", "actor_kind", "actor_id", "act", "subject_kind", "subject_id", "venue_id", "outcome"),
    *("is_reading", "address", "device_id", "detail"),
)
"""What a line says, in the order in which it is signed."""


def line_of(deed: Deed, *, public_id: str, outcome: str) -> dict[str, Any]:
    """The line of a deed, everything cut to what its column holds."""
    said = {name: getattr(deed, name) for name in SIGNED if name not in ("public_id", "outcome")}
    said |= {"public_id": public_id, "outcome": outcome, "at": deed.at.astimezone(UTC)}
    return {name: _printable(said[name])[: _LONGEST[name]] if name in _LONGEST else said[name] for name in SIGNED}


def signed_text(line: Mapping[str, Any]) -> str:
    """What the MAC of a line is over."""
    at: datetime = line["at"]
    said = [line[name] for name in SIGNED]
    said[SIGNED.index("at")] = at.astimezone(UTC).isoformat(timespec="microseconds")
    said[SIGNED.index("is_reading")] = bool(line["is_reading"])
    return "line:" + json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def link_text(*, seq: int, prev_hash: str, mac: str) -> str:
    """What the chain's hash is over: the line, by its MAC, its place, and all before it."""
    return f"link:{seq}:{prev_hash}:{mac}"


def cut_text(*, seq: int, hash_: str, lines: int, cut_at: datetime) -> str:
    return f"cut:{seq}:{hash_}:{lines}:{cut_at.astimezone(UTC).isoformat(timespec='microseconds')}"


def subject_of(text: object) -> tuple[str, str] | None:
    """Kind and id, where somebody's word has the form of an id of ours; never anything else that they typed."""
    if not isinstance(text, str) or not _PUBLIC_ID.fullmatch(text):
        return None
    prefix = text.partition("_")[0] if "_" in text else text[0]
    return _KINDS.get(prefix, prefix.upper()), text


def told_by(deed: Deed, words: Iterable[object]) -> None:
    """What somebody asks about, by their own words: also what they are refused. No word that is no id of ours."""
    for word in words:
        found = subject_of(word)
        if found is None:
            continue
        kind, public_id = found
        if kind == "VENUE":
            deed.venue_id = public_id
        elif not deed.subject_id or kind == "MEMBER":
            deed.subject_kind, deed.subject_id = kind, public_id


def checked_reason(reason: str) -> str:
    """Why somebody looks: 5 to 200 characters. Raises BAD_INPUT. Long numbers in it are masked, as it is kept."""
    said = reason.strip().translate(_WIDE)
    if not (SHORTEST_REASON <= len(said) <= LONGEST_REASON and said.isprintable()):
        raise BadInput("请填写查看的原因。", next_step="用5到200个字说明为什么需要查看。", field="reason")
    for number in (_OF_A_PERSON, _LONG_NUMBER):
        said = number.sub(lambda found: f"{found[0][:2]}****", said)
    return said


def outcome_of(error: BaseException) -> str:
    """In one word, what became of a deed that failed."""
    if isinstance(error, DomainError):
        return error.code.value
    return INTERNAL if isinstance(error, Exception) else STOPPED


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else " " for character in text)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines are looked for; what is empty does not matter. `since` inclusive, `until` exclusive."""

    actor_id: str = ""
    subject_id: str = ""
    act: str = ""
    venue_id: str = ""
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None
    readings_only: bool = False

    def words(self) -> str:
        """As the line of the search itself tells it."""
        said = {name: getattr(self, name) for name in ("actor_id", "subject_id", "act", "venue_id", "outcome")}
        said |= {name: at and f"{at.astimezone(UTC):%Y-%m-%dT%H:%MZ}" for name, at in self._span().items()}
        said["readings_only"] = "yes" if self.readings_only else ""
        return " ".join(f"{name}={value}" for name, value in said.items() if value) or "everything"

    def _span(self) -> dict[str, datetime | None]:
        return {"since": self.since, "until": self.until}


def checked_search(wanted: Wanted, *, first: int) -> Wanted:
    """Raises BAD_INPUT. What is searched for is kept in the search's own line, so it must look like ours."""
    if not 1 <= first <= LINES_A_PAGE:
        raise wrong_page_size(LINES_A_PAGE)
    for name in ("actor_id", "subject_id", "act", "venue_id", "outcome"):
        value = getattr(wanted, name)
        if value and (not _FILTERED.fullmatch(value) or _LONG_NUMBER.fullmatch(value)):
            raise BadInput(
                "查询条件的格式不正确。", next_step="请填写编号或名称，不要填写手机号、证件号。", field=name
            )
    for at in (wanted.since, wanted.until):
        if at is not None and at.tzinfo is None:
            raise BadInput("时间缺少时区。", next_step="请使用带时区的时间，如 2026-11-20T10:00:00+08:00。")
    return wanted


@dataclass(frozen=True, slots=True)
class Head:
    """The last line of the chain: kept elsewhere, it shows whether a tail was cut off."""

    seq: int
    hash: str

    def __str__(self) -> str:
        """In groups of eight, since a log masks long numbers."""
        return f"{self.seq}:{'-'.join(self.hash[at : at + 8] for at in range(0, len(self.hash), 8))}"

    @classmethod
    def read(cls, text: str) -> "Head":
        """What `str` gave, or the same without dashes. Raises BAD_INPUT."""
        seq, _, hash_ = text.strip().partition(":")
        hash_ = hash_.replace("-", "").lower()
        if not (seq.isascii() and seq.isdigit() and len(seq) < 19 and re.fullmatch(r"[0-9a-f]{64}", hash_)):
            raise BadInput("--head takes SEQ:HASH, as the log's line `audit chain` tells it.", field="head")
        return cls(int(seq), hash_)


BEGINNING = Head(0, "")
"""What the first line follows."""


class Fault(StrEnum):
    """What does not hold at the first place where something does not."""

    EDITED = "EDITED"  # or forged: its MAC is not under one of our keys
    MISSING = "MISSING"  # a number of the chain is not there
    OUT_OF_PLACE = "OUT_OF_PLACE"  # the line itself holds, but it does not follow the one before: swapped, moved
    TAIL_CUT = "TAIL_CUT"  # the head that was noted elsewhere is not there any more, or is another one
    KEY_UNKNOWN = "KEY_UNKNOWN"  # its key has left AUDIT_KEYS: nobody can say whether it holds


@dataclass(frozen=True, slots=True)
class Broken:
    fault: Fault
    where: str
    """`seq 12`, `line aud_…` (not chained yet) or `cut at seq 12`."""

    def __str__(self) -> str:
        return f"{self.fault} at {self.where}"


@dataclass(frozen=True, slots=True)
class Verified:
    """What came of checking the chain."""

    lines: int
    head: Head
    waiting: int
    """Lines that are not chained yet; their own MACs were checked."""
    broken: Broken | None
