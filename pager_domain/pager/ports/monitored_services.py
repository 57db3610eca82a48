"""The store of services and incidents, and its unit of work."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pager_domain.kernel import MonitoredServiceId, NotificationTarget
from pager_domain.pager.events import IncidentId
from pager_domain.pager.maintenance import MaintenanceWindow, MaintenanceWindowId
from pager_domain.pager.model import Change, EscalationPolicy, Incident, MonitoredService, Request, StoredAnswer
from pager_domain.pager.notification import Notification
from pager_domain.pager.ports.notification_outbox import Claim

RequestKey = tuple[MonitoredServiceId, str]


class NotAsForeseen(Exception):
    """Nothing of a unit of work stands, because what it read has changed since, or was not all that it needed."""


@dataclass(frozen=True, slots=True)
class CancelledPage:
    """A page that is owed no longer, with its claims so far; ``before_due``: nobody was to get it yet."""

    notification: Notification
    claims: int
    before_due: bool


class UnitOfWork(Protocol):
    """One transaction. Nothing of it stands before ``commit`` returns; leaving without it takes everything back.

    A service that was loaded is locked until the end: whatever another unit of work decides about it comes before or
    after, never in between. Locks are taken in the order of the ids, so that two units of work never wait for each
    other in a circle.
    """

    @property
    def now(self) -> datetime:
        """The moment after the last lock was taken, by the clock that all replicas share."""

    async def services(
        self, alerted: Iterable[MonitoredServiceId], others: Iterable[MonitoredServiceId] = ()
    ) -> dict[MonitoredServiceId, MonitoredService]:
        """Locks and loads services. An alerted one that was never heard of is begun, Healthy; others are left out."""

    async def due_services(self, ids: Iterable[MonitoredServiceId]) -> dict[MonitoredServiceId, MonitoredService]:
        """Locks and loads those services whose incident is due now, passing over those another replica holds."""

    async def stored_answers(self, requests: Iterable[Request]) -> dict[RequestKey, StoredAnswer]:
        """The answers given before to requests with these ids. Their services must be loaded."""

    async def incidents(self, ids: Iterable[IncidentId]) -> dict[IncidentId, Incident]:
        """Incidents of loaded services, resolved ones included."""

    async def cancel_waiting(self, incident_ids: Iterable[IncidentId]) -> list[CancelledPage]:
        """Cancels the pages of these incidents that no delivery holds at the moment, also those that are due later.

        What a delivery holds may still go out in this attempt, and is not wanted in another one.
        """

    async def maintenance_windows(
        self, services: Iterable[MonitoredServiceId]
    ) -> Mapping[MonitoredServiceId, Sequence[MaintenanceWindow]]:
        """The windows that cover each of these services, whether they last or not; deleted ones are left out."""

    async def starting_window(self) -> MaintenanceWindow | None:
        """One window whose time to start has come, locked, passing over those another replica holds."""

    async def window_started(self, window_id: MaintenanceWindowId, next_start_at: datetime | None) -> None:
        """The window has started; when it starts again, if ever."""

    async def held_by_deleted_windows(self, limit: int) -> list[MonitoredServiceId]:
        """Up to ``limit`` services whose incident waits for the end of a window that was deleted, read unlocked."""

    async def save(
        self,
        changes: Sequence[Change],
        *,
        answers: Sequence[StoredAnswer] = (),
        known_policies: Mapping[MonitoredServiceId, EscalationPolicy] | None = None,
    ) -> None:
        """Writes services, incidents, events and pages; of each service and incident the last state counts."""

    async def claim(self, pages: Sequence[Notification], limit: int) -> list[Claim]:
        """Claims up to ``limit`` of ``pages``, which were saved just now and are owed now, for this process.

        As the outbox would claim them next, and with the same lease from now, but each alone: what would go together
        with others, or later, is left to the outbox. The claims stand once this is committed.
        """

    async def commit(self) -> None:
        """Makes everything durable.

        Raises:
            StoreUnavailable: it may or may not stand.
        """


class MonitoredServices(Protocol):
    """Where services and incidents are kept."""

    def unit_of_work(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """Begins a unit of work.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """

    def foreseen_unit_of_work(
        self, recipients: Sequence[NotificationTarget]
    ) -> AbstractAsyncContextManager[UnitOfWork]:
        """One that fires levels, where all that it reads is thought to stay as it is. It pages ``recipients`` alone.

        It may lock nothing before it commits; then ``now`` is the moment at which it has read.

        Raises:
            NotAsForeseen: also from each step of it; an ordinary unit of work finds out what is true.
            StoreUnavailable: the database cannot be reached.
        """

    async def due(self, limit: int) -> list[Incident]:
        """Incidents that are due, the most severe and then the longest due first, read without a lock."""

    def opened_here(self, limit: int) -> list[Incident]:
        """Incidents that this process opened, due at once, since ``due`` was last asked: a hint, and given once.

        The most severe first. None at all if there are more than ``limit``, or if others may have been due longer.
        """

    async def seconds_until_due(self) -> float | None:
        """How long until the next incident is due (0 or less: now); None if none is."""

    async def last_known_policies(
        self, ids: Iterable[MonitoredServiceId]
    ) -> dict[MonitoredServiceId, tuple[EscalationPolicy, datetime]]:
        """The policies last acted on for these services, and when they were learnt."""
