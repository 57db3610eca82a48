"""The outbox over the dictionaries of :mod:`fakes.monitored_services`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from fakes.monitored_services import FakeMonitoredServices, Page, StoredBundle

from pager_domain.pager.bundle_text import bundled
from pager_domain.pager.events import MOST_SEVERE_FIRST, NotificationSettled, Outcome
from pager_domain.pager.model import Incident, recorded
from pager_domain.pager.notification import Bundle, Notification
from pager_domain.pager.ports.notification_outbox import (
    Claim,
    Dissolved,
    NotificationOutbox,
    Postponed,
    Result,
    Settled,
)
from pager_domain.pager.refusals import owed_at_once
from pager_domain.pager.service import PagerService
from pager_domain.pager.storm import MAX_BUNDLED, Pace, arranged, uses_the_last_message

LEASE = timedelta(seconds=10)
REACHED = (None, Outcome.HANDED_OFF, Outcome.MERGED)


class FakeNotificationOutbox(NotificationOutbox):
    """Shares the state of ``store``."""

    def __init__(self, store: FakeMonitoredServices, pace: Pace | None = None) -> None:
        self._store = store
        self._pace = pace

    async def claim(self, limit: int) -> list[Claim]:
        self._store.reach()
        now, state = self._store.clock.now(), self._store.state
        due = [key for key, stored in state.bundles.items() if not stored.state and stored.due_at <= now]
        claims = [self._claim_bundle(key, now) for key in due[:limit]]
        picked = self._owed(now)[: limit - len(claims)]
        alone = [page for page in picked if page.attempts or self._pace is None]
        for recipient in dict.fromkeys(_recipient(page.notification) for page in picked if page not in alone):
            claims += self._arrange(recipient, [p for p in picked if _recipient(p.notification) == recipient], now)
        return [*claims, *(self._hold(page, now) for page in alone)]

    async def record(self, results: Sequence[Result]) -> int:
        self._store.reach()
        return sum(self._record(result) for result in results)

    async def seconds_until_due(self) -> float | None:
        self._store.reach()
        pages = [p.due_at for p in self._store.state.pages.values() if p.outcome is None and not p.bundle_id]
        bundles = [stored.due_at for stored in self._store.state.bundles.values() if not stored.state]
        return self._store.seconds_until([*pages, *bundles])

    def _owed(self, now: datetime) -> list[Page]:
        pages = [p for p in self._store.state.pages.values() if p.outcome is None and not p.bundle_id]
        due = [page for page in pages if page.due_at <= now]
        return sorted(due, key=lambda page: (MOST_SEVERE_FIRST.index(page.notification.severity), page.due_at))

    def _arrange(self, recipient, pages, now) -> list[Claim]:
        state, owed = self._store.state, [page.notification for page in pages if not page.attempts]
        if uses_the_last_message(self._pace, state.traffic.get(recipient), len(owed), now):
            fresh = [page.notification for page in self._owed(now) if not page.attempts]
            owed = [page for page in fresh if _recipient(page) == recipient][:MAX_BUNDLED]
        arrangement = arranged(self._pace, state.traffic.get(recipient), owed, now)
        state.traffic[recipient] = arrangement.traffic
        for page in arrangement.later:
            self._change(page, due_at=arrangement.later_at)
        claims = [self._hold(state.pages[page.notification_id], now) for page in arrangement.alone]
        return [*claims, self._bundle(arrangement.together, now)] if arrangement.together else claims

    def _hold(self, page: Page, now: datetime) -> Claim:
        lost = page.lost_claims + page.held
        self._change(page.notification, held=True, attempts=page.attempts + 1, lost_claims=lost, due_at=now + LEASE)
        age = now - page.owed_at
        return Claim(page.notification, page.attempts + 1, self._is_wanted(page.notification), lost, age)

    def _bundle(self, together: Sequence[Notification], now: datetime) -> Claim:
        bundle = bundled(together, now)
        self._store.state.bundles[bundle.notification_id] = StoredBundle(bundle, now + LEASE, created_at=now)
        for page in bundle.pages:
            attempts = self._store.state.pages[page.notification_id].attempts + 1
            self._change(page, held=True, attempts=attempts, bundle_id=bundle.notification_id)
        return Claim(bundle, 1, is_wanted=True, ages_in_bundle=self._ages(bundle, now))

    def _claim_bundle(self, key: str, now: datetime) -> Claim:
        known = self._store.state.bundles[key]
        lost = known.lost_claims + known.held
        held = replace(known, held=True, attempts=known.attempts + 1, lost_claims=lost, due_at=now + LEASE)
        self._store.state.bundles[key] = held
        is_wanted, ages = any(map(self._is_wanted, held.bundle.pages)), self._ages(held.bundle, now)
        return Claim(held.bundle, held.attempts, is_wanted, lost, now - held.created_at, ages)

    def _ages(self, bundle: Bundle, now: datetime) -> tuple[timedelta, ...]:
        return tuple(now - self._store.state.pages[page.notification_id].owed_at for page in bundle.pages)

    def _record(self, result: Result) -> bool:
        message = result.claim.notification
        stored = self._store.state.bundles if isinstance(message, Bundle) else self._store.state.pages
        known = stored[message.notification_id]
        ended = known.state if isinstance(known, StoredBundle) else known.outcome
        if ended or known.attempts != result.claim.attempt:
            return False
        match result:
            case Postponed():
                due = self._store.clock.now() + result.pause
                stored[message.notification_id] = replace(known, held=False, lost_claims=0, due_at=due)
            case Dissolved():
                ended_at = self._store.clock.now()
                stored[message.notification_id] = replace(known, held=False, state="dissolved", settled_at=ended_at)
                for page in result.claim.pages:
                    self._change(page, held=False, bundle_id="", due_at=self._store.clock.now())
            case Settled():
                if isinstance(known, StoredBundle):
                    ended = {"state": result.outcome, "settled_at": self._store.clock.now()}
                    stored[message.notification_id] = replace(known, held=False, **ended)
                for page, event in zip(result.claim.pages, result.events, strict=True):
                    self._end(page, event)
        return True

    def _end(self, page: Notification, event: NotificationSettled) -> None:
        now, state = self._store.clock.now(), self._store.state
        self._change(page, held=False, outcome=event.outcome)
        if event.outcome is Outcome.UNDELIVERABLE:
            self._take_the_next_step(page, now)
        incident, events = recorded(state.incidents[page.incident_id], now, event)
        if not self._reaches_somebody(incident):
            incident, more = PagerService.on_level_undeliverable(incident, now)
            events += more
        state.incidents[page.incident_id] = incident
        service = state.services[page.monitored_service_id]
        if service.incident is not None and service.incident.incident_id == page.incident_id:
            state.services[page.monitored_service_id] = replace(service, incident=incident)
        state.events += events

    def _take_the_next_step(self, refused: Notification, now: datetime) -> None:
        pages = [p for p in self._store.state.pages.values() if not p.outcome and not p.attempts and p.owed_at > now]
        made_at = {p.notification.notification_id: p.owed_at - p.notification.delay for p in pages}
        for page in owed_at_once([refused], (p.notification for p in pages)):
            owed_at = max(now, made_at[page.notification_id])
            sooner = replace(page, delay=owed_at - made_at[page.notification_id])
            self._change(page, notification=sooner, due_at=now, owed_at=owed_at)

    def _change(self, page: Notification, **changes) -> None:
        pages = self._store.state.pages
        pages[page.notification_id] = replace(pages[page.notification_id], **changes)

    def _is_wanted(self, page: Notification) -> bool:
        incident = self._store.state.incidents[page.incident_id]
        stopped = self._store.state.pages[page.notification_id].stopped
        return incident.is_open and incident.held_until is None and not stopped

    def _reaches_somebody(self, incident: Incident) -> bool:
        level = (incident.incident_id, incident.cycle, incident.level)
        return any(
            (page.notification.incident_id, page.notification.cycle, page.notification.level) == level
            and page.outcome in REACHED
            for page in self._store.state.pages.values()
        )


def _recipient(page: Notification) -> tuple[str, str]:
    return page.channel, page.address
