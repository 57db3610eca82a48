"""One database, two engines: how a room opens it, begins transactions on it and learns that it is gone.

PostgreSQL: READ COMMITTED, rows locked first, time from ``clock_timestamp()``. SQLite: one process, one connection,
WAL with ``synchronous=FULL``, every write in a ``BEGIN IMMEDIATE`` transaction, time from the process's clock.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy import event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from pager_domain.errors import StoreUnavailable
from pager_domain.kernel import Clock
from pager_grpc.runtime import postgres_driver, sqlite_connection
from pager_grpc.runtime.clock import SystemClock
from pager_grpc.runtime.columns import moment_of, sqlite_moment
from pager_grpc.runtime.commit_times import CommitTimes
from pager_grpc.runtime.config import ConfigurationFault
from pager_grpc.runtime.database_errors import is_contention, translated
from pager_grpc.runtime.kept_connections import KeptConnections, Places
from pager_grpc.runtime.schema_version import KNOWN_REVISION_SETTING
from pager_grpc.runtime.selecting import sqlite_driver
from pager_grpc.runtime.silence import SERVER_SIDE, bound_silence
from pager_grpc.runtime.sqlite_file import connected, exclusive

log = structlog.get_logger()

T = TypeVar("T")

_PATIENCE_SECONDS = 3.0
_ATTEMPTS = 5
_LONGEST_PAUSE_SECONDS = 0.16
_POSTGRES_PLACES = Places(count=10, patience=5.0, lasting=1800.0)
_SQLITE_PLACES = Places(count=1, patience=30.0)
_SNAPSHOT: dict[str, Any] = {"isolation": "repeatable_read", "readonly": True}
_POSTGRES_SESSION = {
    "application_name": "hexagonal-pager",
    # Bounds on what one stuck session can hold up (milliseconds).
    "lock_timeout": "1000",
    "statement_timeout": "3000",
    "idle_in_transaction_session_timeout": "10000",
    # Every statement goes by an index, also where the planner made its plan while the table was small (decision 31).
    # What has none is then a very dear plan, which is no reason to compile it.
    "enable_seqscan": "off",
    "jit": "off",
}


class Paused(Exception):
    """No transaction begins: the database is there, and this process must not use it as it is."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A transaction on ``connection`` that stands once ``commit`` has returned."""

    connection: AsyncConnection
    commit: Callable[[], Awaitable[None]]


async def _answers(connection: AsyncConnection) -> str:
    await connection.exec_driver_sql("SELECT 1")
    return ""


