import inspect

from pager_domain import errors as shared
from pager_domain.errors import DomainError
from pager_domain.policy import errors as policy
from pager_domain.policy import schedule_errors
from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb
from pager_grpc.policy.wire_errors import ERRORS


def errors_in(module):
    kinds = (kind for _, kind in inspect.getmembers(module, inspect.isclass))
    return {kind for kind in kinds if issubclass(kind, DomainError) and kind is not DomainError}


def test_every_error_has_a_reason_and_every_reason_an_error():
    assert set(ERRORS) == errors_in(shared) | errors_in(policy) | errors_in(schedule_errors)
    reasons = [reason for _, reason in ERRORS.values()]
    assert sorted([*reasons, "ERROR_REASON_UNSPECIFIED"]) == sorted(pb.ErrorReason.keys())


def test_codes_say_what_a_caller_can_do():
    codes = {kind.__name__: code.name for kind, (code, _) in ERRORS.items()}
    assert codes == {
        "InvalidField": "INVALID_ARGUMENT",
        "PolicyUnknown": "NOT_FOUND",
        "RevisionUnknown": "NOT_FOUND",
        "NoPolicyForService": "NOT_FOUND",
        "PolicyExists": "ALREADY_EXISTS",
        "ServiceAlreadyCovered": "ALREADY_EXISTS",
        "DefaultPolicyExists": "ALREADY_EXISTS",
        "StaleEtag": "ABORTED",
        "StoreUnavailable": "UNAVAILABLE",
        "Unauthenticated": "UNAUTHENTICATED",
        "NotAllowed": "PERMISSION_DENIED",
        "Overloaded": "RESOURCE_EXHAUSTED",
        "DeadlineImposed": "DEADLINE_EXCEEDED",
        "PersonUnknown": "NOT_FOUND",
        "PersonExists": "ALREADY_EXISTS",
        "PersonStale": "ABORTED",
        "PersonInUse": "FAILED_PRECONDITION",
        "ContactMethodUnknown": "NOT_FOUND",
        "ContactMethodVerified": "FAILED_PRECONDITION",
        "CodeSentRecently": "RESOURCE_EXHAUSTED",
        "CodeRefused": "FAILED_PRECONDITION",
        "CodeNotSent": "UNAVAILABLE",
        "AddressRefused": "FAILED_PRECONDITION",
        "ScheduleUnknown": "NOT_FOUND",
        "ScheduleExists": "ALREADY_EXISTS",
        "ScheduleStale": "ABORTED",
        "ScheduleInUse": "FAILED_PRECONDITION",
        "OverrideUnknown": "NOT_FOUND",
        "OverrideExists": "ALREADY_EXISTS",
        "ShiftSwapUnknown": "NOT_FOUND",
        "ShiftSwapExists": "ALREADY_EXISTS",
        "ShiftSwapAnswered": "FAILED_PRECONDITION",
        "ShiftSwapOver": "FAILED_PRECONDITION",
        "NotOnCall": "FAILED_PRECONDITION",
        "TargetUnknown": "NOT_FOUND",
        "ConfigurationStale": "ABORTED",
    }


def test_metadata_has_the_keys_that_the_contract_promises():
    metadata = [
        policy.RevisionUnknown("shop", 3).metadata,
        policy.ServiceAlreadyCovered("checkout", "other").metadata,
        policy.NoPolicyForService("checkout").metadata,
        policy.DefaultPolicyExists("other").metadata,
        policy.TargetUnknown("levels[0].targets[1].person_id", "person", "cem").metadata,
    ]
    assert metadata == [
        {"policy_id": "shop", "revision": "3"},
        {"monitored_service_id": "checkout", "policy_id": "other"},
        {"monitored_service_id": "checkout"},
        {"policy_id": "other"},
        {"field": "levels[0].targets[1].person_id", "named_kind": "person", "named_id": "cem"},
    ]
