"""The store of services and incidents on SQLite and PostgreSQL."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy import select, text

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.model import EscalationPolicy, MonitoredService
from pager_domain.pager.ports.monitored_services import MonitoredServices
from pager_grpc.pager import rows
from pager_grpc.pager.unit_of_work_sql import INCIDENTS, SERVICES, SqlUnitOfWork
from pager_grpc.pager.wakeups import Wakeups
from pager_grpc.runtime.columns import as_document, as_moment, moment_of
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.selecting import fetch, is_one_of


class SqlMonitoredServices(MonitoredServices):
    """The store over one database."""

    def __init__(self, database: Database, wakeups: Wakeups) -> None:
        self._database = database
        self._wakeups = wakeups

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[SqlUnitOfWork]:
        """A transaction; rolled back unless committed."""
        async with self._database.unit() as connection:
            yield SqlUnitOfWork(connection, self._database, self._wakeups)

    async def due(self, limit: int) -> list[MonitoredService]:
        """By the partial index of what is due; nothing else is looked at."""
        query = (
            select(INCIDENTS, SERVICES.c.created_at, SERVICES.c.updated_at)
            .join(SERVICES, SERVICES.c.monitored_service_id == INCIDENTS.c.monitored_service_id)
            .where(INCIDENTS.c.next_escalation_at.is_not(None), text(f"next_escalation_at <= {self._database.now_sql}"))
            .order_by(INCIDENTS.c.next_escalation_at)
            .limit(limit)
        )
        async with self._database.begin() as connection:
            found = (await connection.execute(query, self._database.now_binds())).mappings().all()
        return [rows.service_of(row, rows.incident_of(row)) for row in found]

    async def seconds_until_due(self) -> float | None:
        """One look at the first entry of the partial index."""
        return await seconds_until(self._database, "incidents", "next_escalation_at", "next_escalation_at IS NOT NULL")

    async def last_known_policies(
        self, ids: Iterable[MonitoredServiceId]
    ) -> dict[MonitoredServiceId, tuple[EscalationPolicy, datetime]]:
        """One read by key."""
        async with self._database.begin() as connection:
            condition, binds = is_one_of(connection, "monitored_service_id", set(ids))
            found = await fetch(connection, f"SELECT * FROM last_known_policies WHERE {condition}", binds)
        return {
            MonitoredServiceId(row["monitored_service_id"]): (
                rows.policy_of(as_document(row["policy"])),
                moment_of(row["learnt_at"]),
            )
            for row in found
        }


async def seconds_until(database: Database, table: str, column: str, condition: str) -> float | None:
    """Seconds from the database's now to the least ``column`` of the rows under ``condition``; None without rows."""
    query = text(
        f"SELECT (SELECT {column} FROM {table} WHERE {condition} ORDER BY {column} LIMIT 1), {database.now_sql}"
    )
    async with database.begin() as connection:
        due, now = (await connection.execute(query, database.now_binds())).one()
    due, now = as_moment(due), as_moment(now)
    return (due - now).total_seconds() if due is not None and now is not None else None
