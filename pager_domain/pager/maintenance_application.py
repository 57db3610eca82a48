"""Maintenance windows, the use cases: what a window stops when it starts, and what goes on when it is deleted."""

from pager_domain.pager.batch import cancellations
from pager_domain.pager.maintenance import on_window_deleted, on_window_start
from pager_domain.pager.model import Change
from pager_domain.pager.ports.monitored_services import MonitoredServices, UnitOfWork

RELEASED_AT_ONCE = 100


class MaintenanceApplicationService:
    """Any number of replicas may run it: a window is locked while it starts, and starting twice changes nothing."""

    def __init__(self, store: MonitoredServices) -> None:
        self._store = store

    async def start_due(self) -> bool:
        """Starts one window that is due, and says whether there was one."""
        async with self._store.unit_of_work() as work:
            window = await work.starting_window()
            if window is None:
                return False
            services = await work.services((), window.services)
            until = window.lasts_until(work.now)
            if until is not None:
                started = (on_window_start(s, window.window_id, until, work.now) for s in services.values())
                await _save(work, [change for change in started if change is not None])
            await work.window_started(window.window_id, window.start_after(work.now))
            await work.commit()
        return True

    async def release_deleted(self) -> bool:
        """Makes due what deleted windows hold, and says whether there was any."""
        async with self._store.unit_of_work() as work:
            ids = await work.held_by_deleted_windows(RELEASED_AT_ONCE)
            if not ids:
                return False
            services = await work.services((), ids)
            # Read again under the locks: another replica may have been faster.
            windows = await work.maintenance_windows(services)
            changes = [
                on_window_deleted(service, work.now)
                for key, service in services.items()
                if service.incident and service.incident.held_by_window not in {w.window_id for w in windows[key]}
            ]
            await work.save([change for change in changes if change.events])
            await work.commit()
        return True


async def _save(work: UnitOfWork, changes: list[Change]) -> None:
    stopped = [change.incident.incident_id for change in changes if change.incident is not None]
    cancelled = await work.cancel_waiting(stopped) if stopped else []
    await work.save([*changes, *cancellations(changes, cancelled, work.now)])
