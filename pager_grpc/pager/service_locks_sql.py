"""Services are locked, in the order of their ids, and read with the incidents that they name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.maintenance import MaintenanceWindow
from pager_grpc.pager import maintenance_windows_sql
from pager_grpc.pager.rows import StoredRow
from pager_grpc.pager.tables import MonitoredServiceRow, table_of
from pager_grpc.runtime.columns import moment_of
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.selecting import as_rows, fetch, is_one_of

Locked = dict[MonitoredServiceId, StoredRow]
Windows = Mapping[MonitoredServiceId, Sequence[MaintenanceWindow]]

_COLUMNS = [column.name for column in table_of(MonitoredServiceRow).columns]
_NAMED = ("incident_id", "reopen_incident_id")
WINDOWS = """(
    SELECT jsonb_agg(windows.document) FROM maintenance_window_services AS covered
    JOIN maintenance_windows AS windows ON windows.window_id = covered.window_id
    WHERE covered.monitored_service_id = services.monitored_service_id AND windows.deleted_at IS NULL
) AS windows"""
SERVICE = ", ".join(f"services.{name} AS service_{name}" for name in _COLUMNS)
"""The columns of a service beside those of its incident."""
_BEGIN = """
INSERT INTO monitored_services (monitored_service_id, incident_id, created_at, updated_at)
SELECT id, NULL, {now}, {now} FROM {source} ORDER BY id ON CONFLICT DO NOTHING RETURNING *, {now} AS moment
"""
# The moment also without an incident; read after the locks of the services were taken. Incidents are locked too: where
# transactions keep their first snapshot (SERIALIZABLE) that tells at once that an incident has changed since.
_INCIDENTS_AND_NOW = """
SELECT {now} AS moment, found.* FROM (SELECT 1) AS always
LEFT JOIN (SELECT * FROM incidents WHERE {condition} {lock}) AS found ON true
"""
# Locks, and reads what is locked as it is by then: of a row that somebody changes while the statement begins the newest
# version is locked, and the condition tried on that. An incident that was opened meanwhile is not seen, which is as if
# it were not due yet. Windows are as they were when the statement began: nobody has them locked. The moment is read
# beside each row, after it was locked.
_LOCK_DUE = f"""
WITH services AS MATERIALIZED (
    SELECT * FROM monitored_services WHERE {{condition}} ORDER BY monitored_service_id FOR UPDATE SKIP LOCKED
), named AS MATERIALIZED (
    SELECT incidents.* FROM services
    CROSS JOIN LATERAL (VALUES (services.incident_id), (services.reopen_incident_id)) AS names (incident_id)
    JOIN incidents ON incidents.monitored_service_id = services.monitored_service_id
        AND incidents.incident_id = names.incident_id
    FOR UPDATE OF incidents
)
SELECT {{now}} AS moment, {SERVICE}, named.*, {WINDOWS}
FROM (SELECT 1) AS always LEFT JOIN services ON true
LEFT JOIN named ON named.monitored_service_id = services.monitored_service_id
"""


@dataclass(frozen=True, slots=True)
class LockedServices:
    """Rows of services and of the incidents that they name, and the moment after the last lock; windows if known."""

    services: Locked
    incidents: Sequence[StoredRow]
    moment: datetime
    windows: Windows | None = None


async def lock(connection: AsyncConnection, database: Database, ids: Iterable[MonitoredServiceId]) -> Locked:
    """Those of the services that exist."""
    condition, binds = is_one_of(connection, "monitored_service_id", ids)
    query = f"SELECT * FROM monitored_services WHERE {condition} ORDER BY monitored_service_id {_for_update(database)}"
    return _by_id(await fetch(connection, query, binds))


async def begin(connection: AsyncConnection, database: Database, ids: Sequence[MonitoredServiceId]) -> Locked:
    """Those of the services that nobody had begun; whoever begins a service has it locked."""
    source, binds = as_rows(connection, "id", ids)
    return _by_id(await fetch(connection, _BEGIN.format(now=database.now_sql, source=source), binds))


async def with_incidents(
    connection: AsyncConnection, database: Database, locked: Locked, last_lock_at: datetime | None = None
) -> LockedServices:
    """A second read, begun after the locks were taken: what it sees cannot change any more.

    Where no incident is named and it is known when the last lock was taken, there is nothing to read.
    """
    named = {row[column] for row in locked.values() for column in _NAMED if row[column]}
    if last_lock_at is not None and not named:
        return LockedServices(locked, (), last_lock_at)
    condition, binds = is_one_of(connection, "incident_id", named)
    query = _INCIDENTS_AND_NOW.format(now=database.now_sql, condition=condition, lock=_for_update(database))
    found = await fetch(connection, query, binds | database.now_binds())
    incidents = [row for row in found if row["incident_id"]]
    return LockedServices(locked, incidents, moment_of(found[0]["moment"]))


async def lock_due(
    connection: AsyncConnection, database: Database, ids: Iterable[MonitoredServiceId]
) -> LockedServices:
    """All of it at once, with the windows, passing over services that others hold; on PostgreSQL one statement."""
    if database.is_sqlite:
        return await with_incidents(connection, database, await lock(connection, database, ids))
    condition, binds = is_one_of(connection, "monitored_service_id", ids)
    found = await fetch(connection, _LOCK_DUE.format(now=database.now_sql, condition=condition), binds)
    return with_windows(found)


def with_windows(found: Sequence[StoredRow]) -> LockedServices:
    """Of rows with a ``moment``; ``SERVICE``, ``WINDOWS`` and the columns of an incident may all be NULL."""
    of_services = [row for row in found if row["service_monitored_service_id"]]
    services = _by_id({name: row[f"service_{name}"] for name in _COLUMNS} for row in of_services)
    windows = {
        MonitoredServiceId(row["service_monitored_service_id"]): maintenance_windows_sql.windows_in(row["windows"])
        for row in of_services
    }
    incidents = [row for row in of_services if row["incident_id"]]
    return LockedServices(services, incidents, max(moment_of(row["moment"]) for row in found), windows)


def _by_id(rows: Iterable[Any]) -> Locked:
    return {MonitoredServiceId(row["monitored_service_id"]): row for row in rows}


def _for_update(database: Database) -> str:
    return "" if database.is_sqlite else "FOR UPDATE"
