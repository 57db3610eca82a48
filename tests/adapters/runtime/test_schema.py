"""How a process that starts finds its schema: at once on a fresh SQLite file, step by step on an older one."""

import subprocess
import sys

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from pager_grpc.runtime.config import sqlite_file
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import migrate
from pager_grpc.runtime.schema import newest_revision, prepare_schema

ROOMS = ("pager", "policy", "notifier")
OBJECTS = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"


@pytest.fixture
async def opened(tmp_path):
    databases = []

    def opening(name):
        databases.append(open_database(f"sqlite+aiosqlite:///{tmp_path / name}.db"))
        return databases[-1]

    yield opening
    for database in databases:
        await database.close()


async def rows(database, query):
    async with database.looking() as connection:
        return [tuple(row) for row in await connection.exec_driver_sql(query)]


async def schema(database):
    """Every object by its lines; Alembic puts constraints and white space where it likes."""
    found = [sql.replace('"', "").splitlines() for (sql,) in await rows(database, OBJECTS)]
    return sorted(sorted(filter(None, (part.strip(" ,\t") for part in lines))) for lines in map(_split_end, found))


def _split_end(lines):
    return [part for line in lines for part in line.replace(") WITHOUT", ")\nWITHOUT").splitlines()]


@pytest.mark.parametrize("room", ROOMS)
async def test_a_fresh_file_begins_with_what_all_the_migrations_make(opened, room):
    """If it is red after a new migration: `make schemas`."""
    fresh, migrated = opened("fresh"), opened("migrated")
    await prepare_schema(fresh, room)
    await migrate(migrated, room)
    assert await schema(fresh) == await schema(migrated)
    for table in ("alembic_version", "schema_version"):
        assert await rows(fresh, f"SELECT * FROM {table}") == await rows(migrated, f"SELECT * FROM {table}")


@pytest.mark.parametrize("revision", ["0001", "0003"])
async def test_an_older_file_is_migrated(opened, revision):
    older, fresh = opened("older"), opened("fresh")
    await migrate(older, "pager", revision)
    await prepare_schema(older, "pager")
    await prepare_schema(fresh, "pager")
    assert await schema(older) == await schema(fresh)
    assert await rows(older, "SELECT version_num FROM alembic_version") == [(f"{newest_revision('pager'):04d}",)]


async def test_a_fresh_file_gets_all_of_its_schema_or_nothing(opened):
    database = opened("foreign")
    async with database.begin() as connection:
        await connection.exec_driver_sql("CREATE TABLE incidents (somebody_elses TEXT)")
    with pytest.raises(OperationalError, match="already exists"):
        await prepare_schema(database, "pager")
    assert await rows(database, OBJECTS) == [("CREATE TABLE incidents (somebody_elses TEXT)",)]


@pytest.mark.parametrize("room", ROOMS)
async def test_a_room_on_the_newest_schema_never_waits_for_alembic(room, tmp_path):
    """Importing it takes as long as the rest of a room's own code."""
    start = f"""
import asyncio, sys
import pager_grpc.{room}.bootstrap
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.schema import prepare_schema

async def start():
    database = open_database("sqlite+aiosqlite:///{tmp_path}/{room}.db")
    await prepare_schema(database, "{room}")
    await database.close()

for time in ("on a fresh file", "and on the same again"):
    asyncio.run(start())
print(*(module for module in ("alembic", "mako") if module in sys.modules))
"""
    assert run(start) == "\n"


def test_what_supervises_the_rooms_never_waits_for_their_database_and_their_server():
    supervise = """
import os, sys
os.environ["PAGER_CATCH_ALL_EMAIL"] = "oncall@example.com"
from pager_grpc.daemon.configuration import read_configuration
from pager_grpc.daemon.rooms import Room
from pager_grpc.daemon.up import up

read_configuration(list(Room))
print(*(module for module in ("sqlalchemy", "grpc", "asyncpg", "alembic") if module in sys.modules))
"""
    assert run(supervise) == "\n"


@pytest.mark.parametrize(
    "url",
    [
        "sqlite+aiosqlite:///var/pager.db",
        "sqlite+aiosqlite:////srv/pager/pager.db",
        "sqlite+aiosqlite:////srv/my%20pager.db?timeout=5",
    ],
)
def test_the_file_of_a_database_is_the_one_that_sqlalchemy_opens(url):
    assert str(sqlite_file(url)) == make_url(url).database


def test_a_server_has_no_file():
    assert sqlite_file("postgresql+asyncpg://db.example.com:5432/pager") is None


def run(program):
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
