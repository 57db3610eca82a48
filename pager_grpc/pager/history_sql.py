"""Forgetting on SQLite and PostgreSQL: short transactions, found by indexes of when things ended.

The order within one follows what the guards and keys allow: pages and lines, then their incident. What is over changes
no more, so its service is not locked; SKIP LOCKED only keeps two replicas from forgetting the same.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate

from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.pager.ports.history import History
from pager_domain.pager.retention import Past
from pager_grpc.pager.incident_records_sql import MAX_LINES
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.selecting import Binds, Row, fetch, is_one_of_pairs

ROWS, ROWS_ON_SQLITE = 1_000, 250
"""Lines of one transaction. SQLite works on the event loop, where everybody waits meanwhile."""
_LEAST_LINES = 4
"""An incident that paged somebody has so many lines: no more are locked than can go."""
_INCIDENT_KEY = "monitored_service_id, incident_id"

_KEY = {
    Past.REQUEST_ANSWER: "monitored_service_id, request_id",
    Past.BUNDLE: "bundle_id",
    Past.RECIPIENT: "recipient",
}
_OLD = {
    Past.REQUEST_ANSWER: "request_answers WHERE created_at < :horizon ORDER BY created_at",
    Past.BUNDLE: """bundles WHERE settled_at < :horizon
        AND (SELECT n.bundle_id FROM notifications AS n WHERE n.bundle_id = bundles.bundle_id LIMIT 1) IS NULL
        ORDER BY settled_at""",
    # No index: there are as many as people who are paged.
    Past.RECIPIENT: "recipients WHERE calm_at < :horizon",
}
# (SELECT … LIMIT 1) IS NULL instead of NOT EXISTS: for that PostgreSQL may join with all pages that ever were.
# MATERIALIZED: a plain sub-select with LIMIT and SKIP LOCKED may be evaluated more than once.
_FORGET = """
DELETE FROM {table} WHERE ({key}) IN (
    WITH old AS MATERIALIZED (SELECT {key} FROM {old} LIMIT {rows} {skip_locked}) SELECT * FROM old
) RETURNING 1
"""
_INCIDENTS = """
SELECT monitored_service_id, incident_id, event_count FROM incidents
WHERE resolved_at < :horizon {but} ORDER BY resolved_at LIMIT {incidents} {skip_locked}
"""
_STILL_OWED = f"SELECT {_INCIDENT_KEY} FROM notifications WHERE {{condition}} AND settled_at IS NULL"
# SQLite's stream counts on from its last line: without that, positions would begin again below what watchers saw.
_NOT_THE_LAST_LINE = f"""
AND ({_INCIDENT_KEY}) NOT IN (
    SELECT {_INCIDENT_KEY} FROM incident_events ORDER BY transaction_id DESC, position DESC LIMIT 1
)"""
_PARTS = (("notifications", "notification_id"), ("incident_events", "sequence"), ("incidents", "incident_id"))
_PART = """
DELETE FROM {table} WHERE monitored_service_id = :service AND incident_id = :incident AND {column} IN (
    SELECT {column} FROM {table} WHERE monitored_service_id = :service AND incident_id = :incident
    ORDER BY {column} LIMIT {rows}
) RETURNING 1
"""


class SqlHistory(History):
    """The history over one database; ``rows`` bounds one transaction.

    Only an incident of more lines than ``longest`` goes in several: the audit leaves those out, so it never judges one
    that has gone in part.
    """

    def __init__(self, database: Database, rows: int | None = None, *, longest: int = MAX_LINES) -> None:
        self._database = database
        self._rows = rows = rows or (ROWS_ON_SQLITE if database.is_sqlite else ROWS)
        self._longest = longest
        # The number stands in the statement: for a bind PostgreSQL would plan as if it were a tenth of the table.
        self._bounds = {
            "rows": rows,
            "incidents": max(1, rows // _LEAST_LINES),
            "skip_locked": "" if database.is_sqlite else "FOR UPDATE SKIP LOCKED",
        }

    async def now(self) -> datetime:
        """By the database's clock."""
        async with self._database.snapshot() as connection:
            return await self._database.now(connection)

    async def forget(self, what: Past, horizon: datetime) -> int:
        """One transaction, again while it loses to others."""
        binds = {"horizon": self._database.moment_bind(horizon)}

        async def work(connection: AsyncConnection) -> int:
            if what is Past.INCIDENT:
                return await self._forget_incidents(connection, binds)
            return len(await fetch(connection, self._statement(what), binds))

        return await self._database.atomically(work)

    def _statement(self, what: Past) -> str:
        table = _OLD[what].split(maxsplit=1)[0]
        return _FORGET.format(table=table, key=_KEY[what], old=_OLD[what], **self._bounds)

    async def _forget_incidents(self, connection: AsyncConnection, binds: Binds) -> int:
        but = _NOT_THE_LAST_LINE if self._database.is_sqlite else ""
        found = await fetch(connection, _INCIDENTS.format(but=but, **self._bounds), binds)
        over = await _without_owed_pages(connection, found) if found else []
        lines = accumulate(row["event_count"] for row in over)
        whole = [row for row, so_far in zip(over, lines, strict=True) if so_far <= self._rows]
        if over and over[0]["event_count"] > self._longest:
            return await self._forget_part(connection, over[0])
        return await _forget_whole(connection, whole or over[:1]) if over else 0

    async def _forget_part(self, connection: AsyncConnection, long: Row) -> int:
        """Of an incident that is too long for one transaction: its pages, else its first lines, else what is left."""
        binds = {"service": long["monitored_service_id"], "incident": long["incident_id"]}
        for table, column in _PARTS:
            if gone := len(await fetch(connection, _PART.format(table=table, column=column, rows=self._rows), binds)):
                return gone
        return 0


async def _without_owed_pages(connection: AsyncConnection, incidents: Sequence[Row]) -> list[Row]:
    """A page that is under way when its incident is resolved ends soon after: this leaves out next to nothing."""
    condition, binds = is_one_of_pairs(connection, _INCIDENT_KEY, map(_key, incidents))
    owed = {_key(row) for row in await fetch(connection, _STILL_OWED.format(condition=condition), binds)}
    return [row for row in incidents if _key(row) not in owed]


async def _forget_whole(connection: AsyncConnection, incidents: Sequence[Row]) -> int:
    condition, binds = is_one_of_pairs(connection, _INCIDENT_KEY, map(_key, incidents))
    gone = 0
    for table, _ in _PARTS:
        gone += len(await fetch(connection, f"DELETE FROM {table} WHERE {condition} RETURNING 1", binds))
    return gone


def _key(row: Row) -> tuple[str, str]:
    return row["monitored_service_id"], row["incident_id"]
