"""The ports of the pager with what counts before them, where metrics are served."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from pager_domain.pager.ports.backlogs import Backlogs
from pager_domain.pager.ports.monitored_services import MonitoredServices
from pager_domain.pager.ports.notification_outbox import NotificationOutbox
from pager_grpc.pager.alert_refusals import AlertRefusals
from pager_grpc.pager.metrics import EscalationMetrics, PageMetrics
from pager_grpc.pager.metrics_alerts import AlertMetrics
from pager_grpc.pager.metrics_backlog import BacklogLoop, BacklogMetrics
from pager_grpc.pager.monitored_services_prometheus import MeasuredMonitoredServices, StoreMetrics
from pager_grpc.pager.notification_outbox_prometheus import MeasuredNotificationOutbox
from pager_grpc.runtime.metrics import Metrics
from pager_grpc.runtime.metrics_batches import BatchMetrics
from pager_grpc.runtime.rpc_boundary import RpcLayer
from pager_grpc.runtime.supervision import Doorbell, run_forever

Item = TypeVar("Item")
Result = TypeVar("Result")
Commit = Callable[[Sequence[Item]], Awaitable[Result]]


class Measured:
    """Gives back what it is given, measured; as it is where no metrics are served (``layers`` is empty then).

    ``layers`` are those of the server that count calls; one more is added.
    """

    def __init__(self, metrics: Metrics, layers: list[RpcLayer]) -> None:
        self._metrics = metrics
        self._counted: StoreMetrics | None = None
        if not layers:
            return
        registry = metrics.registry
        self._counted = StoreMetrics(AlertMetrics(registry), EscalationMetrics(registry), PageMetrics(registry))
        self._batches = BatchMetrics(registry)
        layers.append(AlertRefusals(self._counted.alerts))

    def store(self, store: MonitoredServices) -> MonitoredServices:
        """What is decided in it is counted."""
        return MeasuredMonitoredServices(store, self._counted) if self._counted else store

    def outbox(self, outbox: NotificationOutbox) -> NotificationOutbox:
        """Its pages are counted."""
        return MeasuredNotificationOutbox(outbox, self._counted.pages) if self._counted else outbox

    def commit(self, lane: str, commit: Commit[Item, Result]) -> Commit[Item, Result]:
        """Its batches are measured."""
        return self._batches.measured(lane, commit) if self._counted else commit

    def loops(self, backlogs: Backlogs) -> list[Awaitable[None]]:
        """What looks at the backlog."""
        if not self._counted:
            return []
        looking = BacklogLoop(backlogs, BacklogMetrics(self._metrics.registry))
        return [run_forever("backlog", looking.step, Doorbell())]
