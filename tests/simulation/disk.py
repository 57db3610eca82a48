"""The disks of the simulated world: real SQLite files that begin as a copy, under connections that fail by chance."""

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from simulation.processes import current_process

from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import migrate
from pager_grpc.runtime.sqlite_connection import SqliteConnection, SqliteCursor, _as_sqlalchemy

ROOMS = ("pager", "policy", "notifier")


@cache
def folder() -> Path:
    """A place for this process's files; in memory where there is such a place, for crashes here spare the machine."""
    memory = Path("/dev/shm")
    made = Path(tempfile.mkdtemp(prefix="pager-simulation-", dir=memory if os.access(memory, os.W_OK) else None))
    (made / "templates").mkdir()
    for room in ROOMS:
        asyncio.run(_make_template(made / "templates" / f"{room}.db", room))
    return made


def remove_folder() -> None:
    """Gives the place back."""
    shutil.rmtree(folder(), ignore_errors=True)
    folder.cache_clear()


async def _make_template(path: Path, room: str) -> None:
    database = open_database(f"sqlite+aiosqlite:///{path}")
    await migrate(database, room)
    await database.close()


def new_file(room: str) -> Path:
    """A migrated, empty database in the place of the one before."""
    path = folder() / f"{room}.db"
    for suffix in ("-wal", "-journal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    shutil.copyfile(folder() / "templates" / f"{room}.db", path)
    return path


class SimulatedCursor(SqliteCursor):
    """A cursor whose statements may fail."""

    async def execute(self, statement: str, binds: Any = ()) -> None:
        fail_by_chance()
        await super().execute(statement, binds)


class SimulatedSqlite(SqliteConnection):
    """A real connection; statements and commits fail, hesitate or are cut off as the run's seed says."""

    def __init__(self, path: str, **options: Any) -> None:
        super().__init__(path, **options)
        if (process := current_process()) is not None:
            process.connections.append(self)

    def cursor(self) -> SqliteCursor:
        return SimulatedCursor(self._open.cursor())

    def fetch(self, statement, binds):
        with _as_sqlalchemy(statement):
            fail_by_chance()
        return super().fetch(statement, binds)

    def write(self, statements):
        for statement, _ in statements:
            with _as_sqlalchemy(statement):
                fail_by_chance()
        super().write(statements)

    async def _in_thread(self, work: Callable[[], None]) -> None:
        """A COMMIT, or the end of the connection, which nobody disturbs."""
        process = current_process()
        if process is None or self._connection is None:
            await super()._in_thread(work)
            return
        chance, world = process.world.chance, process.world
        await process.crash_point("crash before commit")
        pause = 0.002
        if chance.happens("commit slow", process.name):
            pause = chance.between("commit slow", 0.1, 6.0)
            world.fault(f"commit slow on {process.name}", world.now(), world.now() + pause)
        await asyncio.sleep(pause)
        if chance.happens("commit fails", process.name):
            world.fault_now(f"commit fails on {process.name}")
            raise _error("disk I/O error", sqlite3.SQLITE_IOERR)
        await super()._in_thread(work)
        await process.crash_point("crash after commit")
        if chance.happens("commit unheard", process.name):
            world.fault_now(f"commit unheard on {process.name}")
            raise _error("disk I/O error", sqlite3.SQLITE_IOERR)

    def drop(self) -> None:
        """As when the process is killed: what was not committed is gone."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()


def fail_by_chance() -> None:
    """Where a statement may fail."""
    process = current_process()
    if process is None:
        return
    if process.world.chance.happens("statement fails", process.name):
        process.world.fault_now(f"statement fails on {process.name}")
        raise _error("database or disk is full", sqlite3.SQLITE_FULL)
    if process.world.chance.happens("database locked", process.name):
        process.world.fault_now(f"database locked on {process.name}")
        raise _error("database is locked", sqlite3.SQLITE_BUSY)


def _error(what: str, code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(what)
    error.sqlite_errorcode = code
    return error
