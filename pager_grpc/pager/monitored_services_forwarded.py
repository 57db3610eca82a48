"""Another store, passed on as it is: what looks at one of its steps says only that step."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from pager_domain.kernel import MonitoredServiceId, NotificationTarget
from pager_domain.pager.events import IncidentId
from pager_domain.pager.maintenance import MaintenanceWindow, MaintenanceWindowId
from pager_domain.pager.model import Change, EscalationPolicy, Incident, MonitoredService, Request, StoredAnswer
from pager_domain.pager.notification import Notification
from pager_domain.pager.ports.monitored_services import CancelledPage, MonitoredServices, RequestKey, UnitOfWork
from pager_domain.pager.ports.notification_outbox import Claim


class ForwardedUnitOfWork(UnitOfWork):
    """``work``."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

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
        return await self._work.due_services(ids)

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

    async def claim(self, pages: Sequence[Notification], limit: int) -> list[Claim]:
        """As the unit of work."""
        return await self._work.claim(pages, limit)

    async def commit(self) -> None:
        """As the unit of work."""
        await self._work.commit()


class ForwardedMonitoredServices(MonitoredServices):
    """``store``, whose units of work are looked at by :meth:`seen`."""

    def __init__(self, store: MonitoredServices) -> None:
        self._store = store

    def seen(self, work: UnitOfWork) -> UnitOfWork:
        """``work``, with whatever looks at it around it."""
        return work

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[UnitOfWork]:
        """As the store."""
        async with self._store.unit_of_work() as work:
            yield self.seen(work)

    @asynccontextmanager
    async def foreseen_unit_of_work(self, recipients: Sequence[NotificationTarget]) -> AsyncIterator[UnitOfWork]:
        """As the store."""
        async with self._store.foreseen_unit_of_work(recipients) as work:
            yield self.seen(work)

    async def due(self, limit: int) -> list[Incident]:
        """As the store."""
        return await self._store.due(limit)

    def opened_here(self, limit: int) -> list[Incident]:
        """As the store."""
        return self._store.opened_here(limit)

    async def seconds_until_due(self) -> float | None:
        """As the store."""
        return await self._store.seconds_until_due()

    async def last_known_policies(
        self, ids: Iterable[MonitoredServiceId]
    ) -> dict[MonitoredServiceId, tuple[EscalationPolicy, datetime]]:
        """As the store."""
        return await self._store.last_known_policies(ids)
