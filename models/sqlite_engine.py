"""SQLite, with transactions that take the write lock at once.

Tortoise's own are deferred: a reader that turns writer while another process writes fails with "database is
locked" whatever the time-out. BEGIN IMMEDIATE waits instead. Used by `make run` and half of the tests; production
runs on PostgreSQL. The module's name must contain "sqlite", since Tortoise chooses its dialect by it.
"""

import sqlite3
from typing import Any

from tortoise.backends.base.client import TransactionalDBClient
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionContext, SqliteTransactionWrapper
from tortoise.exceptions import OperationalError


class ImmediateTransaction(SqliteTransactionWrapper):
    async def begin(self) -> None:
        try:
            await self._connection.commit()
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise OperationalError(str(error)) from error


class ImmediateTransactionContext(SqliteTransactionContext):
    async def __aenter__(self) -> TransactionalDBClient:
        try:
            return await super().__aenter__()
        except OperationalError:  # Tortoise would keep its lock for ever, and this process would hang
            self._trxlock.release()
            raise


class ImmediateClient(SqliteClient):
    def _in_transaction(self) -> Any:
        return ImmediateTransactionContext(ImmediateTransaction(self), self._lock)


def get_client_class(_db_info: dict[str, Any]) -> type[ImmediateClient]:
    return ImmediateClient
