"""Another store, with what is decided in it counted."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.events import (
    EscalationExhausted,
    IncidentEvent,
    IncidentId,
    LevelNotified,
    NotificationSettled,
)
from pager_domain.pager.maintenance import MaintenanceWindow, MaintenanceWindowId
from pager_domain.pager.model import (
    Change,
    EscalationPolicy,
    Incident,
    MonitoredService,
    Request,
    StoredAnswer,
)
from pager_domain.pager.ports.monitored_services import CancelledPage, MonitoredServices, RequestKey, UnitOfWork
from pager_grpc.pager.metrics import EscalationMetrics, PageMetrics


class MeasuredUnitOfWork(UnitOfWork):
    """``work``; what it saves is counted once it is durable."""

    def __init__(self, work: UnitOfWork, metrics: EscalationMetrics, pages: PageMetrics) -> None:
        self._work = work
        self._metrics = metrics
        self._pages = pages
        self._due: dict[IncidentId, datetime] = {}
        self._saved: list[IncidentEvent] = []

    @property
    def now(self) -> datetime:
        """As the unit of work."""
        return self._work.now

    async def services(
        self, alerted: Iterable[MonitoredServiceId], others: Iterable[MonitoredServiceId] = ()
    ) -> dict[MonitoredServiceId, MonitoredService]:
        """As the unit of work."""
        return await self._work.services(alerted, others)

    async def due_services(self, ids: Iterable[MonitoredServiceId]) -> dict[MonitoredServiceId, MonitoredService]:
        """As the unit of work."""
        found = await self._work.due_services(ids)
        incidents = (service.incident for service in found.values() if service.incident is not None)
        self._due = {i.incident_id: i.next_escalation_at for i in incidents if i.next_escalation_at is not None}
        return found

    async def stored_answers(self, requests: Iterable[Request]) -> dict[RequestKey, StoredAnswer]:
        """As the unit of work."""
        return await self._work.stored_answers(requests)

    async def incidents(self, ids: Iterable[IncidentId]) -> dict[IncidentId, Incident]:
        """As the unit of work."""
        return await self._work.incidents(ids)

    async def cancel_waiting(self, incident_ids: Iterable[IncidentId]) -> list[CancelledPage]:
        """As the unit of work."""
        return await self._work.cancel_waiting(incident_ids)

    async def maintenance_windows(
        self, services: Iterable[MonitoredServiceId]
    ) -> Mapping[MonitoredServiceId, Sequence[MaintenanceWindow]]:
        """As the unit of work."""
        return await self._work.maintenance_windows(services)

    async def starting_window(self) -> MaintenanceWindow | None:
        """As the unit of work."""
        return await self._work.starting_window()

    async def window_started(self, window_id: MaintenanceWindowId, next_start_at: datetime | None) -> None:
        """As the unit of work."""
        await self._work.window_started(window_id, next_start_at)

    async def held_by_deleted_windows(self, limit: int) -> list[MonitoredServiceId]:
        """As the unit of work."""
        return await self._work.held_by_deleted_windows(limit)

    async def save(
        self,
        changes: Sequence[Change],
        *,
        answers: Sequence[StoredAnswer] = (),
        known_policies: Mapping[MonitoredServiceId, EscalationPolicy] | None = None,
    ) -> None:
        """As the unit of work."""
        await self._work.save(changes, answers=answers, known_policies=known_policies)
        self._saved += (event for change in changes for event in change.events)

    async def commit(self) -> None:
        """As the unit of work."""
        await self._work.commit()
        for event in self._saved:
            self._count(event)

    def _count(self, event: IncidentEvent) -> None:
        match event.what:
            case LevelNotified() if event.incident_id in self._due:
                self._metrics.fired(event.at - self._due[event.incident_id])
            case EscalationExhausted():
                self._metrics.exhausted()
            case NotificationSettled() as end:
                self._pages.settled([end])
            case _:
                pass


class MeasuredMonitoredServices(MonitoredServices):
    """``store``, and what is decided in it is counted."""

    def __init__(self, store: MonitoredServices, metrics: EscalationMetrics, pages: PageMetrics) -> None:
        self._store = store
        self._metrics = metrics
        self._pages = pages

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[MeasuredUnitOfWork]:
        """As the store."""
        async with self._store.unit_of_work() as work:
            yield MeasuredUnitOfWork(work, self._metrics, self._pages)

    async def due(self, limit: int) -> list[MonitoredService]:
        """As the store."""
        return await self._store.due(limit)

    async def seconds_until_due(self) -> float | None:
        """As the store."""
        seconds = await self._store.seconds_until_due()
        self._metrics.overdue.looked(seconds)
        return seconds

    async def last_known_policies(
        self, ids: Iterable[MonitoredServiceId]
    ) -> dict[MonitoredServiceId, tuple[EscalationPolicy, datetime]]:
        """As the store."""
        return await self._store.last_known_policies(ids)
