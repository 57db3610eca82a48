"""Time for maintenance windows: they are started, and what deleted ones hold goes on. Any number of replicas."""

from pager_domain.pager.maintenance_application import MaintenanceApplicationService
from pager_domain.pager.ports.maintenance_windows import MaintenanceWindows
from pager_grpc.pager.escalation_loop import pause_until


class MaintenanceLoop:
    """One step starts what is due, one window after the other, and says how long nothing will be."""

    def __init__(self, application: MaintenanceApplicationService, windows: MaintenanceWindows) -> None:
        self._application = application
        self._windows = windows

    async def step(self) -> float:
        """Seconds to sleep unless woken; 0 while there may be more to do."""
        started = await self._application.start_due()
        if await self._application.release_deleted() or started:
            return 0.0
        return pause_until(await self._windows.seconds_until_start())
