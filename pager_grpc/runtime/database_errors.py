"""The drivers' many ways to say that a database is gone, or that a transaction lost to another one."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import asyncpg
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from pager_domain.errors import StoreUnavailable
from pager_grpc.runtime.disk_failure import end_if_a_sync_failed
from pager_grpc.runtime.schema_version import OUTDATED_CODE

T = TypeVar("T")

_CONTENTION = {"40001", "40P01", "55P03"}  # serialization failure, deadlock, lock timeout
# Connection lost (08…) and server stopping or starting (57P…) beside: no connection left, a former primary that only
# reads, disk full, too many locks, a statement cut by its timeout, a database dropped (to be restored, say), a schema
# that is no longer for this code.
_POSTGRES_GONE = {"53300", "25006", "53100", "53200", "57014", "3D000", OUTDATED_CODE}
_UNIQUE_VIOLATION, _RACES = "23505", 5
_SQLITE_GONE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Turns the drivers' many ways to say "gone" into StoreUnavailable; a lost race stays what it is.

    A sync that failed ends the process.
    """
    try:
        yield
    except DBAPIError as error:
        end_if_a_sync_failed(error.orig)
        if is_contention(error):
            raise
        if error.connection_invalidated or _is_gone(error):
            raise StoreUnavailable from error
        raise
    except (PoolTimeout, OSError, asyncpg.PostgresConnectionError) as error:
        raise StoreUnavailable from error


def is_contention(error: BaseException) -> bool:
    """Whether a transaction lost to another one and may simply be tried again."""
    original = getattr(error, "orig", None)
    if isinstance(original, sqlite3.OperationalError):
        return "locked" in str(original)
    # A plan that was made before the schema changed is made anew the next time.
    outdated = isinstance(original, asyncpg.InvalidCachedStatementError)
    return outdated or getattr(original, "sqlstate", None) in _CONTENTION


async def again_when_taken(work: Callable[[], Awaitable[T]]) -> T:
    """``work`` again when it lost a key that was free when it looked: then its rules see by whom it is taken.

    On SQLite nobody else writes between the two.

    Raises:
        StoreUnavailable: others were faster again and again.
    """
    for _ in range(_RACES):
        try:
            return await work()
        except IntegrityError as error:
            if getattr(error.orig, "sqlstate", None) != _UNIQUE_VIOLATION:
                raise
            lost = error
    raise StoreUnavailable from lost


def _is_gone(error: DBAPIError) -> bool:
    original = error.orig
    if isinstance(original, sqlite3.Error):
        return getattr(original, "sqlite_errorcode", 0) & 0xFF in _SQLITE_GONE
    state = str(getattr(original, "sqlstate", None) or "")
    return isinstance(error, InterfaceError) or state.startswith(("57P", "08")) or state in _POSTGRES_GONE
