"""The end of a process whose disk did not take what it was told to keep.

After a sync that failed the kernel may drop what it could not write and call the next sync a success. So nothing that
this process still has in its hands can be trusted: it ends at once, as PostgreSQL does, without another sync. Whoever
starts it again reads what is there and makes it durable before it answers (``sqlite_file.py``).
"""

import os
import sqlite3
import sys

import structlog

log = structlog.get_logger()

_SYNCS = {sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC}


def end_if_a_sync_failed(error: BaseException | None) -> None:
    """Does not return if ``error`` is that of a sync of SQLite's; the exit code is that of an I/O error, 74."""
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) in _SYNCS:
        log.critical("disk_cannot_be_trusted", error=error.sqlite_errorname)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(os.EX_IOERR)
