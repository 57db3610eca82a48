"""What all worlds of a worker share: the zygote, the providers, the policy service, and empty databases to copy."""

import asyncio
import itertools
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from crash.rooms import Room, Zygote
from crash.world import NOBODY_LISTENS, Crash, World, an_address, running_world
from simulation.providers_process import Providers, running_providers
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine

from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import migrate

ROOMS = ("pager", "notifier")
PAIRS = 3
NewDatabases = Callable[[Path], AbstractAsyncContextManager[dict[str, str]]]
NewWorld = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    zygote = Zygote()
    yield zygote
    zygote.stop()


@pytest.fixture(scope="session")
def providers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Providers]:
    with running_providers(tmp_path_factory.mktemp("providers")) as providers:
        yield providers


@pytest.fixture(scope="session")
def policy_address(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the one policy service listens; it dies with the zygote."""
    folder, address = tmp_path_factory.mktemp("policy"), an_address()

    async def start() -> None:
        room = Room(
            zygote, "policy", address, {"PAGERD_DATA": str(folder), "POLICY_LISTEN": address}, folder / "policy"
        )
        await room.until_it_serves(room.start())
        await room.channel.close()

    asyncio.run(start())
    return address


async def _migrated(url: str, room: str) -> None:
    database = open_database(url)
    await migrate(database, room)
    await database.close()


@pytest.fixture(scope="session")
def sqlite_templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("templates")
    for room in ROOMS:
        asyncio.run(_migrated(f"sqlite+aiosqlite:///{folder / room}.db", room))
    return folder


@pytest.fixture
def sqlite_databases(sqlite_templates: Path) -> NewDatabases:
    """Empty databases in a folder."""

    @asynccontextmanager
    async def made(folder: Path):
        for room in ROOMS:
            shutil.copyfile(sqlite_templates / f"{room}.db", folder / f"{room}.db")
        yield {room: f"sqlite+aiosqlite:///{folder / room}.db" for room in ROOMS}

    return made


async def _execute(admin: URL, *statements: str) -> None:
    engine = create_async_engine(admin, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await engine.dispose()


@pytest.fixture(scope="session")
def postgres_pairs(postgres_admin_url: URL) -> Iterator[list[dict[str, str]]]:
    """As many databases of each room as there are worlds side by side. They are used again: making one takes long, and
    a world has names of its own.
    """
    suffix = uuid.uuid4().hex
    names = [{room: f"crash_{room}_{number}_{suffix}" for room in ROOMS} for number in range(PAIRS)]
    every = [name for pair in names for name in pair.values()]
    asyncio.run(_execute(postgres_admin_url, *(f"CREATE DATABASE {name}" for name in every)))
    pairs = [
        {
            room: postgres_admin_url.set(database=name).render_as_string(hide_password=False)
            for room, name in pair.items()
        }
        for pair in names
    ]
    for pair in pairs:
        for room, url in pair.items():
            asyncio.run(_migrated(url, room))
    yield pairs
    asyncio.run(_execute(postgres_admin_url, *(f"DROP DATABASE {name} WITH (FORCE)" for name in every)))


@pytest.fixture
def postgres_databases(postgres_pairs: list[dict[str, str]]) -> NewDatabases:
    """A pair of databases that no other world uses meanwhile."""

    @asynccontextmanager
    async def made(_folder: Path):
        pair = postgres_pairs.pop()
        yield pair
        postgres_pairs.append(pair)

    return made


@pytest.fixture
def new_world(zygote: Zygote, providers: Providers, policy_address: str, tmp_path: Path) -> NewWorld:
    """A world on new databases, in which a crash will happen; without a policy service if that is down."""
    numbers = itertools.count()

    @asynccontextmanager
    async def made(databases: NewDatabases, crash: Crash | None = None, *, policy_is_down: bool = False):
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        target = NOBODY_LISTENS if policy_is_down else policy_address
        async with databases(folder) as urls, running_world(zygote, folder, urls, providers, target, crash) as world:
            yield world

    return made
