"""Services are locked, in the order of their ids, and read with the incidents that they name: one statement."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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

Services = dict[MonitoredServiceId, StoredRow]
Windows = Mapping[MonitoredServiceId, Sequence[MaintenanceWindow]]

_COLUMNS = [column.name for column in table_of(MonitoredServiceRow).columns]
SERVICE = ", ".join(f"services.{name} AS service_{name}" for name in _COLUMNS)
"""The columns of a service beside those of its incident."""
_NAMED = ("incident_id", "reopen_incident_id")
# Who comes here is alone with the file: there is nothing to lock, and it is now all the time.
_READ = f"""
SELECT {SERVICE}, named.* FROM monitored_services AS services
LEFT JOIN incidents AS named ON named.monitored_service_id = services.monitored_service_id
    AND named.incident_id IN (services.incident_id, services.reopen_incident_id)
WHERE {{condition}}
"""
# Locks, and reads what is locked as it is by then: of a row that somebody changes while the statement begins the newest
# version is locked, and the condition tried on that. The moment is read beside each row, after it was locked.
_LOCK = f"""
WITH services AS MATERIALIZED (
    SELECT * FROM monitored_services WHERE {{condition}} ORDER BY monitored_service_id FOR UPDATE {{others}}
), named AS MATERIALIZED (
    SELECT incidents.* FROM services
    CROSS JOIN LATERAL (VALUES (services.incident_id), (services.reopen_incident_id)) AS names (incident_id)
    JOIN incidents ON incidents.monitored_service_id = services.monitored_service_id
        AND incidents.incident_id = names.incident_id
    FOR UPDATE OF incidents
)
SELECT {{now}} AS moment, {SERVICE}, named.*{{more}}
FROM (SELECT 1) AS always LEFT JOIN services ON true
LEFT JOIN named ON named.monitored_service_id = services.monitored_service_id
"""
WINDOWS = """(
    SELECT jsonb_agg(windows.document) FROM maintenance_window_services AS covered
    JOIN maintenance_windows AS windows ON windows.window_id = covered.window_id
    WHERE covered.monitored_service_id = services.monitored_service_id AND windows.deleted_at IS NULL
) AS windows"""
"""As they were when the statement began: nobody has them locked."""
_BEGIN = """
INSERT INTO monitored_services (monitored_service_id, incident_id, created_at, updated_at)
SELECT id, NULL, {now}, {now} FROM {source} ORDER BY id ON CONFLICT DO NOTHING RETURNING *, {now} AS moment
"""
# Locked too: where transactions keep their first snapshot (SERIALIZABLE) that tells at once that one has changed since.
_INCIDENTS = "SELECT {now} AS moment, * FROM incidents WHERE {condition} FOR UPDATE"


@dataclass(frozen=True, slots=True)
class LockedServices:
    """Rows of services and of the incidents that they name, and the moment after the last lock; windows if known."""

    services: Services
    incidents: Sequence[StoredRow]
    moment: datetime
    windows: Windows | None = None

    def and_(self, more: "LockedServices") -> "LockedServices":
        """All of both."""
        incidents = [*self.incidents, *more.incidents]
        return LockedServices(self.services | more.services, incidents, max(self.moment, more.moment))


async def lock(connection: AsyncConnection, database: Database, ids: Iterable[MonitoredServiceId]) -> LockedServices:
    """Those of the services that exist."""
    if database.is_sqlite:
        condition, binds = is_one_of(connection, "services.monitored_service_id", ids)
        return _locked(await fetch(connection, _READ.format(condition=condition), binds), database.clock.now())
    return await _lock(connection, database, ids)


async def lock_due(
    connection: AsyncConnection, database: Database, ids: Iterable[MonitoredServiceId]
) -> LockedServices:
    """As ``lock``, with the windows, passing over services that others hold."""
    if database.is_sqlite:
        return await lock(connection, database, ids)
    return await _lock(connection, database, ids, others="SKIP LOCKED", more=f", {WINDOWS}")


async def begin(connection: AsyncConnection, database: Database, ids: Iterable[MonitoredServiceId]) -> LockedServices:
    """Services that nobody had begun are begun, which locks them; those that another replica began first are locked."""
    source, binds = as_rows(connection, "id", ids)
    begun = await fetch(connection, _BEGIN.format(now=database.now_sql, source=source), binds)
    services = {MonitoredServiceId(row["monitored_service_id"]): row for row in begun}
    if taken := set(ids) - services.keys():
        locked = await lock(connection, database, taken)
        return replace(locked, services=services | locked.services)
    return LockedServices(services, (), max(moment_of(row["moment"]) for row in begun))


async def _lock(
    connection: AsyncConnection,
    database: Database,
    ids: Iterable[MonitoredServiceId],
    *,
    others: str = "",
    more: str = "",
) -> LockedServices:
    condition, binds = is_one_of(connection, "monitored_service_id", ids)
    statement = _LOCK.format(now=database.now_sql, condition=condition, others=others, more=more)
    found = await fetch(connection, statement, binds)
    return await _with_unseen(connection, database, with_moment(found))


def with_moment(found: Sequence[StoredRow]) -> LockedServices:
    """Of rows with a ``moment``, ``SERVICE``, the columns of an incident and perhaps ``WINDOWS``; these may be NULL."""
    of_services = [row for row in found if row["service_monitored_service_id"]]
    return _locked(of_services, max(moment_of(row["moment"]) for row in found))


def _locked(found: Sequence[StoredRow], moment: datetime) -> LockedServices:
    services: Services = {}
    windows: dict[MonitoredServiceId, Sequence[MaintenanceWindow]] = {}
    for row in found:
        service_id = MonitoredServiceId(row["service_monitored_service_id"])
        services[service_id] = {name: row[f"service_{name}"] for name in _COLUMNS}
        if "windows" in row:
            windows[service_id] = maintenance_windows_sql.windows_in(row["windows"])
    incidents = [row for row in found if row["incident_id"]]
    return LockedServices(services, incidents, moment, windows or None)


async def _with_unseen(connection: AsyncConnection, database: Database, locked: LockedServices) -> LockedServices:
    """An incident that was opened while the statement waited for its service is not in its snapshot: it is read now."""
    named = {row[column] for row in locked.services.values() for column in _NAMED if row[column]}
    if not (unseen := named - {row["incident_id"] for row in locked.incidents}):
        return locked
    condition, binds = is_one_of(connection, "incident_id", unseen)
    found: Sequence[Any] = await fetch(connection, _INCIDENTS.format(now=database.now_sql, condition=condition), binds)
    moments = [locked.moment, *(moment_of(row["moment"]) for row in found)]
    return replace(locked, incidents=[*locked.incidents, *found], moment=max(moments))
