"""The audit trail, seconds after it was written: chained, and once a day followed from end to end."""

import logging
from datetime import timedelta

from jobs.job import Tools
from models.audit import operations, queries
from models.audit.deeds import Deed
from models.audit.doing import write_down
from models.audit.rules import OK

log = logging.getLogger(__name__)

RUNS_AT_MOST = 20
CHECKED_EVERY = timedelta(days=1)


async def chain_audit(tools: Tools) -> int:
    """Gives new lines their places in the chain, and notes its end in the log, which is kept elsewhere: whoever cuts
    the chain's tail off in the database cannot cut it off there. Gives how many lines."""
    chained = 0
    for _ in range(RUNS_AT_MOST):
        done = await operations.chain_some(keys=tools.audit_keys)
        chained += done.lines
        if done.lines < operations.LINES_A_RUN:
            break
    if chained:
        log.info("audit chain ends at %s", done.head)
    return chained


async def check_audit(tools: Tools) -> int:
    """Follows the whole chain, once a day, and leaves a line that says what was found. Gives how many lines hold."""
    now = tools.clock()
    last = await queries.last_check()
    if last is not None and now - last["at"] < CHECKED_EVERY:
        return 0
    found = await queries.verify(keys=tools.audit_keys)
    detail = f"{found.lines} lines up to seq {found.head.seq}"
    if found.broken is not None:
        log.error("the audit chain is broken: %s", found.broken)
        detail = f"{found.broken}, after {detail}"
    deed = Deed(actor_kind="SYSTEM", actor_id="worker", act=queries.CHECK, at=now, detail=detail)
    await write_down(deed, OK if found.broken is None else "BROKEN", keys=tools.audit_keys)
    return found.lines
