"""Services and incidents in dictionaries: a unit of work is a copy that replaces the original when it commits."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from pager_domain.errors import StoreUnavailable
from pager_domain.kernel import Clock, MonitoredServiceId
from pager_domain.pager.events import MOST_SEVERE_FIRST, IncidentEvent, IncidentId, NotificationId, Outcome
from pager_domain.pager.maintenance import MaintenanceWindow, MaintenanceWindowId
from pager_domain.pager.model import (
    Change,
    EscalationPolicy,
    FormerIncident,
    Incident,
    MonitoredService,
    Request,
    StoredAnswer,
)
from pager_domain.pager.notification import Bundle, Notification
from pager_domain.pager.ports.monitored_services import CancelledPage, MonitoredServices, RequestKey, UnitOfWork
from pager_domain.pager.ports.notification_outbox import Claim
from pager_domain.pager.storm import Pace, Traffic, arranged, uses_the_last_message

LEASE = timedelta(seconds=10)
BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Page:
    """A page in the outbox; waiting while it has no outcome."""

    notification: Notification
    due_at: datetime
    outcome: Outcome | None = None
    held: bool = False
    attempts: int = 0
    lost_claims: int = 0
    bundle_id: str = ""
    owed_at: datetime = BEGINNING
    stopped: bool = False


@dataclass(frozen=True)
class StoredBundle:
    """A bundle in the outbox; waiting while it has no state of its end."""

    bundle: Bundle
    due_at: datetime
    state: str = ""
    held: bool = True
    attempts: int = 1
    lost_claims: int = 0
    created_at: datetime = BEGINNING
    settled_at: datetime | None = None


@dataclass(frozen=True)
class StoredWindow:
    """A maintenance window, and when it is looked at next."""

    window: MaintenanceWindow
    request_id: str
    next_start_at: datetime | None
    deleted: bool = False


@dataclass
class PagerState:
    """Everything the pager remembers."""

    services: dict[MonitoredServiceId, MonitoredService] = field(default_factory=dict)
    incidents: dict[IncidentId, Incident] = field(default_factory=dict)
    events: list[IncidentEvent] = field(default_factory=list)
    pages: dict[NotificationId, Page] = field(default_factory=dict)
    answers: dict[RequestKey, StoredAnswer] = field(default_factory=dict)
    known_policies: dict[MonitoredServiceId, tuple[EscalationPolicy, datetime]] = field(default_factory=dict)
    bundles: dict[NotificationId, StoredBundle] = field(default_factory=dict)
    traffic: dict[tuple[str, str], Traffic] = field(default_factory=dict)
    answered_at: dict[RequestKey, datetime] = field(default_factory=dict)
    windows: dict[MaintenanceWindowId, StoredWindow] = field(default_factory=dict)
    gone: set[IncidentId] = field(default_factory=set)
    """Forgotten incidents: their events stay in the list, whose places are those of the stream, and are not shown."""

    def copy(self) -> "PagerState":
        """Values are frozen, so copying the containers is enough."""
        return PagerState(*(type(part)(part) for part in vars(self).values()))


@dataclass
class FakeUnitOfWork(UnitOfWork):
    """A copy of the state that nobody else sees before ``commit``."""

    store: "FakeMonitoredServices"
    state: PagerState
    moment: datetime

    @property
    def now(self) -> datetime:
        return self.moment

    async def services(
        self, alerted: Iterable[MonitoredServiceId], others: Iterable[MonitoredServiceId] = ()
    ) -> dict[MonitoredServiceId, MonitoredService]:
        known = self.state.services
        begun = {key: MonitoredService(key, self.now, self.now) for key in alerted if key not in known}
        known |= begun
        return {key: self.with_former(known[key]) for key in sorted({*alerted, *others}) if key in known}

    def with_former(self, service: MonitoredService) -> MonitoredService:
        """Whether the former incident may go on, and reached somebody, is looked up each time."""
        if service.former is None:
            return service
        former = self.state.incidents.get(service.former.incident.incident_id)
        if former is None or former.reopen_until is None or former.reopen_until < self.now:
            return replace(service, former=None)
        outcomes = {
            "stopped" if page.outcome is None and page.stopped else page.outcome
            for page in self.state.pages.values()
            if page.notification.incident_id == former.incident_id
            and (page.notification.cycle, page.notification.level) == (former.cycle, former.level)
        }
        reached = bool(outcomes & {None, Outcome.HANDED_OFF, Outcome.MERGED})
        return replace(service, former=FormerIncident(former, reached))

    async def due_services(self, ids: Iterable[MonitoredServiceId]) -> dict[MonitoredServiceId, MonitoredService]:
        found = {key: self.state.services[key] for key in sorted(set(ids)) if key in self.state.services}
        return {key: s for key, s in found.items() if s.incident is not None and s.incident.is_due(self.now)}

    async def stored_answers(self, requests: Iterable[Request]) -> dict[RequestKey, StoredAnswer]:
        keys = {(request.monitored_service_id, request.request_id) for request in requests}
        return {key: self.state.answers[key] for key in keys if key in self.state.answers}

    async def incidents(self, ids: Iterable[IncidentId]) -> dict[IncidentId, Incident]:
        return {key: self.state.incidents[key] for key in ids if key in self.state.incidents}

    async def cancel_waiting(self, incident_ids: Iterable[IncidentId]) -> list[CancelledPage]:
        wanted, cancelled = set(incident_ids), []
        for key, page in self.state.pages.items():
            if page.notification.incident_id not in wanted or page.outcome is not None:
                continue
            if page.held:
                self.state.pages[key] = replace(page, stopped=True)
            else:
                self.state.pages[key] = replace(page, outcome=Outcome.CANCELLED)
                cancelled.append(CancelledPage(page.notification, page.attempts, page.owed_at > self.now))
        return cancelled

    async def save(
        self,
        changes: Sequence[Change],
        *,
        answers: Sequence[StoredAnswer] = (),
        known_policies: Mapping[MonitoredServiceId, EscalationPolicy] | None = None,
    ) -> None:
        for change in changes:
            self.state.services[change.service.monitored_service_id] = change.service
            if change.incident is not None:
                self.state.incidents[change.incident.incident_id] = change.incident
            self.state.events += change.events
            for page in change.notifications:
                assert page.notification_id not in self.state.pages, "a page is owed once"
                self.state.pages[page.notification_id] = Page(
                    page, self.now + page.delay, owed_at=self.now + page.delay
                )
        given = {(a.monitored_service_id, a.request_id): a for a in answers}
        self.state.answers |= given
        self.state.answered_at |= dict.fromkeys(given, self.now)
        self.state.known_policies |= {key: (policy, self.now) for key, policy in (known_policies or {}).items()}

    async def maintenance_windows(self, services):
        lasting = [stored.window for stored in self.state.windows.values() if not stored.deleted]
        return {key: [window for window in lasting if key in window.services] for key in services}

    async def starting_window(self):
        due = [w for w in self.state.windows.values() if w.next_start_at is not None and w.next_start_at <= self.now]
        return due[0].window if due else None

    async def window_started(self, window_id, next_start_at) -> None:
        self.state.windows[window_id] = replace(self.state.windows[window_id], next_start_at=next_start_at)

    async def held_by_deleted_windows(self, limit):
        standing = {key for key, stored in self.state.windows.items() if not stored.deleted}
        incidents = self.state.incidents.values()
        return [i.monitored_service_id for i in incidents if i.held_by_window and i.held_by_window not in standing][
            :limit
        ]

    async def claim(self, pages, limit):
        """The state of whoever is in a storm, or enters it, is left as it is."""
        owed: dict[tuple[str, str], list[Notification]] = {}
        for page in pages[:limit]:
            owed.setdefault((page.channel.value, page.address), []).append(page)
        return [claim for recipient, made in owed.items() for claim in self._claimed_of(recipient, made)]

    def _claimed_of(self, recipient, made):
        pace, traffic = self.store.pace, self.state.traffic.get(recipient)
        if pace is not None:
            if uses_the_last_message(pace, traffic, len(made), self.now):
                return []
            self.state.traffic[recipient] = arranged(pace, traffic, made, self.now).traffic
        for page in made:
            stored = self.state.pages[page.notification_id]
            self.state.pages[page.notification_id] = replace(stored, held=True, attempts=1, due_at=self.now + LEASE)
        return [Claim(page, 1, is_wanted=True) for page in made]

    async def commit(self) -> None:
        self.store.reach()
        self.store.state = self.state.copy()


class FakeMonitoredServices(MonitoredServices):
    """One unit of work at a time. While ``unreachable`` everything fails."""

    def __init__(self, clock: Clock, pace: Pace | None = None) -> None:
        self.clock = clock
        self.pace = pace
        self.state = PagerState()
        self.unreachable = False
        self._one_at_a_time = asyncio.Lock()

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[FakeUnitOfWork]:
        self.reach()
        async with self._one_at_a_time:
            yield FakeUnitOfWork(self, self.state.copy(), self.clock.now())

    def foreseen_unit_of_work(self, recipients):
        return self.unit_of_work()

    async def due(self, limit: int) -> list[Incident]:
        self.reach()
        current = [service.incident for service in self.state.services.values() if service.incident is not None]
        due = [incident for incident in current if incident.is_due(self.clock.now())]
        return sorted(due, key=lambda incident: (_rank(incident), incident.next_escalation_at))[:limit]

    def opened_here(self, limit):
        return []

    async def seconds_until_due(self) -> float | None:
        self.reach()
        return self.seconds_until(incident.next_escalation_at for incident in self.state.incidents.values())

    async def last_known_policies(
        self, ids: Iterable[MonitoredServiceId]
    ) -> dict[MonitoredServiceId, tuple[EscalationPolicy, datetime]]:
        self.reach()
        return {key: self.state.known_policies[key] for key in ids if key in self.state.known_policies}

    def seconds_until(self, moments: Iterable[datetime | None]) -> float | None:
        """How long until the first of ``moments``."""
        known = [moment for moment in moments if moment is not None]
        return (min(known) - self.clock.now()).total_seconds() if known else None

    def reach(self) -> None:
        """Raises StoreUnavailable while the store is unreachable."""
        if self.unreachable:
            raise StoreUnavailable


def _rank(incident: Incident) -> int:
    return MOST_SEVERE_FIRST.index(incident.alert.severity)
