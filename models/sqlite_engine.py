"""SQLite, with transactions that take the write lock at once.

Tortoise's own are deferred: a reader that turns writer while another process writes fails with "database is
locked" whatever the time-out. BEGIN IMMEDIATE waits instead. Used by `make run` and half of the tests; production
runs on PostgreSQL. The module's name must contain "sqlite", since Tortoise chooses its dialect by it.
"""

import asyncio
import sqlite3
from typing import Any, cast

from tortoise.backends.base.client import TransactionalDBClient
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionContext, SqliteTransactionWrapper
from tortoise.connection import get_connections
from tortoise.exceptions import OperationalError


class ImmediateTransaction(SqliteTransactionWrapper):
    async def begin(self) -> None:
        try:
            await self._connection.commit()
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise OperationalError(str(error)) from error
        except asyncio.CancelledError:  # the statement goes on in its thread, and may yet take the write lock
            await self._connection.rollback()
            raise


class ImmediateTransactionContext(SqliteTransactionContext):
    async def __aenter__(self) -> TransactionalDBClient:
        """Tortoise's own keeps its lock for ever when it is cancelled or refused, and the process would hang."""
        await self._trxlock.acquire()
        try:
            await self.ensure_connection()
            await self.connection.begin()
        except BaseException:
            self._trxlock.release()
            raise
        self.token = get_connections().set(self.connection_name, self.connection)
        return cast(TransactionalDBClient, self.connection)


class ImmediateClient(SqliteClient):
    def _in_transaction(self) -> Any:
        return ImmediateTransactionContext(ImmediateTransaction(self), self._lock)


def get_client_class(_db_info: dict[str, Any]) -> type[ImmediateClient]:
    return ImmediateClient
