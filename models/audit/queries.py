"""What can be asked of the audit trail: its lines, by whoever may; whether it still holds; how far it is behind."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models import database
from models.audit.rules import (
    BEGINNING,
    OK,
    SIGNED,
    Broken,
    Fault,
    Head,
    Verified,
    Wanted,
    cut_text,
    link_text,
    signed_text,
)
from models.audit.tables import AuditCut
from models.errors import wrong_cursor
from models.keys import AuditKeys

COLUMNS = ", ".join((*SIGNED, "key_id", "mac", "seq", "prev_hash", "hash"))
LINES_A_READ = 1000
CHECK = "check_audit"
"""The act of the daily check's own line."""
STAFF_SIGN_INS = ("staffSignIn", "confirmSecondFactor", "desk/sign-in", "desk/code")
"""The acts by which staff come in, with a password and with a code, at either door."""
SIGN_IN_FAILURES = ("STAFF_CREDENTIALS_WRONG", "SECOND_FACTOR_WRONG", "STAFF_LOCKED")


def read(row: Any) -> dict[str, Any]:
    """A row as a line, the same on both databases."""
    return {**row, "at": database.utc(row["at"]), "is_reading": bool(row["is_reading"])}


async def search(*, wanted: Wanted, first: int, before: str | None = None) -> list[Mapping[str, Any]]:
    """The lines that are wanted, the latest first; one more than asked tells whether there are further ones.

    `before`: the public id of the last line of the page before. Raises BAD_INPUT when there is no such line.
    """
    conditions, values = _conditions(wanted)
    if before is not None:
        last = await database.row("SELECT id, at FROM audit_line WHERE public_id = $1", before)
        if last is None:
            raise wrong_cursor()
        values += (database.utc(last["at"]), last["id"])
        conditions.append(f"(at, id) < (${len(values) - 1}, ${len(values)})")
    values.append(first + 1)
    found = await database.rows(
        f"""SELECT {COLUMNS} FROM audit_line WHERE {" AND ".join(conditions) or "true"}
             ORDER BY at DESC, id DESC LIMIT ${len(values)}""",
        *values,
    )
    return [read(row) for row in found]


def _conditions(wanted: Wanted) -> tuple[list[str], list[Any]]:
    asked = {
        f"{name} =": getattr(wanted, name) for name in ("actor_id", "subject_id", "act", "venue_id", "outcome")
    }
    asked |= {"at >=": wanted.since, "at <": wanted.until}
    given = {column: value for column, value in asked.items() if value}
    conditions = [f"{column} ${number}" for number, column in enumerate(given, start=1)]
    if wanted.readings_only:
        conditions.append("is_reading")
    return conditions, list(given.values())


async def verify(*, keys: AuditKeys, head: Head | None = None, last: int | None = None) -> Verified:
    """Follows the whole chain, or its last so many lines, up to the first place that does not hold.

    `head` was noted elsewhere (the worker logs it): without it a tail that was cut off cleanly cannot be told from
    one that never was. Reads in pieces, beside everything else that happens.
    """
    found = await _verify(keys, head, last)
    while found.broken is not None and found.broken.fault is Fault.MISSING and await _was_cut_since(found.head):
        found = await _verify(keys, head, last)
    return found


async def _was_cut_since(head: Head) -> bool:
    """Whether lines behind this one were taken away properly while somebody was reading there."""
    return await AuditCut.filter(seq__gt=head.seq).exists()


async def _verify(keys: AuditKeys, head: Head | None, last: int | None) -> Verified:
    start, fault = await _beginning(keys, last)
    walked = _Walk(keys, start, head)
    while fault is None:
        found = await database.rows(
            f"SELECT {COLUMNS} FROM audit_line WHERE seq > $1 ORDER BY seq LIMIT $2", walked.at.seq, LINES_A_READ
        )
        fault = walked.along(found)
        if len(found) < LINES_A_READ:
            break
    waiting = await database.rows(f"SELECT {COLUMNS} FROM audit_line WHERE seq IS NULL ORDER BY id")
    fault = fault or walked.tail() or _first_fault(waiting, keys)
    return Verified(lines=walked.lines, head=walked.at, waiting=len(waiting), broken=fault)


