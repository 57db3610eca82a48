"""`pagerd backup`, `restore` and `known-until`: copies of what a room stores, and what a copy does not know."""

import asyncio
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from pager_domain.errors import StoreUnavailable
from pager_grpc.daemon.configuration import database_urls
from pager_grpc.daemon.rooms import Room
from pager_grpc.runtime.columns import moment_of
from pager_grpc.runtime.config import ConfigurationFault, sqlite_file
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.files import copied_beside, sync_folder
from pager_grpc.runtime.schema import newest_revision
from pager_grpc.runtime.sqlite_backup import BackupFailed, ask_for_backup, back_up
from pager_grpc.runtime.sqlite_file import exclusive

_NEWEST = {
    Room.PAGER: "SELECT at FROM incident_events ORDER BY transaction_id DESC, position DESC LIMIT 1",
    Room.POLICY: "SELECT max(update_time) FROM"
    " (SELECT update_time FROM escalation_policies UNION ALL SELECT update_time FROM roster_revisions) AS changes",
    Room.NOTIFIER: "SELECT create_time FROM deliveries ORDER BY create_time DESC LIMIT 1",
}
_UNKNOWN_AFTER = {
    Room.PAGER: "alerts and answers that were given later are unknown here: raise again what is broken. "
    "A page that left later is not sent again while the ledger of the notifier knows it",
    Room.POLICY: "policies, people and schedules that were changed later are as they were: apply your files again",
    Room.NOTIFIER: "messages that left later may be sent a second time if the pager still owes them",
}


def backed_up(room: Room, target: Path) -> int:
    """Writes what ``room`` stores on SQLite to the new file ``target``, also while it serves; returns the exit code.

    Raises:
        ConfigurationFault: the room is on PostgreSQL, or its configuration cannot be used.
    """
    url = database_urls([room])[room]
    file = _file_of(room, url, "back it up with pg_dump --format=custom")
    if not file.exists():
        return _failed(room, f"{file} is not there: nothing was ever stored")
    try:
        asyncio.run(_back_up(url, file, target))
    except BackupFailed as error:
        return _failed(room, str(error))
    sys.stdout.write(f"{room}: {target} has everything until now\n")
    return 0


def restored(room: Room, source: Path) -> int:
    """Puts the backup ``source`` in the place of what ``room``, which must be stopped, stores on SQLite.

    What was there is kept beside it. Returns the exit code.

    Raises:
        ConfigurationFault: the room is on PostgreSQL or runs, or the file is no backup of it.
    """
    file = _file_of(room, database_urls([room])[room], "restore it with pg_restore --clean --if-exists")
    _require_backup(room, source)
    if source.resolve() == file.resolve():
        raise ConfigurationFault([f"{source}: is what the {room} room stores, and no backup of it"])
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = exclusive(file.with_name(file.name + ".lock"))
        with open(lock, closefd=True):  # noqa: PTH123 - closes the lock at the end
            kept = _replaced(file, source)
    except OSError as error:
        return _failed(room, f"{file} is as it was, {source} cannot be put there: {error.strerror}")
    was_there = f"what was there is {kept}" if kept else "nothing was there"
    sys.stdout.write(f"{room}: {file} is what {source} has; {was_there}\n")
    return 0


async def known_until(rooms: Sequence[Room]) -> int:
    """Prints until when each room knows what happened, and what that means after a restore.

    Returns the exit code: 2 if a room runs on its SQLite file, 1 if its database cannot be read.

    Raises:
        ConfigurationFault: the configuration cannot be used.
    """
    return max([await _known_until(room, url) for room, url in database_urls(rooms).items()])


async def _known_until(room: Room, url: str) -> int:
    if (file := sqlite_file(url)) is not None and not file.exists():
        sys.stdout.write(f"{room}: {file} is not there: nothing was ever stored\n")
        return 0
    try:
        newest = await _newest(room, url)
    except ConfigurationFault as fault:
        _failed(room, "; ".join(fault.faults))
        return 2
    except StoreUnavailable as error:
        return _failed(room, f"the database cannot be reached: {error.__cause__}")
    except DBAPIError as error:
        return _failed(room, f"the database has no tables of this room: {error.orig}")
    moment = f"{newest:%Y-%m-%dT%H:%M:%S.%fZ}" if newest is not None else "never"
    sys.stdout.write(f"{room}: known until {moment}; {_UNKNOWN_AFTER[room]}\n")
    return 0


async def _newest(room: Room, url: str) -> datetime | None:
    database = open_database(url)
    try:
        async with database.snapshot() as connection:
            newest = (await connection.execute(text(_NEWEST[room]))).scalar_one_or_none()
    finally:
        await database.close()
    return moment_of(newest) if newest is not None else None


def _replaced(file: Path, source: Path) -> str:
    """The name under which is kept what was there; empty if nothing was.

    Until the one step in which the copy takes its place, all that was there is where it was.
    """
    copy, kept = copied_beside(file, source), ""
    try:
        if file.exists():
            kept = _kept(file)
        copy.replace(file)
    except BaseException:
        copy.unlink(missing_ok=True)
        raise
    sync_folder(file.parent)
    return kept


def _kept(file: Path) -> str:
    """A second name of ``file``, with its log folded into it; the log of a broken file is kept beside it."""
    kept = f"{file.name}.before-{datetime.now(UTC).strftime('%Y%m%dT%H%M%S.%fZ')}"
    with suppress(sqlite3.Error), closing(sqlite3.connect(file)) as former:
        former.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    log = file.with_name(f"{file.name}-wal")
    if log.exists():
        log.rename(file.with_name(f"{kept}-wal"))
    file.with_name(kept).hardlink_to(file)
    return kept


async def _back_up(url: str, file: Path, target: Path) -> None:
    if await ask_for_backup(file, target):
        return
    database = open_database(url)
    try:
        await back_up(database, target)
    finally:
        await database.close()


def _require_backup(room: Room, source: Path) -> None:
    table = {Room.PAGER: "incidents", Room.POLICY: "escalation_policies", Room.NOTIFIER: "deliveries"}[room]
    try:
        with closing(sqlite3.connect(f"file:{source}?mode=ro&immutable=1", uri=True)) as backup:
            [[damage]] = backup.execute("PRAGMA quick_check(1)").fetchall()
            backup.execute(f"SELECT 1 FROM {table} LIMIT 1")
            [[revision]] = backup.execute("SELECT version_num FROM alembic_version").fetchall()
    except (sqlite3.Error, ValueError) as error:
        raise ConfigurationFault([f"{source}: is no backup of the {room} room: {error}"]) from error
    if damage != "ok":
        raise ConfigurationFault([f"{source}: is damaged: {damage}"])
    if int(revision) > newest_revision(room):
        raise ConfigurationFault([f"{source}: is of a newer version, at revision {revision} of the schema"])


def _file_of(room: Room, url: str, instead: str) -> Path:
    file = sqlite_file(url)
    if file is None:
        raise ConfigurationFault([f"{room.upper()}_DATABASE_URL: is PostgreSQL; {instead} (docs/deployment.md)"])
    return file


def _failed(room: Room, sentence: str) -> int:
    sys.stderr.write(f"{room}: {sentence}\n")
    return 1
