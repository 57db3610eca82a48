"""Open incidents by the million, copied inside the database from one that the product wrote.

Their services are called PREFIX-00000001 and so on. Each waits for its first level; ``occurred_at`` keeps when that was
due when it was written.
"""

import asyncio
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from bench.servers.databases import Engine, Store, connected
from bench.servers.use_cases import use_cases
from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.events import Alert
from pager_domain.pager.model import Request

PATTERN = "pattern"
_ROWS = "INSERT INTO {table} ({names}) SELECT {values} FROM {table}, {series} WHERE monitored_service_id = 'pattern'"
_PARK = "UPDATE incidents SET next_escalation_at = {moment} WHERE monitored_service_id = 'pattern'"
# Filled by the database where they are left out, or the place in a stream that nobody follows.
_LEFT_OUT = {"transaction_id", "position"}
_COLUMNS = "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped"
_SECONDARY_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = ANY($1) AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""


@dataclass(frozen=True, slots=True)
class Pending:
    """``count`` incidents; ``due`` is the SQL of a moment and may name ``n``, which counts them from 1.

    ``timelines`` writes the first line of each too, for a pager that audits what it escalates (PostgreSQL only).
    """

    prefix: str
    count: int
    due: str
    timelines: bool = False

    @property
    def changes(self) -> Mapping[str, str]:
        """The columns in which a copy differs, and the SQL of their values."""
        number = "substr(CAST(100000000 + n AS text), 2)"  # eight digits on both engines
        return {
            "monitored_service_id": f"'{self.prefix}-' || {number}",
            "incident_id": f"'i-{self.prefix}-' || {number}",
            "next_escalation_at": self.due,
            "occurred_at": self.due,
        }

    @property
    def tables(self) -> list[str]:
        """In the order in which they are written."""
        return ["monitored_services", "incidents", *(["incident_events"] if self.timelines else [])]

    def statement(self, table: str, columns: Sequence[str], series: str) -> str:
        """Copies the pattern's row of ``table``."""
        names = [name for name in columns if name not in _LEFT_OUT]
        values = [self.changes.get(name, f"{table}.{name}") for name in names]
        return _ROWS.format(table=table, names=", ".join(names), values=", ".join(values), series=series)


def tomorrow(engine: Engine, number: str = "n") -> str:
    """A hundred a second from tomorrow on, as SQL."""
    if engine is Engine.POSTGRESQL:
        return f"now() + interval '1 day' + {number} * interval '10 milliseconds'"
    return f"strftime('%Y-%m-%d %H:%M:%f', 'now', '+1 day', '+' || ({number} / 100.0) || ' seconds') || '000'"


async def write_pattern(store: Store) -> None:
    """The incident that all are copied from; it waits until tomorrow, so that it stays as it is."""
    async with use_cases(store.url) as pager:
        alert = Alert("p99 latency of checkout is above two seconds for five minutes in eu-west-1")
        await pager.application.handle([Request(MonitoredServiceId(PATTERN), alert, request_id=PATTERN)])
    park = _PARK.format(moment=tomorrow(store.engine, "0"))
    if store.engine is Engine.SQLITE:
        await asyncio.to_thread(_run_on_file, store.folder / "pager.db", [park])
        return
    async with connected(store.dsn) as connection:
        await connection.execute(park)


async def write_pending(store: Store, pending: Pending) -> None:
    """Writes them beside the pattern; on SQLite no process may have the file."""
    if store.engine is Engine.SQLITE:
        await asyncio.to_thread(_write_to_file, store.folder / "pager.db", pending)
        return
    async with connected(store.dsn) as connection:
        await connection.execute("SET synchronous_commit = off")
        async with connection.transaction():
            for table in pending.tables:
                columns = [row[0] for row in await connection.fetch(_COLUMNS, table)]
                series = f"generate_series(1, {pending.count}) AS n"
                await connection.execute(pending.statement(table, columns, series))


async def write_millions(store: Store, pending: Pending) -> None:
    """As :func:`write_pending` into PostgreSQL, indexes after rows; then everything is vacuumed and on disk."""
    async with connected(store.dsn) as connection:
        await connection.execute("SET maintenance_work_mem = '512MB'")
        indexes = await connection.fetch(_SECONDARY_INDEXES, pending.tables)
        for name, _ in indexes:
            await connection.execute(f"DROP INDEX {name}")
        await write_pending(store, pending)
        for _, definition in indexes:
            await connection.execute(definition)
        await _settled(connection)


async def _settled(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    await connection.execute("VACUUM (ANALYZE)")
    await connection.execute("CHECKPOINT")


def _write_to_file(path: Path, pending: Pending) -> None:
    numbers = f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {pending.count})"
    with closing(sqlite3.connect(path)) as connection:
        columns = {table: _columns(connection, table) for table in pending.tables}
    series = f"({numbers} SELECT n FROM s)"
    _run_on_file(path, [pending.statement(table, names, series) for table, names in columns.items()])


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def _run_on_file(path: Path, statements: Iterable[str]) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
