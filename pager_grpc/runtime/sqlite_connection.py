"""A SQLite connection for the event loop: statements run where they stand, only COMMIT goes to a thread.

aiosqlite sends every call to a thread and back, which cost a small batch more than its SQL did (docs/decisions/0006).
Statements here touch pages in memory and take microseconds; COMMIT syncs the log to the disk and takes milliseconds.
The class has the shape of ``aiosqlite.Connection``, as far as SQLAlchemy's dialect of that name uses it.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Self, TypeAlias

from sqlalchemy.exc import DBAPIError

from pager_grpc.runtime.disk_failure import end_if_a_sync_failed

Statement: TypeAlias = tuple[str, Sequence[Any]]
"""One statement and its binds."""
_PAGES_AT_ONCE, _PAUSE_SECONDS = 256, 0.002
"""Of a copy: statements wait for one portion, and a portion waits while a transaction writes."""


class SqliteCursor:
    """A cursor of :class:`SqliteConnection`; the coroutines never wait."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor

    async def __aenter__(self) -> Self:
        return self

    def __getattr__(self, name: str) -> Any:
        """``description``, ``rowcount`` and the like are those of the driver's cursor."""
        return getattr(self._cursor, name)

    async def execute(self, statement: str, binds: Any = ()) -> None:
        """Runs one statement."""
        self._cursor.execute(statement, binds)

    async def executemany(self, statement: str, binds: Iterable[Any]) -> None:
        """Runs one statement for each of ``binds``."""
        self._cursor.executemany(statement, binds)

    async def fetchall(self) -> list[Any]:
        """The rows that are left."""
        return self._cursor.fetchall()

    async def close(self) -> None:
        """Gives the statement free."""
        self._cursor.close()


class SqliteConnection:
    """The one connection to a file; ``options`` are those of ``sqlite3.connect``."""

    def __init__(self, path: str, **options: Any) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-commit")
        # The dialect looks at this attribute to know whether the connection is open.
        self._connection: sqlite3.Connection | None = sqlite3.connect(path, check_same_thread=False, **options)

    def cursor(self) -> SqliteCursor:
        """A cursor with the driver's own rows."""
        return SqliteCursor(self._open.cursor())

    def fetch(self, statement: str, binds: Mapping[str, Any]) -> list[dict[str, Any]]:
        """All rows of one statement, each readable by column name. Errors are SQLAlchemy's, as for ``write``."""
        with _as_sqlalchemy(statement):
            cursor = self._open.cursor()
            cursor.execute(statement, binds)
            names = [column[0] for column in cursor.description or ()]
            # Looking up a name takes sqlite3.Row longer, the more columns stand before it.
            return [dict(zip(names, row, strict=True)) for row in cursor]

    def write(self, statements: Iterable[Statement]) -> None:
        """Runs statements that give no rows."""
        for statement, binds in statements:
            with _as_sqlalchemy(statement):
                self._open.execute(statement, binds)

    def copy_to(self, path: Path) -> None:
        """Copies the whole database into the file ``path``, in a thread of the caller; statements go on between pages.

        What is written meanwhile is in the copy too: it is the database of the moment at which this returns.
        """
        with closing(sqlite3.connect(path)) as copy:
            self._open.backup(copy, pages=_PAGES_AT_ONCE, sleep=_PAUSE_SECONDS)

    async def create_function(self, *arguments: Any, **options: Any) -> None:
        """A function that SQL can call."""
        self._open.create_function(*arguments, **options)

    async def commit(self) -> None:
        """Durable when it returns; without a transaction there is nothing to wait for.

        After a COMMIT that fails SQLite may still be inside the transaction, which whoever comes next would commit.
        """
        if self._open.in_transaction:
            try:
                await self._in_thread(self._commit)
            except BaseException:
                if self._connection is not None:
                    self._connection.rollback()
                raise

    async def rollback(self) -> None:
        """Forgets what is not committed."""
        self._open.rollback()

    async def close(self) -> None:
        """Closes the file, which may move the log into it."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await self._in_thread(connection.close)
            self._thread.shutdown(wait=False)

    def stop(self) -> None:
        """Closes the file at once."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            self._thread.shutdown()
            connection.close()

    def _commit(self) -> None:
        try:
            self._open.commit()
        except sqlite3.Error as error:
            end_if_a_sync_failed(error)  # here: whoever waits for it may give up, and never hear of it
            raise

    @property
    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.OperationalError("connection closed")
        return self._connection

    async def _in_thread(self, work: Callable[[], None]) -> None:
        done = asyncio.get_running_loop().run_in_executor(self._thread, work)
        try:
            await asyncio.shield(done)
        except asyncio.CancelledError:
            # The thread cannot be called back: whoever cleans up must find its work ended, however often they give up.
            while not done.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.wait([done])
            raise


@asynccontextmanager
async def transaction(driver: SqliteConnection) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Gives what commits; whatever was not committed is forgotten. It begins with the first statement that writes.

    Beginning and committing through SQLAlchemy took as long as a small batch's SQL. What goes through it inside, like
    migrations, is in the same transaction.
    """

    async def commit() -> None:
        with _as_sqlalchemy("COMMIT"):
            await driver.commit()

    try:
        yield commit
    finally:
        with _as_sqlalchemy("ROLLBACK"):
            await driver.rollback()


@contextmanager
def _as_sqlalchemy(statement: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise DBAPIError.instance(statement, None, error, sqlite3.Error) from error
