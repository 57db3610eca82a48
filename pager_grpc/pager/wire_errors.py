"""Each error of the pager: its gRPC code and the value of ``ErrorReason`` that names it."""

import grpc

from pager_domain.errors import DeadlineImposed, InvalidField, NotAllowed, Overloaded, StoreUnavailable, Unauthenticated
from pager_domain.pager.errors import (
    IncidentUnknown,
    MaintenanceWindowUnknown,
    MonitoredServiceUnknown,
    NoLevelLeft,
    NoOpenIncident,
    PolicyUnavailable,
    RaiseRateExceeded,
    RequestIdReused,
)
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.runtime.errors import ErrorTable

ERRORS: ErrorTable = {
    kind: (code, pb.ErrorReason.Name(reason))
    for kind, code, reason in (
        (InvalidField, grpc.StatusCode.INVALID_ARGUMENT, pb.ERROR_REASON_INVALID_FIELD),
        (MonitoredServiceUnknown, grpc.StatusCode.NOT_FOUND, pb.ERROR_REASON_MONITORED_SERVICE_UNKNOWN),
        (IncidentUnknown, grpc.StatusCode.NOT_FOUND, pb.ERROR_REASON_INCIDENT_UNKNOWN),
        (NoOpenIncident, grpc.StatusCode.FAILED_PRECONDITION, pb.ERROR_REASON_NO_OPEN_INCIDENT),
        (MaintenanceWindowUnknown, grpc.StatusCode.NOT_FOUND, pb.ERROR_REASON_MAINTENANCE_WINDOW_UNKNOWN),
        (NoLevelLeft, grpc.StatusCode.FAILED_PRECONDITION, pb.ERROR_REASON_NO_LEVEL_LEFT),
        (RequestIdReused, grpc.StatusCode.FAILED_PRECONDITION, pb.ERROR_REASON_REQUEST_ID_REUSED),
        (PolicyUnavailable, grpc.StatusCode.UNAVAILABLE, pb.ERROR_REASON_POLICY_UNAVAILABLE),
        (StoreUnavailable, grpc.StatusCode.UNAVAILABLE, pb.ERROR_REASON_STORE_UNAVAILABLE),
        (Unauthenticated, grpc.StatusCode.UNAUTHENTICATED, pb.ERROR_REASON_UNAUTHENTICATED),
        (NotAllowed, grpc.StatusCode.PERMISSION_DENIED, pb.ERROR_REASON_NOT_ALLOWED),
        (Overloaded, grpc.StatusCode.RESOURCE_EXHAUSTED, pb.ERROR_REASON_OVERLOADED),
        (DeadlineImposed, grpc.StatusCode.DEADLINE_EXCEEDED, pb.ERROR_REASON_DEADLINE_IMPOSED),
        (RaiseRateExceeded, grpc.StatusCode.RESOURCE_EXHAUSTED, pb.ERROR_REASON_RAISE_RATE_EXCEEDED),
    )
}
