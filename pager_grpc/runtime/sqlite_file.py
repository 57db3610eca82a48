"""A SQLite file as a room has it: one process, one connection, everything synced."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from pager_grpc.runtime.config import ConfigurationFault
from pager_grpc.runtime.sqlite_connection import SqliteConnection

_SQLITE_PRAGMAS = (
    "locking_mode=EXCLUSIVE",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=5000",
    "temp_store=MEMORY",  # what a statement of many rows may have to take back goes to no file
    "cache_size=-65536",  # KiB: indexes of a large history stay in memory
    "wal_autocheckpoint=8000",  # pages of 4 KiB: fewer, larger checkpoints; durability does not depend on them
    # What a process left in the log may have been readable and not durable: the sync of it failed, or was never made.
    "wal_checkpoint(TRUNCATE)",
)


async def connected(path: str) -> SqliteConnection:
    """The one connection to ``path``, durable and alone; a new file is for its owner's eyes, for it holds addresses."""
    with suppress(OSError):  # SQLite says better why it cannot be opened
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = SqliteConnection(path, isolation_level="IMMEDIATE")
    try:
        for pragma in _SQLITE_PRAGMAS:
            connection.fetch(f"PRAGMA {pragma}", {})
    except BaseException:
        connection.stop()  # half prepared it would keep the file locked against the next attempt
        raise
    return connection


def exclusive(path: Path) -> int:
    """Locks the file ``path`` until its descriptor, which is returned, is closed.

    Raises:
        ConfigurationFault: another process has it, or its folder cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationFault([f"{path}: cannot be opened: {error.strerror}"]) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        database = path.with_suffix("")
        raise ConfigurationFault(
            [f"{database}: another process uses this SQLite file; stop it, or use PostgreSQL for many processes"]
        ) from error
    return descriptor
