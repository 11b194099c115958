"""PostgreSQL that may be away, hang or be slow: nobody waits for it without a bound, and everybody hears `Busy`.

Tortoise's own engine waits for ever for a free connection, keeps a connection for good when BEGIN fails on it, and
lets whatever a lost connection throws reach the entrance. Statements have their bound from `database.connect`. The
module's name must contain "asyncpg", since Tortoise chooses the migrations' dialect by it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, cast

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import (
    NestedTransactionContext,
    PoolConnectionWrapper,
    TransactionalDBClient,
    TransactionContextPooled,
)
from tortoise.connection import get_connections
from tortoise.exceptions import TransactionManagementError

from models.errors import Busy, DomainError
from models.ids import letters

CONNECT_SECONDS = 3  # to open one connection
ACQUIRE_SECONDS = 3  # to get one of the pool's, opening included
FULL_SECONDS = 0.05  # between two attempts while the server has no connection left for anybody
TIDY_SECONDS = 0.5  # to cancel, roll back and hand back after a failure; then the connection is cut
CLOSE_SECONDS = 3
RETURNS_TO_TIDY = 1000  # every so often a connection goes back through the pool, which renews the old ones
CALM_SECONDS = 1  # without a failure, before it is said that the database answers again

_AWAY_STATES = {
    "25P03",  # idle_in_transaction_session_timeout: we were the ones who slept
    "53300",  # too many connections
    "57014",  # statement_timeout
    "57P01",  # shut down by an administrator
    "57P02",  # crashed
    "57P03",  # not up yet
    "57P05",  # idle_session_timeout
}

_GONE = ("connection is closed", "connection was closed", "connection has been released", "pool is clos")

_ALL_KINDS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""Of what asyncpg throws when a connection is no good any more; TimeoutError is an OSError."""

log = logging.getLogger(__name__)


class DatabaseAway(Busy):
    """The database did not answer, or not in time. Whether a commit arrived is then unknown, which is why every
    act has a number of its own under which it may be asked for again."""

    def __init__(self, reference: str) -> None:
        DomainError.__init__(self, f"系统繁忙（编号 {reference}）。", next_step="请稍等几秒再试，不会重复下单。")
        self.reference = reference


def is_away(error: BaseException) -> bool:
    """Does this say that the database is unreachable, stopping, starting, or too slow?"""
    if isinstance(error, asyncpg.InterfaceError):  # most are mistakes of ours
        return any(words in str(error) for words in _GONE)
    if isinstance(error, asyncpg.InternalClientError):  # how asyncpg takes a farewell between two statements
        return True
    if isinstance(error, asyncpg.PostgresError):
        return error.sqlstate in _AWAY_STATES or isinstance(error, asyncpg.PostgresConnectionError)
    return isinstance(error, OSError)  # refused, reset, no such socket, no such host; TimeoutError is one


class Watch:
    """Logs one line when the database stops answering and one when it answers again, however many requests fail
    in between. They share the reference that the people are told."""

    def __init__(self) -> None:
        self.failures = 0
        self._reference = ""
        self._began = self._latest = 0.0

    def failed(self, error: BaseException) -> DatabaseAway:
        self._latest = time.monotonic()
        if not self.failures:
            self._began = self._latest
            self._reference = letters(6)
            log.warning(
                "the database does not answer: %s",
                f"{type(error).__name__}: {error}".removesuffix(": "),
                extra={"reference": self._reference},
            )
        self.failures += 1
        return DatabaseAway(self._reference)

    def answered(self) -> None:
        """Called only while there are failures. Single slow statements among quick ones are one disturbance."""
        now = time.monotonic()
        if now - self._latest < CALM_SECONDS:
            return
        log.warning(
            "the database answers again after %.1f s; %d requests were told to come back",
            now - self._began,
            self.failures,
            extra={"reference": self._reference},
        )
        self.failures = 0


class Spares:
    """Connections that stay out of asyncpg's pool between two statements: giving one back to it and taking it again
    costs as much as a small statement. At most `kept` of them, and none while somebody waits."""

    def __init__(self, kept: int) -> None:
        self.kept = kept
        self.acquire_seconds: float = ACQUIRE_SECONDS
        self._spare: list[Any] = []
        self._waiting = 0
        self._returned = 0

    def __len__(self) -> int:
        return len(self._spare)

    async def take(self, pool: Any) -> Any:
        """Raises TimeoutError after `acquire_seconds`, and what connecting raises."""
        while self._spare:
            connection = self._spare.pop()
            if not connection.is_closed():
                return connection
            await _hand_back(pool, connection, after_failure=True)
        self._waiting += 1
        try:
            return await self.within_time(pool.acquire)
        finally:
            self._waiting -= 1

    async def within_time(self, opening: Callable[[], Awaitable[Any]]) -> Any:
        """At a full server it is tried again: other processes give back what they opened for one busy moment, such as
        the jobs of a whole minute, and one of our own may come free before."""
        full: asyncpg.TooManyConnectionsError | None = None
        try:
            async with asyncio.timeout(self.acquire_seconds):
                while True:
                    try:
                        return await opening()
                    except asyncpg.TooManyConnectionsError as error:
                        full = error
                    await asyncio.sleep(FULL_SECONDS)
        except TimeoutError:
            raise full or TimeoutError from None

    async def give_back(self, pool: Any, connection: Any, *, after_failure: bool) -> None:
        """After a failure, and now and then, through the pool, which tidies up and renews."""
        self._returned += 1
        may_stay = pool is not None and len(self._spare) < self.kept and self._returned % RETURNS_TO_TIDY
        if after_failure or self._waiting or not may_stay or connection.is_in_transaction():
            await _hand_back(pool, connection, after_failure=after_failure)
        else:
            self._spare.append(connection)

    async def empty(self, pool: Any) -> None:
        while self._spare:
            await _hand_back(pool, self._spare.pop(), after_failure=True)


