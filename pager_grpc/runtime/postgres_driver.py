"""Statements and transactions straight on asyncpg: the pool and all that is no hurry stay SQLAlchemy's.

SQLAlchemy's way costs a statement three times the processor time of the driver's own (docs/decisions/0016), and a batch
of alerts is a handful of statements. Errors come as SQLAlchemy's, as from everything else.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import lru_cache
from typing import Any

import asyncpg
import structlog
from asyncpg.transaction import Transaction
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError, InterfaceError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import ConnectionPoolEntry

log = structlog.get_logger()

_SERIALIZABLE = "pager_is_serializable"
_BIND = re.compile(r"(?<![:\w]):([a-z]\w*)")


async def fetch(connection: AsyncConnection, statement: str, binds: Mapping[str, Any]) -> list[Any]:
    """All rows of one statement with binds like ``:name``, each readable by column name.

    The statement is prepared once a connection, so its text must not vary with the values.
    """
    numbered, names = _numbered(statement)
    with _as_sqlalchemy(statement):
        found: list[Any] = await driver_of(connection).fetch(numbered, *[binds[name] for name in names])
    return found


@asynccontextmanager
async def transaction(connection: AsyncConnection, **options: Any) -> "AsyncIterator[OpenTransaction]":
    """A transaction of the driver, rolled back unless it was committed.

    ``options`` are those of ``asyncpg.Connection.transaction``. ``connection`` must be in AUTOCOMMIT, so that
    SQLAlchemy begins none of its own.
    """
    driver = driver_of(connection)
    try:
        with _as_sqlalchemy("BEGIN"):
            begun = OpenTransaction(driver.transaction(**options))
            await begun.start()
    except BaseException:
        await connection.invalidate()
        raise
    try:
        yield begun
        await begun.leave()
    except BaseException:
        with _told():
            await begun.leave()
        raise
    finally:
        # Nobody gets a connection whose transaction did not end: a rollback that failed, a commit that was cut off.
        if driver.is_closed() or driver.is_in_transaction():
            await connection.invalidate()


@contextmanager
def _told() -> Iterator[None]:
    """A rollback that fails does not hide what it was for."""
    try:
        yield
    except DBAPIError as error:
        log.warning("rollback_failed", error=str(error.orig)[:200])


class OpenTransaction:
    """A transaction that has begun; it ends once."""

    def __init__(self, driver: Transaction) -> None:
        self._driver = driver
        self._is_open = False

    async def start(self) -> None:
        """BEGIN."""
        await self._driver.start()
        self._is_open = True

    async def commit(self) -> None:
        """COMMIT; whether it stands is not known when it fails with a lost connection."""
        self._is_open = False
        with _as_sqlalchemy("COMMIT"):
            await self._driver.commit()

    async def leave(self) -> None:
        """ROLLBACK, unless it has ended."""
        if self._is_open:
            self._is_open = False
            with _as_sqlalchemy("ROLLBACK"):
                await self._driver.rollback()


async def is_serializable(connection: AsyncConnection) -> bool:
    """Whether a statement without a transaction is SERIALIZABLE here; asked once a session."""
    known = connection.sync_connection.info if connection.sync_connection else {}
    if _SERIALIZABLE not in known:
        [row] = await fetch(connection, "SELECT current_setting('default_transaction_isolation') AS level", {})
        known[_SERIALIZABLE] = row["level"] == "serializable"
    return bool(known[_SERIALIZABLE])


def driver_of(connection: AsyncConnection) -> "asyncpg.Connection[Any]":
    """The asyncpg connection beneath."""
    driver = connection.sync_connection.connection.driver_connection if connection.sync_connection else None
    if not isinstance(driver, asyncpg.Connection):
        raise TypeError("this connection is not one of PostgreSQL")
    return driver


def refuse_closed(_made: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
    """For the pool's event ``checkout``: a connection that the server has closed is made anew before anybody has it."""
    driver = record.driver_connection
    if isinstance(driver, asyncpg.Connection) and driver.is_closed():
        raise DisconnectionError


def without_detail(context: ExceptionContext) -> None:
    """For the engine's event ``handle_error``: what SQLAlchemy runs itself does not tell the refused row either."""
    refusal = context.original_exception.__cause__
    if isinstance(refusal, asyncpg.PostgresError) and refusal.detail:
        told = f"\nDETAIL:  {refusal.detail}"
        refusal.detail = None
        for error in filter(None, (context.original_exception, context.sqlalchemy_exception)):
            error.args = tuple(arg.replace(told, "") if isinstance(arg, str) else arg for arg in error.args)


@lru_cache(maxsize=512)
def _numbered(statement: str) -> tuple[str, tuple[str, ...]]:
    """``:name`` as ``$1``, and the names in the order of their numbers."""
    names: dict[str, int] = {}
    numbered = _BIND.sub(lambda found: f"${names.setdefault(found[1], len(names) + 1)}", statement)
    return numbered, tuple(names)


@contextmanager
def _as_sqlalchemy(statement: str) -> Iterator[None]:
    try:
        yield
    except asyncpg.PostgresError as error:
        error.detail = None  # it shows the refused row, addresses and all, and errors go into logs
        kind = IntegrityError if isinstance(error, asyncpg.IntegrityConstraintViolationError) else DBAPIError
        raise kind(statement, None, error) from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise InterfaceError(statement, None, error) from error
