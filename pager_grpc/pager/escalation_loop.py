"""Time: what is due is escalated. Any number of replicas may run this loop; there is no leader."""

from pager_domain.pager.application import PagerApplicationService
from pager_domain.pager.ports.deliveries import Deliveries
from pager_domain.pager.ports.monitored_services import MonitoredServices
from pager_grpc.pager import wakeups

BATCH = 100
_SHORTEST_PAUSE_SECONDS = 0.002
ASIDE_SECONDS = 0.005
"""A loop that has found all there was looks again after this time: whoever acts on what it found goes first."""


class EscalationLoop:
    """One step fires what is due and says how long nothing will be."""

    def __init__(
        self, application: PagerApplicationService, store: MonitoredServices, deliveries: Deliveries | None = None
    ) -> None:
        self._application = application
        self._store = store
        self._deliveries = deliveries

    async def step(self) -> float:
        """Seconds to sleep unless woken; 0 while there may be more to do."""
        if found := await self._application.escalate_due(BATCH, self._deliveries):
            return 0.0 if found == BATCH else ASIDE_SECONDS
        return pause_until(await self._store.seconds_until_due())


def pause_until(seconds: float | None) -> float:
    """A sleep that ends when work is due, and never later than the safety pause."""
    if seconds is None:
        return wakeups.SAFETY_PAUSE_SECONDS
    return min(max(seconds, _SHORTEST_PAUSE_SECONDS), wakeups.SAFETY_PAUSE_SECONDS)
