"""The outbox over the dictionaries of :mod:`fakes.monitored_services`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from fakes.monitored_services import FakeMonitoredServices

from pager_domain.pager.events import MOST_SEVERE_FIRST, Outcome
from pager_domain.pager.model import Incident, recorded
from pager_domain.pager.ports.notification_outbox import Claim, NotificationOutbox, Postponed, Settled
from pager_domain.pager.service import PagerService

LEASE = timedelta(seconds=10)


class FakeNotificationOutbox(NotificationOutbox):
    """Shares the state of ``store``."""

    def __init__(self, store: FakeMonitoredServices) -> None:
        self._store = store

    async def claim(self, limit: int) -> list[Claim]:
        self._store.reach()
        now, state = self._store.clock.now(), self._store.state
        owed = sorted(
            (MOST_SEVERE_FIRST.index(p.notification.severity), p.due_at, key)
            for key, p in state.pages.items()
            if p.outcome is None and p.due_at <= now
        )
        claims = []
        for *_, key in owed[:limit]:
            page = state.pages[key]
            lost = page.lost_claims + page.held
            held = replace(page, held=True, attempts=page.attempts + 1, lost_claims=lost, due_at=now + LEASE)
            state.pages[key] = held
            is_open = state.incidents[held.notification.incident_id].is_open
            claims.append(Claim(held.notification, held.attempts, is_open, lost))
        return claims

    async def record(self, results: Sequence[Settled | Postponed]) -> int:
        self._store.reach()
        return sum(self._record(result) for result in results)

    async def seconds_until_due(self) -> float | None:
        self._store.reach()
        waiting = (page.due_at for page in self._store.state.pages.values() if page.outcome is None)
        return self._store.seconds_until(waiting)

    def _record(self, result: Settled | Postponed) -> bool:
        now, state, owed = self._store.clock.now(), self._store.state, result.claim.notification
        page = state.pages[owed.notification_id]
        if page.outcome is not None or page.attempts != result.claim.attempt:
            return False
        if isinstance(result, Postponed):
            state.pages[owed.notification_id] = replace(page, held=False, lost_claims=0, due_at=now + result.pause)
            return True
        state.pages[owed.notification_id] = replace(page, held=False, outcome=result.event.outcome)
        incident, events = recorded(state.incidents[owed.incident_id], now, result.event)
        if not self._reaches_somebody(incident):
            incident, more = PagerService.on_level_undeliverable(incident, now)
            events += more
        state.incidents[owed.incident_id] = incident
        service = state.services[owed.monitored_service_id]
        if service.incident is not None and service.incident.incident_id == owed.incident_id:
            state.services[owed.monitored_service_id] = replace(service, incident=incident)
        state.events += events
        return True

    def _reaches_somebody(self, incident: Incident) -> bool:
        level = (incident.incident_id, incident.cycle, incident.level)
        return any(
            (page.notification.incident_id, page.notification.cycle, page.notification.level) == level
            and page.outcome in (None, Outcome.HANDED_OFF)
            for page in self._store.state.pages.values()
        )