class Database:
    """An open database. ``now_sql`` is the expression for the present moment; it may need the bind ``:now``.

    ``unusable_because`` is asked by :meth:`look`: why this process must not use the database as it is, or "".
    """

    def __init__(
        self, engine: AsyncEngine, places: Places, *, clock: Clock, now_sql: str, lock_file: Path | None = None
    ) -> None:
        self.engine = engine
        self.url = engine.url.render_as_string(hide_password=False)
        self.is_sqlite = engine.dialect.name == "sqlite"
        self.now_sql = now_sql
        self.clock = clock
        self.commits = CommitTimes()
        self.unusable_because: Callable[[AsyncConnection], Awaitable[str]] = _answers
        self._paused = ""
        # Transactions are the drivers': see postgres_driver and sqlite_connection.
        begins_none = engine if self.is_sqlite else engine.execution_options(isolation_level="AUTOCOMMIT")
        self.connections = KeptConnections(begins_none, places)
        self._lock = exclusive(lock_file) if lock_file else None

    def now_binds(self) -> dict[str, Any]:
        """The binds that ``now_sql`` needs."""
        return {"now": sqlite_moment(self.clock.now())} if self.is_sqlite else {}

    async def now(self, connection: AsyncConnection) -> datetime:
        """The present moment by the clock that all replicas share; on SQLite there is one process and its clock."""
        if self.is_sqlite:
            return self.clock.now()
        [found] = await postgres_driver.fetch(connection, f"SELECT {self.now_sql} AS now", {})
        return moment_of(found["now"])

    def later_sql(self, bind: str) -> str:
        """The SQL for now and the span ``bind`` later; see :meth:`later_binds`."""
        return f":{bind}" if self.is_sqlite else f"{self.now_sql} + :{bind}"

    def later_binds(self, bind: str, span: timedelta) -> dict[str, Any]:
        """What ``later_sql(bind)`` and ``now_sql`` need; SQLite gets the moment itself."""
        value = self.moment_bind(self.clock.now() + span) if self.is_sqlite else span
        return self.now_binds() | {bind: value}

    def moment_bind(self, moment: datetime) -> Any:
        """``moment`` as plain SQL of this engine takes it."""
        return sqlite_moment(moment) if self.is_sqlite else moment

    @asynccontextmanager
    async def unit(self) -> AsyncIterator[Unit]:
        """A transaction that stands only after the caller's own ``commit()``.

        Raises:
            StoreUnavailable: the database cannot be reached, or went away; a commit may or may not stand.
        """
        self._require_unpaused()
        async with self._transaction() as unit:
            yield unit

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A transaction; rolled back unless the caller commits by leaving without an exception. Errors as ``unit``."""
        async with self.unit() as unit:
            yield unit.connection
            await unit.commit()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads: it sees one moment and never loses to others. Errors as ``unit``.

        On PostgreSQL REPEATABLE READ, whatever the default of the database is: there a reader that is SERIALIZABLE may
        have to try again, or make a writer do so.
        """
        self._require_unpaused()
        async with self.looking() as connection:
            yield connection

    @asynccontextmanager
    async def glance(self) -> AsyncIterator[AsyncConnection]:
        """For one statement that only reads: a transaction around it would be two more round trips. Errors as ``unit``.

        Where the database is SERIALIZABLE by default it is a ``snapshot``, for the same reason.
        """
        self._require_unpaused()
        async with translated(), self.connections.borrowed() as connection:
            if self.is_sqlite or not await postgres_driver.is_serializable(connection):
                yield connection
                return
            async with postgres_driver.transaction(connection, **_SNAPSHOT):
                yield connection

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[AsyncConnection]:
        """For one statement that writes: on PostgreSQL, where it is a transaction and stands once its rows are here.

        Others may be read before it. It is timed as a commit by whoever runs it: ``commits``. As every transaction it
        may lose to others. Errors as ``unit``; a statement that fails may or may not stand.
        """
        if self.is_sqlite:
            raise RuntimeError("on SQLite a statement that writes needs somebody who commits it")
        self._require_unpaused()
        async with translated(), self.connections.borrowed() as connection:
            yield connection

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[AsyncConnection]:
        """As ``snapshot``, also while paused: for whoever finds out whether the database may be used."""
        async with self._transaction(**_SNAPSHOT) as unit:
            yield unit.connection

    async def look(self) -> None:
        """Finds out whether the database may be used; until the next look no transaction begins if it may not.

        Raises:
            StoreUnavailable: it cannot be reached, or may not be used.
        """
        async with self.looking() as connection:
            reason = await self.unusable_because(connection)
        if reason != self._paused:
            log.error("paused", because=reason) if reason else log.warning("resumed")
        self._paused = reason
        self._require_unpaused()

    async def retrying(self, work: Callable[[], Awaitable[T]]) -> T:
        """``work`` (a whole transaction), again while it loses to others: 5 times at least, and for 3 seconds.

        Raises:
            StoreUnavailable: it lost every time.
        """
        now = asyncio.get_running_loop().time
        end = now() + _PATIENCE_SECONDS
        for attempt in count(1):
            try:
                return await work()
            except DBAPIError as error:
                if not is_contention(error):
                    raise
                if attempt >= _ATTEMPTS and now() >= end:
                    raise StoreUnavailable from error
            await asyncio.sleep(random.uniform(0, min(0.01 * 2**attempt, _LONGEST_PAUSE_SECONDS)))  # noqa: S311 - jitter is no secret
        raise AssertionError("unreachable")

    async def atomically(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """``work`` in a transaction of its own, again while it loses to others. Errors as ``retrying``."""

        async def once() -> T:
            async with self.begin() as connection:
                return await work(connection)

        return await self.retrying(once)

    async def disconnect(self) -> None:
        """Closes the connections, each once nobody uses it; who comes next makes another."""
        await self.connections.close()
        await self.engine.dispose()

    async def close(self) -> None:
        """Closes every connection and gives the file free."""
        await self.disconnect()
        if self._lock is not None:
            os.close(self._lock)

    @asynccontextmanager
    async def _transaction(self, **options: Any) -> AsyncIterator[Unit]:
        """``options`` are for PostgreSQL; a transaction on SQLite is alone with the file anyway."""
        async with translated(), self.connections.borrowed() as connection:
            if self.is_sqlite:
                async with sqlite_connection.transaction(sqlite_driver(connection)) as commit:
                    yield Unit(connection, self.commits.timed(commit))
            else:
                async with postgres_driver.transaction(connection, **options) as begun:
                    yield Unit(connection, self.commits.timed(begun.commit))

    def _require_unpaused(self) -> None:
        if self._paused:
            raise StoreUnavailable from Paused(self._paused)


def open_database(
    url: str, *, clock: Clock | None = None, now_sql: str = "clock_timestamp()", known_revision: int | None = None
) -> Database:
    """Opens ``url``; ``now_sql`` is for PostgreSQL only, ``clock`` for SQLite only.

    ``known_revision`` is the newest revision of the schema that the code knows: PostgreSQL refuses its writes when that
    is no longer enough.

    Raises:
        ConfigurationFault: another process has the SQLite file open, or its folder cannot be written.
    """
    parsed = make_url(url)
    clock = clock or SystemClock()
    if parsed.get_backend_name() != "sqlite":
        known = {KNOWN_REVISION_SETTING: str(known_revision)} if known_revision is not None else {}
        engine = create_async_engine(
            parsed,
            hide_parameters=True,  # errors go into logs, and values may be addresses
            pool_size=_POSTGRES_PLACES.count,
            max_overflow=0,
            connect_args={"server_settings": _POSTGRES_SESSION | SERVER_SIDE | known, "timeout": 5},
        )
        event.listen(engine.sync_engine, "connect", lambda made, _record: bound_silence(made.driver_connection))
        event.listen(engine.sync_engine, "checkout", postgres_driver.refuse_closed)
        event.listen(engine.sync_engine, "handle_error", postgres_driver.without_detail)
        return Database(engine, _POSTGRES_PLACES, clock=clock, now_sql=now_sql)
    path = Path(parsed.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationFault([f"{path.parent}: cannot be created: {error.strerror}"]) from error
    # Whoever holds the one connection is alone, so what it reads before its first write cannot change: the driver may
    # begin there (IMMEDIATE), and a connection comes back with nothing to reset.
    engine = create_async_engine(
        parsed,
        hide_parameters=True,
        pool_size=_SQLITE_PLACES.count,
        max_overflow=0,
        pool_reset_on_return=None,
        async_creator=partial(connected, str(path)),
    )
    return Database(engine, _SQLITE_PLACES, clock=clock, now_sql=":now", lock_file=path.with_name(path.name + ".lock"))
