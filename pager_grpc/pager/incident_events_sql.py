"""Timelines, and the stream of all events, as lines are added to them."""

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.pager.events import IncidentEvent
from pager_grpc.pager import rows
from pager_grpc.pager.tables import IncidentEventRow, table_of
from pager_grpc.runtime.bulk import Writes
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.selecting import fetch

EVENTS = table_of(IncidentEventRow)

# SQLite has one writer, so counting is enough. On PostgreSQL a transaction may have its number long before it locks a
# service, so its number alone is not in the order of the locks; the newest number that has ended by now, after the lock
# was taken, is at least that of whoever held the lock before. Either is below the horizon only when this one has ended.
_LAST = "SELECT coalesce(max(position), 0) AS position FROM incident_events WHERE transaction_id = 0"
_SQLITE_STREAM = (("transaction_id", "0"),)
_POSTGRES_STREAM = (
    (
        "transaction_id",
        "greatest(pg_current_xact_id()::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1)",
    ),
)


async def append_events(
    connection: AsyncConnection, writes: Writes, database: Database, events: Iterable[IncidentEvent]
) -> None:
    """Adds lines to timelines and to the stream of all events; those that were added before must be written."""
    lines = [rows.event_row(event) for event in events]
    if database.is_sqlite and lines:
        [last] = await fetch(connection, _LAST, {})
        for position, line in enumerate(lines, last["position"] + 1):
            line["position"] = position
    writes.insert(EVENTS, lines, computed=_SQLITE_STREAM if database.is_sqlite else _POSTGRES_STREAM)
