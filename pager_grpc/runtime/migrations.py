"""Alembic without an ini file: every room ships its own environment in ``<room>/migrations``."""

from functools import partial
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection

import pager_grpc
from pager_domain.errors import StoreUnavailable
from pager_grpc.runtime.config import ConfigurationFault
from pager_grpc.runtime.database import Database, Paused
from pager_grpc.runtime.schema_version import SchemaVersion

_SCHEMA_VERSION = "SELECT version_num, needed_revision FROM alembic_version CROSS JOIN schema_version"


async def migrate(database: Database, room: str, revision: str = "head") -> str:
    """Brings the schema of ``room`` to ``revision`` in one transaction and returns the revision reached."""
    async with database.begin() as connection:
        if database.is_sqlite:
            await connection.exec_driver_sql("BEGIN IMMEDIATE")  # the driver would not begin for a CREATE TABLE
        else:
            # A large table takes longer than any call may; waiting for locks stays bounded.
            await connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        return await connection.run_sync(_upgrade, room, revision)


async def prepare_schema(database: Database, room: str) -> None:
    """What a starting process does: SQLite is migrated, PostgreSQL must have been (``pagerd migrate``).

    From then on ``database.look()`` minds the schema: it may be migrated under a process that runs.

    Raises:
        ConfigurationFault: this code must not use the schema as it is; with what mends it.
    """
    known = newest_revision(room)
    async with database.looking() as connection:
        found = int(await connection.run_sync(_revision_of) or 0)
    if database.is_sqlite and found < known:
        await migrate(database, room)
        found = known
    if found < known:
        raise ConfigurationFault([SchemaVersion(found, 0).unusable_because(room, known)])
    database.unusable_because = partial(_unusable_because, room=room, known=known)
    try:
        await database.look()
    except StoreUnavailable as error:
        if isinstance(error.__cause__, Paused):
            raise ConfigurationFault([str(error.__cause__)]) from error
        raise


def newest_revision(room: str) -> int:
    """The newest revision that this code knows of the schema of ``room``."""
    return int(ScriptDirectory.from_config(_config(room)).get_current_head() or 0)


async def _unusable_because(connection: AsyncConnection, *, room: str, known: int) -> str:
    try:
        found = (await connection.exec_driver_sql(_SCHEMA_VERSION)).one_or_none()
    except ProgrammingError:  # taken back to a revision that had no such table, or dropped
        found = None
    if found is None:
        return SchemaVersion(0, 0).unusable_because(room, known)
    return SchemaVersion(int(found.version_num), found.needed_revision).unusable_because(room, known)


def _upgrade(connection: Connection, room: str, revision: str) -> str:
    config = _config(room)
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    return _revision_of(connection) or "none"


def downgrade(connection: Connection, room: str, revision: str) -> None:
    """Takes the schema of ``room`` back to ``revision``."""
    config = _config(room)
    config.attributes["connection"] = connection
    command.downgrade(config, revision)


def _revision_of(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config(room: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(pager_grpc.__file__).parent / room / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def run_environment(context: Any, metadata: MetaData) -> None:
    """What each room's ``env.py`` does: migrate over the connection that the caller opened."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        transactional_ddl=True,
        compare_type=True,
        render_as_batch=context.config.attributes["connection"].dialect.name == "sqlite",
    )
    context.run_migrations()
