"""The schema that a starting process finds, made or refused without Alembic, which takes long to import.

A fresh SQLite file gets the newest schema at once, from ``<room>/migrations/newest_sqlite.sql``; `make schemas` writes
it and a test compares it with what the migrations make. Only an older file is migrated step by step.
"""

import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection

import pager_grpc
from pager_grpc.runtime.config import ConfigurationFault
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.schema_version import SchemaVersion

_SCHEMA_VERSION = "SELECT version_num, needed_revision FROM alembic_version CROSS JOIN schema_version"
_REVISION = "SELECT version_num FROM alembic_version"


async def prepare_schema(database: Database, room: str) -> None:
    """What a starting process does: SQLite is migrated, PostgreSQL must have been (``pagerd migrate``).

    From then on ``database.look()`` minds the schema: it may be migrated under a process that runs.

    Raises:
        ConfigurationFault: this code must not use the schema as it is; with what mends it.
    """
    known = newest_revision(room)
    async with database.looking() as connection:
        found = await _revision(connection)
    if database.is_sqlite and (found is None or found < known):
        await _bring_up(database, room, fresh=found is None)
        found = known
    if (found or 0) < known:
        raise ConfigurationFault([SchemaVersion(found or 0, 0).unusable_because(room, known)])
    async with database.looking() as connection:
        reason = await _unusable_because(connection, room=room, known=known)
    if reason:
        raise ConfigurationFault([reason])
    database.unusable_because = partial(_unusable_because, room=room, known=known)


def newest_revision(room: str) -> int:
    """The newest revision of the schema of ``room`` that this code knows; the files of migrations are numbered."""
    return max(int(path.name[:4]) for path in (_migrations(room) / "versions").glob("[0-9]*.py"))


def newest_sqlite(room: str) -> Path:
    """The file with the newest schema of ``room`` for SQLite, as SQL."""
    return _migrations(room) / "newest_sqlite.sql"


def _migrations(room: str) -> Path:
    return Path(pager_grpc.__file__).parent / room / "migrations"


async def _bring_up(database: Database, room: str, *, fresh: bool) -> None:
    if fresh:
        async with database.begin() as connection:
            await connection.exec_driver_sql("BEGIN IMMEDIATE")  # the driver would not begin for a CREATE TABLE
            for statement in _statements(newest_sqlite(room).read_text()):
                await connection.exec_driver_sql(statement)
        return
    from pager_grpc.runtime.migrations import migrate  # noqa: PLC0415 - it brings Alembic

    await migrate(database, room)


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


async def _revision(connection: AsyncConnection) -> int | None:
    """Where the migrations are; 0 after the last step down, None where none ever was."""
    known = await connection.run_sync(lambda sync: sync.dialect.has_table(sync, "alembic_version"))
    return int((await connection.exec_driver_sql(_REVISION)).scalar_one_or_none() or 0) if known else None


async def _unusable_because(connection: AsyncConnection, *, room: str, known: int) -> str:
    try:
        found = (await connection.exec_driver_sql(_SCHEMA_VERSION)).one_or_none()
    except ProgrammingError:  # taken back to a revision that had no such table, or dropped
        found = None
    if found is None:
        return SchemaVersion(0, 0).unusable_because(room, known)
    return SchemaVersion(int(found.version_num), found.needed_revision).unusable_because(room, known)
