"""A world per test, on SQLite and on PostgreSQL."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from end_to_end.world import World
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine

from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import migrate

ROOMS = ("pager", "policy", "notifier")


async def _execute(admin: URL, statement: str) -> None:
    engine = create_async_engine(admin, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(statement))
    await engine.dispose()


async def _migrated(url: str, room: str) -> None:
    database = open_database(url)
    await migrate(database, room)
    await database.close()


@pytest.fixture
def postgres_databases(postgres_admin_url: URL) -> Iterator[dict[str, str]]:
    """One migrated PostgreSQL database a room."""
    suffix = uuid.uuid4().hex
    urls = {}
    for room in ROOMS:
        asyncio.run(_execute(postgres_admin_url, f"CREATE DATABASE {room}_{suffix}"))
        urls[room] = postgres_admin_url.set(database=f"{room}_{suffix}").render_as_string(hide_password=False)
        asyncio.run(_migrated(urls[room], room))
    yield urls
    for room in ROOMS:
        asyncio.run(_execute(postgres_admin_url, f"DROP DATABASE {room}_{suffix} WITH (FORCE)"))


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The three databases, on each engine."""
    if request.param == "sqlite":
        return {room: f"sqlite+aiosqlite:///{tmp_path / room}.db" for room in ROOMS}
    urls: dict[str, str] = request.getfixturevalue("postgres_databases")
    return urls


@pytest.fixture
def world(databases: dict[str, str], tmp_path: Path) -> Iterator[World]:
    """Everything running; every process that still runs at the end must leave with exit code 0."""
    world = World(tmp_path, databases).start()
    yield world
    codes = world.stop()
    assert set(codes.values()) <= {0, -9}, (
        codes,
        {label: room.log.read_text()[-2000:] for label, room in world.rooms.items()},
    )


@pytest.fixture
def postgres_world(postgres_databases: dict[str, str], tmp_path: Path) -> Iterator[Callable[[], World]]:
    """A world on PostgreSQL that the test starts itself, after adding replicas."""
    world = World(tmp_path, postgres_databases)
    yield lambda: world
    world.stop()
