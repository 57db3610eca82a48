"""Alembic without an ini file: every room ships its own environment in ``<room>/migrations``."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData

import pager_grpc
from pager_grpc.runtime.database import Database


async def migrate(database: Database, room: str, revision: str = "head") -> str:
    """Brings the schema of ``room`` to ``revision`` in one transaction and returns the revision reached."""
    async with database.begin() as connection:
        if database.is_sqlite:
            await connection.exec_driver_sql("BEGIN IMMEDIATE")  # the driver would not begin for a CREATE TABLE
        else:
            # A large table takes longer than any call may; waiting for locks stays bounded.
            await connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        return await connection.run_sync(_upgrade, room, revision)


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
