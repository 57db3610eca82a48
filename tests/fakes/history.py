"""Forgetting over the dictionaries of :mod:`fakes.monitored_services`."""

from datetime import datetime

from fakes.monitored_services import FakeMonitoredServices

from pager_domain.pager.ports.history import History
from pager_domain.pager.retention import Past, is_over


class FakeHistory(History):
    """Shares the state of ``store``."""

    def __init__(self, store: FakeMonitoredServices, rows: int = 1_000) -> None:
        self._store = store
        self._rows = rows

    async def now(self) -> datetime:
        return self._store.clock.now()

    async def forget(self, what: Past, horizon: datetime) -> int:
        self._store.reach()
        match what:
            case Past.REQUEST_ANSWER:
                answered_at = self._store.state.answered_at
                old = [key for key, at in answered_at.items() if at < horizon][: self._rows]
                return self._drop(old, answered_at, self._store.state.answers)
            case Past.INCIDENT:
                return self._forget_incident(horizon)
            case Past.BUNDLE:
                in_use = {page.bundle_id for page in self._store.state.pages.values()}
                bundles = {key: b for key, b in self._store.state.bundles.items() if key not in in_use}
                old = [key for key, bundle in bundles.items() if bundle.settled_at and bundle.settled_at < horizon]
                return self._drop(old[: self._rows], self._store.state.bundles)
            case Past.RECIPIENT:
                traffic = self._store.state.traffic
                return self._drop([key for key, found in traffic.items() if found.calm_at < horizon], traffic)

    def _forget_incident(self, horizon: datetime) -> int:
        state = self._store.state
        for incident_id, incident in state.incidents.items():
            pages = {key: p for key, p in state.pages.items() if p.notification.incident_id == incident_id}
            if is_over(incident, [page.outcome for page in pages.values()], horizon):
                state.gone.add(incident_id)
                lines = sum(event.incident_id == incident_id for event in state.events)
                return lines + self._drop([*pages], state.pages) + self._drop([incident_id], state.incidents)
        return 0

    @staticmethod
    def _drop(keys, *dictionaries) -> int:
        for key in keys:
            for dictionary in dictionaries:
                dictionary.pop(key)
        return len(keys)
