"""Reading the dictionaries of :mod:`fakes.monitored_services`."""

from collections.abc import Collection
from datetime import datetime

from fakes.monitored_services import FakeMonitoredServices

from pager_domain.errors import InvalidField
from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.events import IncidentEvent, IncidentId
from pager_domain.pager.model import Incident, IncidentState, MonitoredService, ServiceState
from pager_domain.pager.ports.incident_views import IncidentViews, Scope, WatchPosition


class FakeIncidentViews(IncidentViews):
    """Shares the state of ``store``."""

    def __init__(self, store: FakeMonitoredServices) -> None:
        self._store = store

    async def service(self, monitored_service_id: MonitoredServiceId) -> MonitoredService | None:
        return self._store.state.services.get(monitored_service_id)

    async def services(
        self, states: Collection[ServiceState], after: MonitoredServiceId | None, limit: int, scope: Scope = None
    ) -> list[MonitoredService]:
        known = (s for name, s in sorted(self._store.state.services.items()) if scope is None or name in scope)
        wanted = [s for s in known if not states or s.state in states]
        return [s for s in wanted if after is None or s.monitored_service_id > after][:limit]

    async def incident(self, incident_id: IncidentId) -> Incident | None:
        return self._store.state.incidents.get(incident_id)

    async def incidents(
        self,
        monitored_service_id: MonitoredServiceId | None,
        states: Collection[IncidentState],
        before: tuple[datetime, IncidentId] | None,
        limit: int,
        scope: Scope = None,
    ) -> list[Incident]:
        seen = (i for i in self._store.state.incidents.values() if scope is None or i.monitored_service_id in scope)
        known = sorted(seen, key=_opening, reverse=True)
        wanted = [i for i in known if monitored_service_id in {None, i.monitored_service_id}]
        return [i for i in wanted if (not states or i.state in states) and (before is None or _opening(i) < before)][
            :limit
        ]

    async def events(self, incident: Incident, after: int, limit: int) -> list[IncidentEvent]:
        mine = [event for event in self._store.state.events if event.incident_id == incident.incident_id]
        return [event for event in mine if event.sequence > after][:limit]

    async def watch_position(self) -> WatchPosition:
        return WatchPosition(0, len(self._store.state.events))

    async def events_since(self, position: WatchPosition, limit: int) -> list[tuple[WatchPosition, IncidentEvent]]:
        events = self._store.state.events
        if position > WatchPosition(0, len(events)):
            raise InvalidField("resume_token", "must be a token of this database; begin without one")
        first = max(position.position, 0)
        gone = self._store.state.gone
        kept = [(n, event) for n, event in enumerate(events[first:], first + 1) if event.incident_id not in gone]
        return [(WatchPosition(0, n), event) for n, event in kept][:limit]


def _opening(incident: Incident) -> tuple[datetime, IncidentId]:
    return incident.opened_at, incident.incident_id
