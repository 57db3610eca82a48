"""The pager's adapters over one real database whose time is moved by hand."""

from contextlib import asynccontextmanager
from functools import partial

from builders import NOON, HandClock
from sealed import SEALING
from sqlalchemy import text

from pager_domain.errors import StoreUnavailable
from pager_grpc.pager.backlogs_sql import SqlBacklogs
from pager_grpc.pager.history_sql import SqlHistory
from pager_grpc.pager.incident_records_sql import SqlIncidentRecords
from pager_grpc.pager.incident_views_sql import SqlIncidentViews
from pager_grpc.pager.maintenance_windows_sql import SqlMaintenanceWindows
from pager_grpc.pager.monitored_services_sql import SqlMonitoredServices
from pager_grpc.pager.notification_outbox_sql import SqlNotificationOutbox
from pager_grpc.pager.wakeups import Wakeups
from pager_grpc.runtime.database import Database, open_database
from pager_grpc.runtime.database_errors import is_contention
from pager_grpc.runtime.migrations import migrate

_RUNNING = "(clock_timestamp() + (SELECT by FROM test_clock))"
_FROZEN = f"(timestamptz '{NOON.isoformat()}' + (SELECT by FROM test_clock))"


class StoredPager:
    """``databases`` are open on the same data; on PostgreSQL there are two, as with two replicas."""

    def __init__(self, databases: list[Database], clock: HandClock) -> None:
        self.databases, self.clock = databases, clock
        self.database = databases[0]
        self.wakeups = Wakeups()
        self.store = SqlMonitoredServices(self.database, self.wakeups, SEALING)
        self.outbox = SqlNotificationOutbox(self.database, self.wakeups, SEALING)
        self.views = SqlIncidentViews(self.database, SEALING)
        self.backlogs = SqlBacklogs(self.database)
        self.windows = SqlMaintenanceWindows(self.database, self.wakeups)

    async def advance(self, seconds: float) -> None:
        """Time passes, for every replica."""
        self.clock.advance(seconds)
        if not self.database.is_sqlite:
            await self.execute("UPDATE test_clock SET by = by + make_interval(secs => :seconds)", seconds=seconds)

    async def execute(self, statement: str, **binds):
        """Plain SQL past all rules."""
        async with self.database.begin() as connection:
            result = await connection.execute(text(statement), binds)
            return result.mappings().all() if result.returns_rows else []

    async def records(self, prefix=""):
        """Every incident of services whose names begin so, as the audit reads it."""
        query = "SELECT monitored_service_id, incident_id FROM incidents WHERE monitored_service_id LIKE :prefix"
        keys = await self.execute(query, prefix=f"{prefix}%")
        return await SqlIncidentRecords(self.database, SEALING).records([tuple(key.values()) for key in keys])

    def stores(self, number):
        return [(n, SqlMonitoredServices(self._replica(n), Wakeups(), SEALING)) for n in range(number)]

    def store_with(self, pace):
        return SqlMonitoredServices(self.database, self.wakeups, SEALING, pace)

    def outboxes(self, number):
        return [SqlNotificationOutbox(self._replica(n), Wakeups(), SEALING) for n in range(number)]

    def outbox_with(self, pace, replica=0):
        return SqlNotificationOutbox(self._replica(replica), Wakeups(), SEALING, pace)

    def history_of(self, rows=None, **more):
        return SqlHistory(self.database, rows, **more)

    async def retrying(self, call, *arguments):
        """A caller who is patient: who has only lost races may ask again, for nothing was stored."""
        while True:
            try:
                return await self.database.retrying(partial(call, *arguments))
            except StoreUnavailable as refusal:
                if not is_contention(refusal.__cause__):
                    raise

    def _replica(self, number: int) -> Database:
        return self.databases[number % len(self.databases)]


@asynccontextmanager
async def stored_pager(url: str, *, replicas: int = 2, frozen: bool = False):
    """A migrated database, open; closed at the end. ``frozen``: only :meth:`StoredPager.advance` moves its time."""
    clock, now_sql = HandClock(), _FROZEN if frozen else _RUNNING
    if url.startswith("sqlite"):
        replicas = 1
    databases = [open_database(url, clock=clock, now_sql=now_sql) for _ in range(replicas)]
    try:
        await migrate(databases[0], "pager")
        pager = StoredPager(databases, clock)
        if not pager.database.is_sqlite:
            await pager.execute("CREATE TABLE test_clock AS SELECT interval '0' AS by")
        yield pager
    finally:
        for database in databases:
            await database.close()
