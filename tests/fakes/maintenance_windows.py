"""Maintenance windows in the dictionaries of :mod:`fakes.monitored_services`."""

from dataclasses import replace

from fakes.monitored_services import FakeMonitoredServices, StoredWindow

from pager_domain.pager.errors import MaintenanceWindowUnknown, RequestIdReused
from pager_domain.pager.maintenance import to_come
from pager_domain.pager.ports.maintenance_windows import MaintenanceWindows


class FakeMaintenanceWindows(MaintenanceWindows):
    """Shares the state of ``store``; nothing is ever forgotten."""

    def __init__(self, store: FakeMonitoredServices) -> None:
        self._store = store

    async def create(self, window, request_id):
        self._store.reach()
        for known in self._store.state.windows.values():
            if request_id and known.request_id == request_id:
                if replace(window, window_id=known.window.window_id) != known.window:
                    raise RequestIdReused(request_id)
                return known.window
        starts_at = to_come(window, self._store.clock.now())
        self._store.state.windows[window.window_id] = StoredWindow(window, request_id, starts_at)
        return window

    async def page(self, after, limit, scope=None):
        self._store.reach()
        known = sorted((key, stored) for key, stored in self._store.state.windows.items() if _within(stored, scope))
        return [stored.window for key, stored in known if key > (after or "") and not stored.deleted][:limit]

    async def delete(self, window_id, scope=None):
        self._store.reach()
        if window_id not in self._store.state.windows or not _within(self._store.state.windows[window_id], scope):
            raise MaintenanceWindowUnknown(window_id)
        known = self._store.state.windows[window_id]
        self._store.state.windows[window_id] = replace(known, deleted=True, next_start_at=None)

    async def seconds_until_start(self):
        self._store.reach()
        return self._store.seconds_until(stored.next_start_at for stored in self._store.state.windows.values())


def _within(stored, scope):
    return scope is None or set(stored.window.services) <= set(scope)
