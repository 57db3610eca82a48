"""What a caller of the pager can do wrong.

::

    DomainError
    ├── MonitoredServiceUnknown
    ├── IncidentUnknown
    ├── NoOpenIncident
    ├── NoLevelLeft
    ├── MaintenanceWindowUnknown
    ├── RequestIdReused
    ├── PolicyUnavailable
    └── RaiseRateExceeded
"""

from dataclasses import dataclass
from datetime import timedelta

from pager_domain.errors import DomainError


@dataclass(eq=False)
class MonitoredServiceUnknown(DomainError):
    """No alert was ever raised for a service of this name."""

    monitored_service_id: str

    def __str__(self) -> str:
        return f"no service {self.monitored_service_id!r} is known; a service is created by its first alert"


@dataclass(eq=False)
class IncidentUnknown(DomainError):
    """There is no such incident, or it belongs to another service."""

    incident_id: str

    def __str__(self) -> str:
        return f"no incident {self.incident_id!r} is known"


@dataclass(eq=False)
class NoOpenIncident(DomainError):
    """There is nothing to do about it: the service is healthy, or the incident is resolved."""

    monitored_service_id: str

    def __str__(self) -> str:
        return f"service {self.monitored_service_id!r} has no open incident"


@dataclass(eq=False)
class MaintenanceWindowUnknown(DomainError):
    """There is no such maintenance window."""

    maintenance_window_id: str

    def __str__(self) -> str:
        return f"no maintenance window {self.maintenance_window_id!r} is known"


@dataclass(eq=False)
class NoLevelLeft(DomainError):
    """The last level was notified and no repeat is left, so there is nobody to escalate to."""

    incident_id: str

    def __str__(self) -> str:
        return f"incident {self.incident_id!r} has no level left to notify"


@dataclass(eq=False)
class RequestIdReused(DomainError):
    """The request id was used before, with other content."""

    request_id: str

    def __str__(self) -> str:
        return f"request_id {self.request_id!r} was used with other content; use a new one for a new request"


@dataclass(eq=False)
class PolicyUnavailable(DomainError):
    """The policy service gave no usable answer, and the question was about people as they are."""

    fault: str

    def __str__(self) -> str:
        return self.fault


@dataclass(eq=False)
class RaiseRateExceeded(DomainError):
    """The caller raises more alerts than it may; nothing of this one is stored."""

    retry_after: timedelta

    def __str__(self) -> str:
        return f"more alerts than this caller may raise; repeat it in {self.retry_after.total_seconds():.1f} s"