class _Walk:
    """Along the chain, line by line."""

    def __init__(self, keys: AuditKeys, start: Head, noted: Head | None) -> None:
        self.keys = keys
        self.at = start
        self.lines = 0
        self._noted = noted

    def along(self, found: Any) -> Broken | None:
        for row in found:
            line = read(row)
            fault = self._fault(line)
            if fault is not None:
                return fault
            self.at = Head(line["seq"], line["hash"])
            self.lines += 1
            if self._noted is not None and self._noted.seq == self.at.seq and self._noted != self.at:
                return Broken(Fault.TAIL_CUT, f"seq {self.at.seq}")
        return None

    def _fault(self, line: Mapping[str, Any]) -> Broken | None:
        place = f"seq {self.at.seq + 1}"
        if line["seq"] != self.at.seq + 1:
            return Broken(Fault.MISSING, place)
        if fault := _own_fault(line, self.keys):
            return Broken(fault, place)
        text = link_text(seq=line["seq"], prev_hash=self.at.hash, mac=line["mac"])
        if line["prev_hash"] != self.at.hash or not self.keys.holds(text, line["key_id"], line["hash"]):
            return Broken(Fault.OUT_OF_PLACE, place)
        return None

    def tail(self) -> Broken | None:
        """After the last line: whether the head that was noted was among them, or before all of them."""
        if self._noted is None or self._noted.seq <= self.at.seq:
            return None
        return Broken(Fault.TAIL_CUT, f"seq {self.at.seq + 1}")


async def _beginning(keys: AuditKeys, last: int | None) -> tuple[Head, Broken | None]:
    """What the first line that is looked at must follow: the last cut, or the line before; and a cut of nobody's."""
    cut = await AuditCut.all().order_by("-seq").first()
    start = BEGINNING
    if cut is not None:
        text = cut_text(seq=cut.seq, hash_=cut.hash, lines=cut.lines, cut_at=cut.cut_at)
        start = Head(cut.seq, cut.hash)
        if not keys.holds(text, cut.key_id, cut.mac):
            return start, Broken(Fault.EDITED, f"cut at seq {cut.seq}")
    if last is None:
        return start, None
    before = await database.row(
        """SELECT seq, hash FROM audit_line
            WHERE seq <= (SELECT MAX(seq) FROM audit_line) - $1 ORDER BY seq DESC LIMIT 1""",
        last,
    )
    return (start if before is None else Head(before["seq"], before["hash"])), None


def _first_fault(waiting: Any, keys: AuditKeys) -> Broken | None:
    for row in waiting:
        if fault := _own_fault(read(row), keys):
            return Broken(fault, f"line {row['public_id']}")
    return None


def _own_fault(line: Mapping[str, Any], keys: AuditKeys) -> Fault | None:
    if line["key_id"] not in keys.keys:
        return Fault.KEY_UNKNOWN
    return None if keys.holds(signed_text(line), line["key_id"], line["mac"]) else Fault.EDITED


@dataclass(frozen=True, slots=True)
class State:
    """For /metrics."""

    waiting: int
    oldest_waiting_s: float
    is_broken: bool


async def state(*, now: datetime) -> State:
    """How far chaining is behind, and what the last daily check found."""
    waiting = await database.row("SELECT COUNT(*) AS lines, MIN(at) AS since FROM audit_line WHERE seq IS NULL")
    assert waiting is not None
    age = (now - database.utc(waiting["since"])).total_seconds() if waiting["since"] else 0
    checked = await last_check()
    return State(waiting["lines"], max(age, 0), checked is not None and checked["outcome"] != OK)


async def staff_sign_ins_failed(*, now: datetime, within: timedelta = timedelta(hours=1)) -> int:
    """For /metrics: wrong passwords and codes, and attempts while an account was locked, also under names that are
    nobody's. By the index over act and time; what rates refused before is counted there."""
    acts, outcomes = (", ".join(f"'{word}'" for word in words) for words in (STAFF_SIGN_INS, SIGN_IN_FAILURES))
    counted = await database.row(
        f"SELECT COUNT(*) AS lines FROM audit_line WHERE act IN ({acts}) AND at > $1 AND outcome IN ({outcomes})",
        now - within,
    )
    assert counted is not None
    return int(counted["lines"])


async def last_check() -> Mapping[str, Any] | None:
    """The line of the last daily check, or None."""
    row = await database.row(
        f"""SELECT {COLUMNS} FROM audit_line WHERE act = $1 AND actor_kind = 'SYSTEM' ORDER BY at DESC, id DESC LIMIT 1""",
        CHECK,
    )
    return None if row is None else read(row)
