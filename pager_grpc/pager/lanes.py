"""The lane of every call of the pager."""

from typing import Any, Final

from pager_grpc.access.lanes import SHARED_LANES
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.runtime.admission import LaneOf
from pager_grpc.runtime.lanes import Lane

_LOW: Final = frozenset((pb.Incident.SEVERITY_INFO, pb.Incident.SEVERITY_WARNING))


def _lane_of_alert(request: Any) -> Lane:
    """An unknown severity counts as critical."""
    return Lane.RAISE_LOW if request.severity in _LOW else Lane.RAISE


_OF_METHODS: Final[dict[str, LaneOf]] = {
    "RaiseAlert": _lane_of_alert,
    "RaiseAlerts": Lane.RAISE_STREAM,
    "Acknowledge": Lane.VITAL,
    "MarkHealthy": Lane.VITAL,
    "SnoozeIncident": Lane.VITAL,
    "EscalateIncident": Lane.VITAL,
    "ReassignIncident": Lane.VITAL,
    "CreateMaintenanceWindow": Lane.ADMINISTRATION,
    "ListMaintenanceWindows": Lane.READ,
    "DeleteMaintenanceWindow": Lane.ADMINISTRATION,
    "GetMonitoredService": Lane.READ,
    "ListMonitoredServices": Lane.READ,
    "GetIncident": Lane.READ,
    "ListIncidents": Lane.READ,
    "ListIncidentEvents": Lane.READ,
    "PreviewEscalation": Lane.ADMINISTRATION,
    "WatchIncidents": Lane.WATCH,
}
LANES: Final = SHARED_LANES | {f"/pager.v1.PagerService/{method}": lane for method, lane in _OF_METHODS.items()}
