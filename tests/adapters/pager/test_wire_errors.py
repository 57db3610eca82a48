import inspect

from pager_domain import errors as shared
from pager_domain.errors import DomainError
from pager_domain.pager import errors as pager
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.pager.wire_errors import ERRORS


def errors_in(module):
    kinds = (kind for _, kind in inspect.getmembers(module, inspect.isclass))
    return {kind for kind in kinds if issubclass(kind, DomainError) and kind is not DomainError}


def test_every_error_has_a_reason_and_every_reason_an_error():
    assert set(ERRORS) == errors_in(shared) | errors_in(pager)
    reasons = [reason for _, reason in ERRORS.values()]
    assert sorted([*reasons, "ERROR_REASON_UNSPECIFIED"]) == sorted(pb.ErrorReason.keys())


def test_codes_say_what_a_caller_can_do():
    assert {kind.__name__: code.name for kind, (code, _) in ERRORS.items()} == {
        "InvalidField": "INVALID_ARGUMENT",
        "MonitoredServiceUnknown": "NOT_FOUND",
        "IncidentUnknown": "NOT_FOUND",
        "NoOpenIncident": "FAILED_PRECONDITION",
        "NoLevelLeft": "FAILED_PRECONDITION",
        "MaintenanceWindowUnknown": "NOT_FOUND",
        "RequestIdReused": "FAILED_PRECONDITION",
        "PolicyUnavailable": "UNAVAILABLE",
        "StoreUnavailable": "UNAVAILABLE",
        "Unauthenticated": "UNAUTHENTICATED",
        "NotAllowed": "PERMISSION_DENIED",
        "Overloaded": "RESOURCE_EXHAUSTED",
        "DeadlineImposed": "DEADLINE_EXCEEDED",
        "RaiseRateExceeded": "RESOURCE_EXHAUSTED",
    }


def test_metadata_has_the_keys_that_the_contract_promises_and_sentences_say_what_to_do():
    assert pager.MonitoredServiceUnknown("s").metadata == {"monitored_service_id": "s"}
    assert pager.IncidentUnknown("i").metadata == {"incident_id": "i"}
    assert pager.NoOpenIncident("s").metadata == {"monitored_service_id": "s"}
    assert pager.MaintenanceWindowUnknown("w").metadata == {"maintenance_window_id": "w"}
    assert pager.NoLevelLeft("i").metadata == {"incident_id": "i"}
    assert pager.RequestIdReused("r").metadata == {"request_id": "r"}
    assert "use a new one" in str(pager.RequestIdReused("r"))
    assert "first alert" in str(pager.MonitoredServiceUnknown("s"))
