"""Whole incidents over the dictionaries of :mod:`fakes.monitored_services`."""

from collections.abc import Collection

from fakes.monitored_services import FakeMonitoredServices, Page

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.audit import IncidentRecord, PageRecord
from pager_domain.pager.events import IncidentId, Outcome
from pager_domain.pager.ports.incident_records import IncidentRecords


class FakeIncidentRecords(IncidentRecords):
    """Reads the state of ``store``."""

    def __init__(self, store: FakeMonitoredServices) -> None:
        self._store = store

    async def records(self, keys: Collection[tuple[MonitoredServiceId, IncidentId]]) -> list[IncidentRecord]:
        self._store.reach()
        return [self._record(*key) for key in sorted(keys) if key[1] in self._store.state.incidents]

    def _record(self, service_id: MonitoredServiceId, incident_id: IncidentId) -> IncidentRecord:
        state = self._store.state
        incident = state.incidents[incident_id]
        events = tuple(event for event in state.events if event.incident_id == incident_id)
        pages = [page for page in state.pages.values() if page.notification.incident_id == incident_id]
        found = tuple(self._page(page) for page in pages)
        current = state.services[service_id].incident
        return IncidentRecord(incident, events, found, current is not None and current.incident_id == incident_id)

    def _page(self, page: Page) -> PageRecord:
        state = self._store.state.bundles[page.bundle_id].state if page.bundle_id else ""
        return PageRecord(page.notification, page.outcome, page.bundle_id, Outcome(state) if state else None)
