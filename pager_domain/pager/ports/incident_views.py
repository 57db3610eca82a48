"""Reading what happened: services, incidents, timelines and the stream of all events."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.events import IncidentEvent, IncidentId
from pager_domain.pager.model import Incident, IncidentState, MonitoredService, ServiceState

Scope = Collection[MonitoredServiceId] | None
"""The services that whoever asks may see; None: all."""


@dataclass(frozen=True, slots=True, order=True)
class WatchPosition:
    """A place in the stream of all events: (transaction, position), ordered as the stream is."""

    transaction: int
    position: int


class IncidentViews(Protocol):
    """Committed state only. Lists are cut at ``limit`` and go on after the key of the last row shown."""

    async def service(self, monitored_service_id: MonitoredServiceId) -> MonitoredService | None:
        """One service."""

    async def services(
        self, states: Collection[ServiceState], after: MonitoredServiceId | None, limit: int, scope: Scope = None
    ) -> list[MonitoredService]:
        """Services within ``scope`` and in one of ``states`` (all if empty), ordered by id."""

    async def incident(self, incident_id: IncidentId) -> Incident | None:
        """One incident."""

    async def incidents(
        self,
        monitored_service_id: MonitoredServiceId | None,
        states: Collection[IncidentState],
        before: tuple[datetime, IncidentId] | None,
        limit: int,
        scope: Scope = None,
    ) -> list[Incident]:
        """Incidents of services within ``scope`` in one of ``states`` (all if empty), the newest first.

        ``before`` is (opened_at, id).
        """

    async def events(self, incident: Incident, after: int, limit: int) -> list[IncidentEvent]:
        """The timeline of an incident after a sequence number, the oldest first."""

    async def watch_position(self) -> WatchPosition:
        """The place after everything that is committed now and everything that can still commit before it."""

    async def events_since(self, position: WatchPosition, limit: int) -> list[tuple[WatchPosition, IncidentEvent]]:
        """Events after ``position`` in stream order. An event is shown only when no earlier one can appear any more.

        Raises:
            InvalidField: ``resume_token``, when the position lies in the future of this database.
        """
