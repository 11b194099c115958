"""What happens to lines afterwards: the worker chains them, and cuts off what is older than anybody wants.

A line is written by whoever acts, in their own transaction, so lines cannot wait for one another there: a desk would
wait for every other desk. One worker at a time puts them into a row, seconds later. `seq` is therefore the order of
chaining, not of acting: on PostgreSQL a lower id may commit after a higher one was chained, and simply comes later.
Until then a line is guarded by its own MAC and by the database's triggers (`models/guards/`).
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models import database
from models.audit.queries import COLUMNS, read
from models.audit.rules import BEGINNING, KEPT, Head, cut_text, link_text, signed_text
from models.audit.tables import AuditCut
from models.keys import AuditKeys

log = logging.getLogger(__name__)

LINES_A_RUN = 500
LINES_A_CUT = 5000


@dataclass(frozen=True, slots=True)
class Chained:
    lines: int
    head: Head


@database.operation
async def chain_some(*, keys: AuditKeys, limit: int = LINES_A_RUN) -> Chained:
    """Gives the oldest unchained lines their places, at most so many, and tells where the chain ends now.

    A line whose MAC does not hold gets its place as well, with an error in the log: it stays where it was found, and
    whoever verifies stops there. A line whose key this process does not know waits, with all after it, for a process
    that knows it.
    """
    await database.alone_with("audit chain")
    head = await _end()
    waiting = await database.rows(
        f"SELECT id, {COLUMNS} FROM audit_line WHERE seq IS NULL ORDER BY id LIMIT $1", limit
    )
    places: list[Any] = []
    for row in waiting:
        line = read(row)
        if line["key_id"] not in keys.keys:
            log.error("audit line %s needs key %r, which is not in AUDIT_KEYS", line["public_id"], line["key_id"])
            break
        if not keys.holds(signed_text(line), line["key_id"], line["mac"]):
            log.error("audit line %s was not written by us, or was edited", line["public_id"])
        seq = head.seq + 1
        link = keys.mac_under(line["key_id"], link_text(seq=seq, prev_hash=head.hash, mac=line["mac"]))
        places += (row["id"], seq, head.hash, link)
        head = Head(seq, link)
    if places:
        await _put(places)
    return Chained(len(places) // 4, head)


async def _put(places: list[Any]) -> None:
    values = ", ".join(
        f"(${at}::bigint, ${at + 1}::bigint, ${at + 2}::text, ${at + 3}::text)"
        for at in range(1, len(places) + 1, 4)
    )
    await database.rows(
        f"""UPDATE audit_line SET seq = place.column2, prev_hash = place.column3, hash = place.column4
              FROM (VALUES {values}) AS place WHERE audit_line.id = place.column1""",
        *places,
    )


async def _end() -> Head:
    """Where the chain ends: its last line; or the last cut, when no line is left."""
    last = await database.row(
        """SELECT seq, hash FROM (SELECT seq, hash FROM audit_line WHERE seq IS NOT NULL
                                  UNION ALL SELECT seq, hash FROM audit_cut) AS ends ORDER BY seq DESC LIMIT 1"""
    )
    return BEGINNING if last is None else Head(last["seq"], last["hash"])


@database.operation
async def cut_old(*, keys: AuditKeys, now: datetime, limit: int = LINES_A_CUT) -> int:
    """Takes away the oldest lines once they are older than KEPT, and says so in an `AuditCut`, from where the chain
    goes on. Gives how many went, at most `limit`; the database lets nobody take a younger one."""
    await database.alone_with("audit chain")
    bounds = await database.row("SELECT MIN(seq) AS first FROM audit_line WHERE seq IS NOT NULL")
    first = bounds["first"] if bounds else None
    if first is None:
        return 0
    found = await database.rows(
        "SELECT seq, hash, at FROM audit_line WHERE seq >= $1 AND seq < $2 ORDER BY seq", first, first + limit
    )
    old = []
    for row in found:
        if database.utc(row["at"]) >= now - KEPT:
            break  # what was chained after a younger line waits for it: a chain is cut at one place
        old.append(row)
    if not old:
        return 0
    last = old[-1]
    text = cut_text(seq=last["seq"], hash_=last["hash"], lines=len(old), cut_at=now)
    key_id, mac = keys.mac(text)
    await AuditCut.create(seq=last["seq"], hash=last["hash"], lines=len(old), cut_at=now, key_id=key_id, mac=mac)
    await database.rows("DELETE FROM audit_line WHERE seq <= $1", last["seq"])
    return len(old)
