"""Maintenance windows on SQLite and PostgreSQL."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.changes.model import Change, ObjectKind, change_between
from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.errors import MaintenanceWindowUnknown, RequestIdReused
from pager_domain.pager.maintenance import MaintenanceWindow, MaintenanceWindowId, OneOff, to_come
from pager_domain.pager.ports.incident_views import Scope
from pager_domain.pager.ports.maintenance_windows import MaintenanceWindows
from pager_grpc.changes.change_log_sql import record
from pager_grpc.pager.table_parts import table_of
from pager_grpc.pager.tables_maintenance import MaintenanceWindowRow, MaintenanceWindowServiceRow
from pager_grpc.pager.wakeups import Wakeups, Work
from pager_grpc.runtime.bulk import Writes
from pager_grpc.runtime.columns import as_document, as_moment
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.database_errors import again_when_taken
from pager_grpc.runtime.selecting import Binds, Row, change, fetch, is_one_of

WINDOWS, COVERED = table_of(MaintenanceWindowRow), table_of(MaintenanceWindowServiceRow)
KEPT = timedelta(days=2)
"""How long a window is kept that was deleted, or is over."""

_WINDOW: TypeAdapter[MaintenanceWindow] = TypeAdapter(MaintenanceWindow)
_COVERING = """
SELECT s.monitored_service_id, w.document FROM maintenance_window_services AS s
JOIN maintenance_windows AS w ON w.window_id = s.window_id
WHERE {condition} AND w.deleted_at IS NULL
"""
_STARTING = """
SELECT document FROM maintenance_windows
WHERE next_start_at IS NOT NULL AND next_start_at <= {now} ORDER BY next_start_at LIMIT 1 {lock}
"""
_HELD_BY_DELETED = """
SELECT monitored_service_id FROM incidents AS i WHERE held_by_window IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM maintenance_windows AS w WHERE w.window_id = i.held_by_window AND w.deleted_at IS NULL
) LIMIT :limit
"""
_STORED = "SELECT document, deleted_at FROM maintenance_windows WHERE window_id = :window_id {within} {lock}"
_DELETE = "UPDATE maintenance_windows SET deleted_at = {now}, next_start_at = NULL WHERE window_id = :window_id"
_OVER = "SELECT window_id FROM maintenance_windows WHERE deleted_at < :horizon OR over_at < :horizon LIMIT 100"
_PAGE = """
SELECT document FROM maintenance_windows WHERE deleted_at IS NULL AND window_id > :after {within}
ORDER BY window_id LIMIT :limit
"""
_WITHIN = """
AND NOT EXISTS (
    SELECT 1 FROM maintenance_window_services AS s
    WHERE s.window_id = maintenance_windows.window_id AND NOT ({condition})
)
"""


class SqlMaintenanceWindows(MaintenanceWindows):
    """The windows of one database."""

    def __init__(self, database: Database, wakeups: Wakeups) -> None:
        self._database = database
        self._wakeups = wakeups

    async def create(self, window: MaintenanceWindow, request_id: str) -> MaintenanceWindow:
        """One transaction; what is over for two days is forgotten in passing."""
        stored = await again_when_taken(partial(self._database.atomically, partial(self._create, window, request_id)))
        self._wakeups.committed(Work.MAINTENANCE)
        return stored

    async def _create(
        self, window: MaintenanceWindow, request_id: str, connection: AsyncConnection
    ) -> MaintenanceWindow:
        now = await self._database.now(connection)
        if (known := await self._answered(connection, window, request_id)) is not None:
            return known
        await self._forget(connection, now - KEPT)
        row = {
            "window_id": window.window_id,
            "document": _WINDOW.dump_json(window).decode(),
            "request_id": request_id,
            "fingerprint": _fingerprint(window),
            "created_at": now,
            "next_start_at": to_come(window, now),
            "over_at": window.when.end if isinstance(window.when, OneOff) else None,
            "deleted_at": None,
        }
        writes = Writes(connection)
        writes.insert(WINDOWS, [row])
        covered = ({"monitored_service_id": s, "window_id": window.window_id} for s in window.services)
        writes.insert(COVERED, list(covered))
        await writes.run()
        await record(self._database, connection, [_change(None, window)])
        return window

    async def page(self, after: MaintenanceWindowId | None, limit: int, scope: Scope = None) -> list[MaintenanceWindow]:
        """By primary key."""
        async with self._database.snapshot() as connection:
            within, binds = _within(connection, scope)
            found = await fetch(
                connection, _PAGE.format(within=within), {"after": after or "", "limit": limit, **binds}
            )
        return [_window_of(row) for row in found]

    async def delete(self, window_id: MaintenanceWindowId, scope: Scope = None) -> None:
        """What it holds is released by the loop, which this wakes."""
        await self._database.atomically(partial(self._delete, window_id, scope))
        self._wakeups.committed(Work.MAINTENANCE)

    async def _delete(self, window_id: MaintenanceWindowId, scope: Scope, connection: AsyncConnection) -> None:
        within, binds = _within(connection, scope)
        lock = "" if self._database.is_sqlite else "FOR UPDATE"
        found = await fetch(connection, _STORED.format(within=within, lock=lock), binds | {"window_id": window_id})
        if not found:
            raise MaintenanceWindowUnknown(window_id)
        if found[0]["deleted_at"] is None:
            statement = _DELETE.format(now=self._database.now_sql)
            await change(connection, statement, {"window_id": window_id, **self._database.now_binds()})
            await record(self._database, connection, [_change(_window_of(found[0]), None)])

    async def seconds_until_start(self) -> float | None:
        """One look at the first entry of the index."""
        query = f"""
            SELECT min(next_start_at) AS due, {self._database.now_sql} AS now FROM maintenance_windows
            WHERE next_start_at IS NOT NULL
        """
        async with self._database.snapshot() as connection:
            [found] = await fetch(connection, query, self._database.now_binds())
        due, now = as_moment(found["due"]), as_moment(found["now"])
        return (due - now).total_seconds() if due is not None and now is not None else None

    async def _answered(
        self, connection: AsyncConnection, window: MaintenanceWindow, request_id: str
    ) -> MaintenanceWindow | None:
        if not request_id:
            return None
        query = "SELECT document, fingerprint FROM maintenance_windows WHERE request_id = :id AND request_id <> ''"
        found = await fetch(connection, query, {"id": request_id})
        if found and found[0]["fingerprint"] != _fingerprint(window):
            raise RequestIdReused(request_id)
        return _window_of(found[0]) if found else None

    async def _forget(self, connection: AsyncConnection, horizon: datetime) -> None:
        over = await fetch(connection, _OVER, {"horizon": self._database.moment_bind(horizon)})
        condition, binds = is_one_of(connection, "window_id", (row["window_id"] for row in over))
        if over:
            await change(connection, f"DELETE FROM maintenance_window_services WHERE {condition}", binds)
            await change(connection, f"DELETE FROM maintenance_windows WHERE {condition}", binds)


async def covering(
    connection: AsyncConnection, services: Iterable[MonitoredServiceId]
) -> Mapping[MonitoredServiceId, list[MaintenanceWindow]]:
    """The windows of each of these services, whether they last or not."""
    ids = sorted(services)
    condition, binds = is_one_of(connection, "s.monitored_service_id", ids)
    windows: dict[MonitoredServiceId, list[MaintenanceWindow]] = {service_id: [] for service_id in ids}
    for row in await fetch(connection, _COVERING.format(condition=condition), binds):
        windows[row["monitored_service_id"]].append(_window_of(row))
    return windows


def windows_in(documents: Any) -> list[MaintenanceWindow]:
    """The windows in a JSON array of their documents, or in none."""
    return [_WINDOW.validate_python(document) for document in as_document(documents) or ()]


async def starting(connection: AsyncConnection, database: Database) -> MaintenanceWindow | None:
    """One window whose time to start has come, locked; one that another replica starts is passed over."""
    lock = "" if database.is_sqlite else "FOR UPDATE SKIP LOCKED"
    found = await fetch(connection, _STARTING.format(now=database.now_sql, lock=lock), database.now_binds())
    return _window_of(found[0]) if found else None


async def started(
    connection: AsyncConnection, database: Database, window_id: MaintenanceWindowId, next_start_at: datetime | None
) -> None:
    """When it is looked at again; None: never."""
    moment = database.moment_bind(next_start_at) if next_start_at is not None else None
    if moment is None:
        query = "UPDATE maintenance_windows SET next_start_at = NULL WHERE window_id = :window_id"
        await change(connection, query, {"window_id": window_id})
    else:
        query = "UPDATE maintenance_windows SET next_start_at = :next WHERE window_id = :window_id"
        await change(connection, query, {"window_id": window_id, "next": moment})


async def held_by_deleted(connection: AsyncConnection, limit: int) -> list[MonitoredServiceId]:
    """Services whose incident waits for the end of a window that is not there any more."""
    found = await fetch(connection, _HELD_BY_DELETED, {"limit": limit})
    return [MonitoredServiceId(row["monitored_service_id"]) for row in found]


def _within(connection: AsyncConnection, scope: Scope) -> tuple[str, Binds]:
    if scope is None:
        return "", {}
    condition, binds = is_one_of(connection, "s.monitored_service_id", scope)
    return _WITHIN.format(condition=condition), binds


def _window_of(row: Row) -> MaintenanceWindow:
    return _WINDOW.validate_python(as_document(row["document"]))


def _change(before: MaintenanceWindow | None, after: MaintenanceWindow | None) -> Change:
    window = before or after
    if (
        window is None
        or (told := change_between(ObjectKind.MAINTENANCE_WINDOW, window.window_id, before, after)) is None
    ):
        raise ValueError("a window is made, or deleted")
    return told


def _fingerprint(window: MaintenanceWindow) -> str:
    """The same for equal content, whatever its id."""
    content: Any = (window.services, window.when, window.created_by, window.reason)
    return hashlib.blake2b(repr(content).encode(), digest_size=16).hexdigest()
