"""Somebody does something: however it ends, there is a line, and no answer goes out without it.

    async with Doing(Deed(act="payAtDesk", at=now, address=…), keys=audit_keys) as deed:
        …  # one call of a room

The line of an act that succeeds is written inside the act's own transaction, by accompanying its operations
(`database.companion`): both commit, or neither does. A reading has no transaction of its own to go along with, so its
line commits before the answer is let out. A refused act was rolled back, so its line gets a transaction to itself.
"""

import logging
from types import TracebackType

from models import database
from models.audit import deeds
from models.audit.deeds import Deed
from models.audit.rules import OK, line_of, outcome_of, signed_text
from models.errors import DomainError
from models.ids import new_id
from models.keys import AuditKeys

log = logging.getLogger(__name__)

_INSERT = """
INSERT INTO audit_line (public_id, at, actor_kind, actor_id, act, subject_kind, subject_id, venue_id, outcome,
                        is_reading, address, device_id, detail, key_id, mac, prev_hash, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, '', '')"""


class Doing:
    """Around one act or reading. A `database.Companion`."""

    __slots__ = ("_deed_mark", "_keys", "_mark", "_said", "_written", "deed")

    def __init__(self, deed: Deed, *, keys: AuditKeys) -> None:
        self.deed = deed
        self._keys = keys
        self._said = ""
        """The outcome in the line that stands."""
        self._written = ""
        """The outcome in the line of the transaction that is open."""

    async def __aenter__(self) -> Deed:
        self._deed_mark = deeds._current.set(self.deed)
        self._mark = database.companion.set(self)
        return self.deed

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        database.companion.reset(self._mark)
        deeds._current.reset(self._deed_mark)
        if not self.deed.is_wanted:
            return
        if error is None:
            if not self.deed.is_written:
                await write_down(self.deed, OK, keys=self._keys)
                self.deed.is_written = True
            return
        outcome = outcome_of(error)
        if self._said == outcome:  # an operation that keeps its refusal has kept the line as well
            return
        try:
            await write_down(self.deed, outcome, keys=self._keys)
        except Exception:  # nothing was done and nothing is told; what went wrong first is what the caller hears
            log.exception(
                "an audit line was lost: %s of %s, %s", self.deed.act, self.deed.actor_id or "nobody", outcome
            )

    async def write(self, result: object) -> None:
        self._written = ""
        if self.deed.is_written or not self.deed.is_wanted:
            return
        outcome = result.code.value if isinstance(result, DomainError) else OK
        await insert(self.deed, outcome, self._keys)
        self._written = outcome

    def committed(self) -> None:
        if self._written:
            self.deed.is_written = True
            self._said, self._written = self._written, ""


async def insert(deed: Deed, outcome: str, keys: AuditKeys) -> None:
    """One statement, inside the caller's transaction if there is one."""
    line = line_of(deed, public_id=new_id("aud"), outcome=outcome)
    key_id, mac = keys.mac(signed_text(line))
    await database.rows(_INSERT, *line.values(), key_id, mac)


@database.operation
async def write_down(deed: Deed, outcome: str, *, keys: AuditKeys) -> None:
    """One line, in a transaction of its own."""
    await insert(deed, outcome, keys)
