"""Another store, with what is decided in it counted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.events import (
    EscalationExhausted,
    IncidentEvent,
    IncidentId,
    LevelNotified,
    NotificationSettled,
)
from pager_domain.pager.model import Change, EscalationPolicy, MonitoredService, StoredAnswer
from pager_domain.pager.notification import Notification
from pager_domain.pager.ports.monitored_services import MonitoredServices, UnitOfWork
from pager_domain.pager.ports.notification_outbox import Claim
from pager_grpc.pager.metrics import EscalationMetrics, PageMetrics
from pager_grpc.pager.metrics_alerts import AlertMetrics
from pager_grpc.pager.monitored_services_forwarded import ForwardedMonitoredServices, ForwardedUnitOfWork


@dataclass(frozen=True, slots=True)
class StoreMetrics:
    """What is counted of decisions."""

    alerts: AlertMetrics
    levels: EscalationMetrics
    pages: PageMetrics


class MeasuredUnitOfWork(ForwardedUnitOfWork):
    """``work``; what it saves is counted once it is durable."""

    def __init__(self, work: UnitOfWork, metrics: StoreMetrics) -> None:
        super().__init__(work)
        self._metrics = metrics
        self._due: dict[IncidentId, datetime] = {}
        self._saved: list[IncidentEvent] = []
        self._claimed: list[Claim] = []

    async def due_services(self, ids: Iterable[MonitoredServiceId]) -> dict[MonitoredServiceId, MonitoredService]:
        """As the unit of work."""
        found = await self._work.due_services(ids)
        incidents = (service.incident for service in found.values() if service.incident is not None)
        self._due = {i.incident_id: i.next_escalation_at for i in incidents if i.next_escalation_at is not None}
        return found

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

    async def claim(self, pages: Sequence[Notification], limit: int) -> list[Claim]:
        """As the unit of work."""
        self._claimed = await self._work.claim(pages, limit)
        return self._claimed

    async def commit(self) -> None:
        """As the unit of work."""
        await self._work.commit()
        self._metrics.alerts.stored(self._saved)
        self._metrics.pages.claimed(self._claimed)
        for event in self._saved:
            self._count(event)

    def _count(self, event: IncidentEvent) -> None:
        match event.what:
            case LevelNotified() if event.incident_id in self._due:
                self._metrics.levels.fired(event.at - self._due[event.incident_id])
            case EscalationExhausted():
                self._metrics.levels.exhausted()
            case NotificationSettled() as end:
                self._metrics.pages.settled([end])
            case _:
                pass


class MeasuredMonitoredServices(ForwardedMonitoredServices):
    """``store``, and what is decided in it is counted."""

    def __init__(self, store: MonitoredServices, metrics: StoreMetrics) -> None:
        super().__init__(store)
        self._metrics = metrics

    def seen(self, work: UnitOfWork) -> UnitOfWork:
        """``work``, counted."""
        return MeasuredUnitOfWork(work, self._metrics)

    async def seconds_until_due(self) -> float | None:
        """As the store."""
        seconds = await self._store.seconds_until_due()
        self._metrics.levels.overdue.looked(seconds)
        return seconds
