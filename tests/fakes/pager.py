"""The fakes of store, outbox, views and records together, as a test wants them."""

from contextlib import asynccontextmanager

from builders import HandClock
from fakes.backlogs import FakeBacklogs
from fakes.history import FakeHistory
from fakes.incident_records import FakeIncidentRecords
from fakes.incident_views import FakeIncidentViews
from fakes.maintenance_windows import FakeMaintenanceWindows
from fakes.monitored_services import FakeMonitoredServices
from fakes.notification_outbox import FakeNotificationOutbox


class FakePager:
    """Store, outbox, views and records over one set of dictionaries, and a clock."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.store = FakeMonitoredServices(self.clock)
        self.outbox = FakeNotificationOutbox(self.store)
        self.views = FakeIncidentViews(self.store)
        self.backlogs = FakeBacklogs(self.store)
        self.windows = FakeMaintenanceWindows(self.store)

    async def advance(self, seconds):
        self.clock.advance(seconds)

    async def records(self):
        incidents = self.store.state.incidents.values()
        return await FakeIncidentRecords(self.store).records(
            [(i.monitored_service_id, i.incident_id) for i in incidents]
        )

    def stores(self, number):
        return [(n, self.store) for n in range(number)]

    def store_with(self, pace):
        self.store.pace = pace
        return self.store

    def outboxes(self, number):
        return [self.outbox] * number

    def outbox_with(self, pace, _replica=0):
        return FakeNotificationOutbox(self.store, pace)

    def history_of(self, rows=1_000, **_more):
        return FakeHistory(self.store, rows)

    async def retrying(self, call, *arguments):
        return await call(*arguments)


@asynccontextmanager
async def fake_pager():
    """Nothing to open or to close."""
    yield FakePager()
