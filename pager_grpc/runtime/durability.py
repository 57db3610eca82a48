"""What a database must be set to so that an answered alert survives a crash: asked at start, refused if it is not so.

What is asked for is what our own session sees, so that settings of the role and of the database count as they are.
"""

import sqlite3
from dataclasses import dataclass
from typing import Protocol

import structlog
from sqlalchemy import text

from pager_domain.errors import StoreUnavailable
from pager_grpc.runtime.config import ConfigurationFault
from pager_grpc.runtime.database import Database

log = structlog.get_logger()

OLDEST_POSTGRES = 150000
"""As ``server_version_num``; the oldest server that the tests have run on."""
OLDEST_SQLITE = (3, 38, 0)
"""The first with the operator ``->>``."""
_WAL_RESET_BUG = ((3, 7, 0), (3, 51, 2))
_WAL_RESET_MENDED = {(3, 44, 6), (3, 50, 7)}
_SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")
_ASK_POSTGRES = text(
    "SELECT current_setting('server_version_num')::integer AS version, current_setting('fsync') AS fsync,"
    " current_setting('full_page_writes') AS full_page_writes, current_setting('data_sync_retry') AS data_sync_retry,"
    " current_setting('synchronous_commit') AS synchronous_commit,"
    " current_setting('synchronous_standby_names') AS synchronous_standby_names,"
    " current_setting('session_replication_role') AS session_replication_role,"
    " pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on' AS read_only,"
    " (SELECT count(*) FROM pg_stat_replication WHERE state IS DISTINCT FROM 'backup') AS standbys"
)


class ReadOnlyServer(Exception):
    """The server takes no writes; it may be promoted, so it is worth trying again."""


class Settings(Protocol):
    """What a database is set to. Every text names the setting, what it is and what it should be."""

    def unfit(self) -> list[str]:
        """Why this code cannot work on it, whatever is allowed."""

    def risks(self) -> list[str]:
        """How answered alerts could be lost on it."""

    def degraded(self) -> str:
        """What is not promised on it; empty if nothing is missing."""


@dataclass(frozen=True, slots=True)
class PostgresSettings:
    """As our own session sees them; ``standbys`` are connected now."""

    version: int
    fsync: str = "on"
    full_page_writes: str = "on"
    data_sync_retry: str = "off"
    synchronous_commit: str = "on"
    synchronous_standby_names: str = ""
    session_replication_role: str = "origin"
    read_only: bool = False
    standbys: int = 0

    def unfit(self) -> list[str]:
        """Too old."""
        oldest = OLDEST_POSTGRES // 10000
        return [f"server_version_num is {self.version}; use PostgreSQL {oldest} or newer"] * (
            self.version < OLDEST_POSTGRES
        )

    def risks(self) -> list[str]:
        """Below ``on``, ``synchronous_commit`` still waits for the server's own disk, but not for that of a standby."""
        waits = {"on", "remote_apply"} if self.synchronous_standby_names else {"local", "remote_write", "on"}
        wanted = [
            ("fsync", self.fsync, {"on"}),
            ("full_page_writes", self.full_page_writes, {"on"}),
            ("data_sync_retry", self.data_sync_retry, {"off"}),
            ("synchronous_commit", self.synchronous_commit, waits | {"on", "remote_apply"}),
            # As "replica" it switches off the guards and foreign keys that the promises rest on.
            ("session_replication_role", self.session_replication_role, {"origin", "local"}),
        ]
        better = {"data_sync_retry": "off", "session_replication_role": "origin"}
        return [
            f"{name} is {value}; set {name} = {better.get(name, 'on')}"
            for name, value, accepted in wanted
            if value not in accepted
        ]

    def degraded(self) -> str:
        """An asynchronous standby that takes over has not got the last commits."""
        if self.standbys and not self.synchronous_standby_names:
            return (
                f"{self.standbys} standby(s) and synchronous_standby_names is empty: a failover can lose answered"
                " alerts; name the standbys in synchronous_standby_names"
            )
        return ""


@dataclass(frozen=True, slots=True)
class SqliteSettings:
    """The library, the number of connections that the pool may open on the file, and what the file is set to."""

    library: tuple[int, ...]
    connections: int = 1
    journal_mode: str = "wal"
    synchronous: int = 2

    def unfit(self) -> list[str]:
        """Too old."""
        oldest = ".".join(map(str, OLDEST_SQLITE))
        return [f"the SQLite library is {_dotted(self.library)}; use {oldest} or newer"] * (
            self.library < OLDEST_SQLITE
        )

    def risks(self) -> list[str]:
        """With one connection there is only one that resets the log, so that the bug cannot strike."""
        first, last = _WAL_RESET_BUG
        risks = []
        if self.connections > 1 and first <= self.library <= last and self.library not in _WAL_RESET_MENDED:
            risks.append(
                f"the SQLite library {_dotted(self.library)} can corrupt a WAL file that {self.connections} connections"
                f" share; use one connection, or a library newer than {_dotted(last)}"
            )
        if self.journal_mode != "wal":
            risks.append(f"journal_mode is {self.journal_mode}; the file must be on a disk that takes WAL")
        if self.synchronous < _SYNCHRONOUS.index("FULL"):
            risks.append(f"synchronous is {_SYNCHRONOUS[self.synchronous]}; it must be FULL")
        return risks

    def degraded(self) -> str:
        """Nothing is promised of the machine's disk."""
        return ""


async def require_durable(database: Database, room: str, *, allow_data_loss: bool) -> None:
    """Refuses a database on which an answered alert could be lost, unless that is allowed; then it says so loudly.

    Raises:
        ConfigurationFault: with a sentence for each setting.
        StoreUnavailable: the server only reads.
    """
    faults, risks, degraded = await examined(database, room)
    if faults or (risks and not allow_data_loss):
        raise ConfigurationFault([*faults, *risks])
    if risks:
        log.error("data_loss_allowed", risks=risks)
    if degraded:
        log.warning("durability_degraded", because=degraded)


async def examined(database: Database, room: str) -> tuple[list[str], list[str], str]:
    """What makes ``database`` unfit, what puts answered alerts at risk, and what is not promised on it."""
    settings = await settings_of(database, room)
    variable = f"{room.upper()}_DATABASE_URL"
    allow = "or accept with --allow-data-loss that answered alerts can be lost"
    risks = [f"{variable}: {risk}, {allow}" for risk in settings.risks()]
    return [f"{variable}: {fault}" for fault in settings.unfit()], risks, settings.degraded()


async def settings_of(database: Database, room: str) -> Settings:
    """What ``database`` is set to.

    Raises:
        StoreUnavailable: it cannot be reached, or takes no writes.
    """
    async with database.looking() as connection:
        if database.is_sqlite:
            journal_mode = (await connection.exec_driver_sql("PRAGMA journal_mode")).scalar_one()
            synchronous = (await connection.exec_driver_sql("PRAGMA synchronous")).scalar_one()
            connections = database.connections.limit
            return SqliteSettings(sqlite3.sqlite_version_info, connections, journal_mode, synchronous)
        found = PostgresSettings(**(await connection.execute(_ASK_POSTGRES)).mappings().one())
    if found.read_only:
        variable = f"{room.upper()}_DATABASE_URL"
        reason = "the server is a standby, or default_transaction_read_only is on; name the primary"
        raise StoreUnavailable from ReadOnlyServer(f"{variable}: {reason}")
    return found


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
