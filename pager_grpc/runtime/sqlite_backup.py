"""Copies of a SQLite file while a room serves from it.

The room alone has the file open, so it makes the copy itself: it listens at a Unix socket beside the file, where
`pagerd backup` names the file that is to be written. Only the user of the room may connect.
"""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path

import structlog

from pager_grpc.runtime.database import Database
from pager_grpc.runtime.files import sync_folder
from pager_grpc.runtime.selecting import sqlite_driver
from pager_grpc.runtime.sqlite_connection import SqliteConnection

log = structlog.get_logger()

_DONE = b"done\n"
_LONGEST_REQUEST = 4096
_REQUEST_SECONDS = 5.0


class BackupFailed(Exception):
    """There is no copy; why not, in words."""


@asynccontextmanager
async def offering_backups(database: Database) -> AsyncIterator[None]:
    """While it is entered, whoever asks at the socket gets a copy; on PostgreSQL there is none."""
    if not database.is_sqlite:
        yield
        return
    socket = _socket_of(Path(database.engine.url.database or ""))
    socket.unlink(missing_ok=True)  # of a process that was killed; this one has the lock of the file
    written: set[asyncio.Task[None]] = set()
    serve = partial(_serve_in_a_task, database, written)
    try:
        server = await asyncio.start_unix_server(serve, socket, limit=_LONGEST_REQUEST)
    except OSError as error:  # a path of a socket may have 107 bytes
        log.warning("backups_not_offered", socket=str(socket), error=str(error))
        yield
        return
    socket.chmod(0o600)
    try:
        yield
    finally:
        server.close()
        socket.unlink(missing_ok=True)
        await asyncio.gather(*written)  # the database must not be closed under a copy


async def ask_for_backup(file: Path, target: Path) -> bool:
    """Whether the room that serves from ``file`` has written it to ``target`` (absolute); False if none serves.

    Raises:
        BackupFailed: it could not.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(_socket_of(file))
    except OSError:
        return False
    with closing(writer):
        writer.write(f"{target}\n".encode())
        answer = await reader.readline()
    if answer != _DONE:
        raise BackupFailed(answer.decode().strip() or "the room went away meanwhile")
    return True


async def back_up(database: Database, target: Path) -> None:
    """Writes all of a SQLite database to the new file ``target``, durably; transactions go on meanwhile.

    Raises:
        BackupFailed: the file is there already, or cannot be written.
    """
    async with database.connections.borrowed() as borrowed:
        connection = sqlite_driver(borrowed)
    await asyncio.to_thread(_write, connection, target)


def _write(connection: SqliteConnection, target: Path) -> None:
    part = target.with_name(target.name + ".part")
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise BackupFailed(f"{target}: {error.strerror}") from error
    try:
        part.touch(0o600)
        connection.copy_to(part)
        part.replace(target)
        sync_folder(target.parent)
    except (OSError, sqlite3.Error) as error:
        target.unlink(missing_ok=True)
        raise BackupFailed(f"{target}: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def _serve_in_a_task(
    database: Database,
    written: set[asyncio.Task[None]],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    task = asyncio.create_task(_serve(database, reader, writer))
    written.add(task)
    task.add_done_callback(written.discard)


async def _serve(database: Database, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with closing(writer):
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                target = Path((await reader.readline()).decode().strip())
            await back_up(database, target)
        except (BackupFailed, TimeoutError, ValueError) as error:
            log.warning("backup_failed", cause=str(error))
            writer.write(f"{error}\n".encode())
            return
        log.info("backup_written", file=str(target))
        writer.write(_DONE)


def _socket_of(file: Path) -> Path:
    return file.with_name(file.name + ".backup")
