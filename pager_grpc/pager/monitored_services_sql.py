"""The store of services and incidents on SQLite and PostgreSQL."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from pager_domain.kernel import MonitoredServiceId, NotificationTarget
from pager_domain.pager.events import MOST_SEVERE_FIRST
from pager_domain.pager.model import EscalationPolicy, Incident
from pager_domain.pager.ports.monitored_services import MonitoredServices
from pager_domain.pager.storm import Pace
from pager_grpc.pager import rows
from pager_grpc.pager.foreseen_firing_sql import foreseen_unit_of_work
from pager_grpc.pager.just_opened import JustOpened
from pager_grpc.pager.policy_documents import policy_of
from pager_grpc.pager.sealing import Sealing
from pager_grpc.pager.unit_of_work_sql import SqlUnitOfWork
from pager_grpc.pager.wakeups import Wakeups
from pager_grpc.runtime.columns import as_moment, moment_of
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.selecting import fetch, is_one_of

_DUE = """
SELECT * FROM (
    SELECT incidents.*, {rank} AS rank FROM incidents
    WHERE severity = '{severity}' AND next_escalation_at IS NOT NULL AND next_escalation_at <= {now}
    ORDER BY next_escalation_at LIMIT :limit
) AS {severity}
"""
_MOST_SEVERE = "SELECT * FROM ({walks}) AS walks ORDER BY rank, next_escalation_at LIMIT :limit"


class SqlMonitoredServices(MonitoredServices):
    """The store over one database. ``pace`` is as in the outbox."""

    def __init__(self, database: Database, wakeups: Wakeups, sealing: Sealing, pace: Pace | None = None) -> None:
        self._database = database
        self._sealing = sealing
        self._just_opened = JustOpened()
        self._parts = database, wakeups, sealing, self._just_opened, pace

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[SqlUnitOfWork]:
        """A transaction; rolled back unless committed."""
        async with self._database.unit() as unit:
            yield SqlUnitOfWork(unit, *self._parts)

    @asynccontextmanager
    async def foreseen_unit_of_work(self, recipients: Sequence[NotificationTarget]) -> AsyncIterator[SqlUnitOfWork]:
        """On PostgreSQL without a transaction; SQLite has no round trips to save."""
        if self._database.is_sqlite:
            async with self.unit_of_work() as work:
                yield work
            return
        async with self._database.alone() as connection:
            yield foreseen_unit_of_work(connection, recipients, *self._parts)

    async def due(self, limit: int) -> list[Incident]:
        """One walk along the index of what is due for each severity; nothing else is looked at."""
        walks = " UNION ALL ".join(
            _DUE.format(severity=severity, rank=rank, now=self._database.now_sql)
            for rank, severity in enumerate(MOST_SEVERE_FIRST)
        )
        async with self._database.glance() as connection:
            self._just_opened.looking()
            binds = {"limit": limit, **self._database.now_binds()}
            found = await fetch(connection, _MOST_SEVERE.format(walks=walks), binds)
        incidents = [rows.incident_of(row, self._sealing) for row in found]
        self._just_opened.looked(incidents, found_all=len(found) < limit)
        return incidents

    def opened_here(self, limit: int) -> list[Incident]:
        """What units of work of this store have told."""
        return self._just_opened.take(limit)

    async def seconds_until_due(self) -> float | None:
        """One look at the first entry of each severity."""
        return await seconds_until(self._database, "incidents", "next_escalation_at", "next_escalation_at IS NOT NULL")

    async def last_known_policies(
        self, ids: Iterable[MonitoredServiceId]
    ) -> dict[MonitoredServiceId, tuple[EscalationPolicy, datetime]]:
        """One read by key."""
        async with self._database.glance() as connection:
            condition, binds = is_one_of(connection, "monitored_service_id", set(ids))
            found = await fetch(connection, f"SELECT * FROM last_known_policies WHERE {condition}", binds)
        return {
            MonitoredServiceId(row["monitored_service_id"]): (
                policy_of(row["policy"], self._sealing),
                moment_of(row["learnt_at"]),
            )
            for row in found
        }


async def seconds_until(database: Database, table: str, column: str, condition: str, *, also: str = "") -> float | None:
    """Seconds from the database's now to the least ``column`` of the rows under ``condition``; None without rows.

    ``also`` is one more query for a moment.
    """
    first = "SELECT * FROM (SELECT {0} AS due FROM {1} WHERE {2} AND severity = '{3}' ORDER BY {0} LIMIT 1) AS {3}"
    firsts = [first.format(column, table, condition, severity) for severity in MOST_SEVERE_FIRST]
    moments = " UNION ALL ".join([*firsts, *([also] if also else [])])
    query = f"SELECT min(due) AS due, {database.now_sql} AS now FROM ({moments}) AS moments"
    async with database.glance() as connection:
        [found] = await fetch(connection, query, database.now_binds())
    due, now = as_moment(found["due"]), as_moment(found["now"])
    return (due - now).total_seconds() if due is not None and now is not None else None