class _Patient(AsyncpgDBClient):
    """What pool and transaction have in common: what a lost database throws becomes `DatabaseAway`."""

    watch: Watch

    async def _translate_exceptions(self, func: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        try:
            answer = await super()._translate_exceptions(func, *args, **kwargs)
        except Exception as error:
            if is_away(error):
                raise self.watch.failed(error) from error
            if isinstance(error, asyncpg.LockNotAvailableError):
                raise Busy from error
            raise
        if self.watch.failures:
            self.watch.answered()
        return answer


class PatientClient(_Patient):
    """The pool."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.watch = Watch()
        self.spares = Spares(self.pool_minsize)

    async def create_pool(self, **kwargs: Any) -> Any:
        """With one connection, so that it opens or does not; the others are opened when they are needed."""
        return await super().create_pool(**kwargs | {"min_size": 1})

    def acquire_connection(self) -> "_Acquired":
        return _Acquired(self, self._pool_init_lock)

    def _in_transaction(self) -> "_TransactionContext":
        return _TransactionContext(PatientTransaction(self), self._pool_init_lock)

    async def _close(self) -> None:
        if self._pool:
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self.spares.empty(self._pool)
                    await self._pool.close()
            except _ALL_KINDS:
                self._pool.terminate()
            self._pool = None


class PatientTransaction(_Patient, TransactionWrapper):
    """One connection of the pool, in a transaction."""

    def __init__(self, parent: _Patient) -> None:
        super().__init__(parent)
        self.watch = parent.watch

    def _in_transaction(self) -> NestedTransactionContext:
        return NestedTransactionContext(PatientTransaction(self))


class _Acquired(PoolConnectionWrapper[Any]):
    """One connection for one statement."""

    async def __aenter__(self) -> Any:
        if not self.client._pool:
            await self._spares.within_time(self.ensure_connection)
        self.connection = await self._spares.take(self.client._pool)
        return self.connection

    async def __aexit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        await self._spares.give_back(self.client._pool, self.connection, after_failure=error is not None)

    @property
    def _spares(self) -> Spares:
        return cast(PatientClient, self.client).spares


class _TransactionContext(TransactionContextPooled):
    """Whatever happens, the connection goes back to the pool, and the task's earlier connection is in force again."""

    client: PatientTransaction

    async def __aenter__(self) -> TransactionalDBClient:
        try:
            if not self._pool:
                await self._spares.within_time(self.ensure_connection)
            self.client._connection = await self._spares.take(self._pool)
        except Exception as error:
            if is_away(error):
                raise self.client.watch.failed(error) from error
            raise
        try:
            await self.client.begin()
        except BaseException:
            await self._spares.give_back(self._pool, self.client._connection, after_failure=True)
            raise
        self.token = get_connections().set(self.connection_name, self.client)
        return cast(TransactionalDBClient, self.client)

    async def __aexit__(self, kind: Any, error: BaseException | None, _trace: Any) -> None:
        failed = True
        try:
            if error is None and not self.client._finalized:
                await self._commit()
            elif kind is not TransactionManagementError and not self.client._finalized:
                await self._roll_back()
            failed = error is not None
        finally:
            get_connections().reset(self.token)
            await self._spares.give_back(self._pool, self.client._connection, after_failure=failed)

    async def _commit(self) -> None:
        try:
            await self.client.commit()
        except Exception as error:
            if is_away(error):
                raise self.client.watch.failed(error) from error
            raise

    async def _roll_back(self) -> None:
        """A rollback that does not come through is not worth waiting for: with the connection the transaction ends."""
        try:
            async with asyncio.timeout(TIDY_SECONDS):
                await self.client.rollback()
        except _ALL_KINDS:
            with suppress(asyncpg.InterfaceError):  # cut already
                self.client._connection.terminate()

    @property
    def _pool(self) -> Any:
        return self.client._parent._pool

    @property
    def _spares(self) -> Spares:
        return cast(PatientClient, self.client._parent).spares


async def _hand_back(pool: Any, connection: Any, *, after_failure: bool) -> None:
    """Back to the pool, which cuts a connection that does not react. What was answered stays answered."""
    if pool is None:  # closed meanwhile
        return
    with suppress(*_ALL_KINDS):
        await pool.release(connection, timeout=TIDY_SECONDS if after_failure else None)


def get_client_class(_db_info: dict[str, Any]) -> type[PatientClient]:
    return PatientClient
