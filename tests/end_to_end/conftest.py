"""A world per test, on SQLite and on PostgreSQL, and there a second time under SERIALIZABLE."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from databases import DATABASES, a_postgres_database
from end_to_end.world import World
from sqlalchemy.engine import URL

from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import migrate

ROOMS = ("pager", "policy", "notifier")
_FIXTURES = {"postgresql": "postgres", "serializable": "serializable"}


async def _migrated(url: str, room: str) -> None:
    database = open_database(url)
    await migrate(database, room)
    await database.close()


@contextmanager
def _three_databases(admin: URL, isolation: str) -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        urls = {room: stack.enter_context(a_postgres_database(admin, isolation)) for room in ROOMS}
        for room, url in urls.items():
            asyncio.run(_migrated(url, room))
        yield urls


@pytest.fixture
def postgres_databases(postgres_admin_url: URL) -> Iterator[dict[str, str]]:
    """One migrated PostgreSQL database a room."""
    with _three_databases(postgres_admin_url, "read committed") as urls:
        yield urls


@pytest.fixture
def serializable_databases(postgres_admin_url: URL) -> Iterator[dict[str, str]]:
    """The same, with transactions that are SERIALIZABLE unless they say otherwise."""
    with _three_databases(postgres_admin_url, "serializable") as urls:
        yield urls


@pytest.fixture(params=DATABASES)
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The three databases, of each kind."""
    if request.param == "sqlite":
        return {room: f"sqlite+aiosqlite:///{tmp_path / room}.db" for room in ROOMS}
    urls: dict[str, str] = request.getfixturevalue(f"{_FIXTURES[request.param]}_databases")
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


@pytest.fixture(params=["postgres", "serializable"])
def postgres_world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], World]]:
    """A world on PostgreSQL that the test starts itself, after adding replicas."""
    world = World(tmp_path, request.getfixturevalue(f"{request.param}_databases"))
    yield lambda: world
    world.stop()
