"""Serialized requests of about 200 bytes."""

import uuid
from collections.abc import Iterable

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

RAISE = "/pager.v1.PagerService/RaiseAlert"
ACKNOWLEDGE = "/pager.v1.PagerService/Acknowledge"
OPEN_SERVICES = tuple(f"open-{number}" for number in range(50))
"""Those that repeats are about."""
REPEATS_A_NEW_ONE = 19
"""95 % repeats."""


def alert_for(service: str, *, request_id: str | None = None) -> pb.RaiseAlertRequest:
    """An alert as a monitoring system sends it; with an id of its own unless one is given."""
    return pb.RaiseAlertRequest(
        monitored_service_id=service,
        message="p99 latency of checkout is above two seconds for five minutes in eu-west-1",
        details="dashboards and runbook: see the links of the service catalogue",
        request_id=uuid.uuid4().hex if request_id is None else request_id,
    )


def alerts(services: Iterable[str]) -> list[bytes]:
    """One alert for each service, in their order."""
    return [alert_for(service).SerializeToString() for service in services]


def acknowledgements(services: Iterable[str]) -> list[bytes]:
    """One for each service."""
    return [
        pb.AcknowledgeRequest(monitored_service_id=service, acknowledged_by="bench").SerializeToString()
        for service in services
    ]


class FreshServices:
    """Ids of services that nobody has heard of; ``taken`` counts them."""

    def __init__(self, name: str = "shop-eu-west-1") -> None:
        self._name = f"{name}-{uuid.uuid4().hex[:8]}"
        self.taken = 0

    def take(self, count: int) -> list[str]:
        """The next ``count``."""
        first, self.taken = self.taken, self.taken + count
        return [f"{self._name}-{number:07d}" for number in range(first, self.taken)]


def new_alerts(count: int, fresh: FreshServices) -> list[bytes]:
    """Each opens an incident."""
    return alerts(fresh.take(count))


def mostly_repeats(count: int, fresh: FreshServices) -> list[bytes]:
    """Of twenty the first is for a new service; the others repeat those that are open."""
    news = iter(fresh.take(-(-count // (REPEATS_A_NEW_ONE + 1))))
    return alerts(
        OPEN_SERVICES[number % len(OPEN_SERVICES)] if number % (REPEATS_A_NEW_ONE + 1) else next(news)
        for number in range(count)
    )
