"""A queue for people who are not in the database yet: there is no row to lock before the first one is written."""

import hashlib

from models import database


async def alone_with(*names: str) -> None:
    """Until the caller's transaction ends, nobody else is past this line with one of these names.

    Always taken in one order, so two callers never wait for each other. SQLite has one writer anyway.
    """
    if not database.on_postgres():
        return
    numbers = {int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True) for name in names}
    for number in sorted(numbers):
        await database.rows("SELECT pg_advisory_xact_lock($1)", number)
