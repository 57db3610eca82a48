"""Reading services, incidents, timelines and the stream of all events."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.errors import InvalidField
from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.events import IncidentEvent, IncidentId
from pager_domain.pager.model import Incident, IncidentState, MonitoredService, ServiceState
from pager_domain.pager.ports.incident_views import IncidentViews, Scope, WatchPosition
from pager_grpc.pager import rows
from pager_grpc.pager.incident_events_sql import EVENTS
from pager_grpc.pager.sealing import Sealing
from pager_grpc.pager.unit_of_work_sql import INCIDENTS, SERVICES
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.selecting import fetch, is_one_of

# Every transaction below this one has ended: whatever it wrote is visible, and nothing more can come.
_POSTGRES_HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_POSTGRES_NEXT = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
_SQLITE_LAST = "SELECT coalesce(max(position), 0) FROM incident_events WHERE transaction_id = 0"
# Said in the words of the index of what is not resolved, so that nobody walks through years to find what is open.
_UNRESOLVED = text("state <> 'resolved'")


class SqlIncidentViews(IncidentViews):
    """Reads over one database."""

    def __init__(self, database: Database, sealing: Sealing) -> None:
        self._database = database
        self._sealing = sealing

    async def service(self, monitored_service_id: MonitoredServiceId) -> MonitoredService | None:
        """One service."""
        found = await self._services(select(SERVICES).where(SERVICES.c.monitored_service_id == monitored_service_id))
        return found[0] if found else None

    async def services(
        self, states: Collection[ServiceState], after: MonitoredServiceId | None, limit: int, scope: Scope = None
    ) -> list[MonitoredService]:
        """By primary key."""
        query = select(SERVICES).order_by(SERVICES.c.monitored_service_id).limit(limit)
        if len(set(states)) == 1:
            healthy = ServiceState.HEALTHY in states
            query = query.where(SERVICES.c.incident_id.is_(None) if healthy else SERVICES.c.incident_id.is_not(None))
        if after is not None:
            query = query.where(SERVICES.c.monitored_service_id > after)
        if scope is not None:
            query = query.where(SERVICES.c.monitored_service_id.in_(sorted(scope)))
        return await self._services(query)

    async def incident(self, incident_id: IncidentId) -> Incident | None:
        """One incident."""
        found = await self._incidents(select(INCIDENTS).where(INCIDENTS.c.incident_id == incident_id))
        return found[0] if found else None

    async def incidents(
        self,
        monitored_service_id: MonitoredServiceId | None,
        states: Collection[IncidentState],
        before: tuple[datetime, IncidentId] | None,
        limit: int,
        scope: Scope = None,
    ) -> list[Incident]:
        """By the index of opening times, or by that of what is not resolved."""
        order = (INCIDENTS.c.opened_at, INCIDENTS.c.incident_id)
        query = select(INCIDENTS).order_by(*(column.desc() for column in order)).limit(limit)
        if monitored_service_id is not None:
            query = query.where(INCIDENTS.c.monitored_service_id == monitored_service_id)
        if scope is not None:
            query = query.where(INCIDENTS.c.monitored_service_id.in_(sorted(scope)))
        if states:
            query = query.where(INCIDENTS.c.state.in_(sorted(states)))
            if IncidentState.RESOLVED not in states:
                query = query.where(_UNRESOLVED)
        if before is not None:
            query = query.where(tuple_(*order) < before)
        return await self._incidents(query)

    async def events(self, incident: Incident, after: int, limit: int) -> list[IncidentEvent]:
        """By primary key."""
        query = (
            select(EVENTS)
            .where(
                EVENTS.c.monitored_service_id == incident.monitored_service_id,
                EVENTS.c.incident_id == incident.incident_id,
                EVENTS.c.sequence > after,
            )
            .order_by(EVENTS.c.sequence)
            .limit(limit)
        )
        async with self._database.snapshot() as connection:
            return [rows.event_of(row) for row in (await connection.execute(query)).mappings()]

    async def watch_position(self) -> WatchPosition:
        """On PostgreSQL just below the oldest running transaction; on SQLite the last event."""
        async with self._database.snapshot() as connection:
            if self._database.is_sqlite:
                return WatchPosition(0, await self._scalar(connection, _SQLITE_LAST))
            return WatchPosition(await self._scalar(connection, _POSTGRES_HORIZON), 0)

    async def events_since(self, position: WatchPosition, limit: int) -> list[tuple[WatchPosition, IncidentEvent]]:
        """Stops below the oldest running transaction, because it may still commit events with lower positions."""
        order = (EVENTS.c.transaction_id, EVENTS.c.position)
        query = (
            select(EVENTS)
            .where(tuple_(*order) > (position.transaction, position.position))
            .order_by(*order)
            .limit(limit)
        )
        async with self._database.snapshot() as connection:
            if self._database.is_sqlite:
                last = WatchPosition(0, await self._scalar(connection, _SQLITE_LAST))
            else:
                last = WatchPosition(await self._scalar(connection, _POSTGRES_NEXT), 0)
                query = query.where(EVENTS.c.transaction_id < text(f"({_POSTGRES_HORIZON})"))
            if position > last:
                raise InvalidField("resume_token", "must be a token of this database; begin without one")
            found = (await connection.execute(query)).mappings().all()
        return [(WatchPosition(row["transaction_id"], row["position"]), rows.event_of(row)) for row in found]

    async def _services(self, query: Select[Any]) -> list[MonitoredService]:
        async with self._database.snapshot() as connection:
            found = (await connection.execute(query)).mappings().all()
            ids = {row["incident_id"] for row in found if row["incident_id"]}
            condition, binds = is_one_of(connection, "incident_id", ids)
            related = await fetch(connection, f"SELECT * FROM incidents WHERE {condition}", binds) if ids else ()
        incidents = {row["incident_id"]: rows.incident_of(row, self._sealing) for row in related}
        return [rows.service_of(row, incidents.get(row["incident_id"])) for row in found]

    async def _incidents(self, query: Select[Any]) -> list[Incident]:
        async with self._database.snapshot() as connection:
            return [rows.incident_of(row, self._sealing) for row in (await connection.execute(query)).mappings()]

    @staticmethod
    async def _scalar(connection: AsyncConnection, statement: str) -> int:
        return int((await connection.execute(text(statement))).scalar_one())
