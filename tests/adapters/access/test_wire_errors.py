import importlib
import inspect

from adapters.access.test_matrix import ROOMS

from pager_domain import errors as shared
from pager_domain.access import errors as access
from pager_domain.errors import CredentialFault, DomainError, NotAllowed, Unauthenticated
from pager_grpc.access.wire_errors import ERRORS
from pager_grpc.gen.access.v1 import access_service_pb2 as pb


def errors_in(module):
    kinds = (kind for _, kind in inspect.getmembers(module, inspect.isclass))
    return {kind for kind in kinds if issubclass(kind, DomainError) and kind is not DomainError}


def test_every_reason_has_an_error_and_every_error_of_access_a_reason():
    reasons = [reason for _, reason in ERRORS.values()]
    assert sorted([*reasons, "ERROR_REASON_UNSPECIFIED"]) == sorted(pb.ErrorReason.keys())
    assert errors_in(access) <= set(ERRORS) <= errors_in(access) | errors_in(shared)


def test_what_access_refuses_has_the_same_code_and_reason_in_every_room():
    for room in ROOMS:
        errors = importlib.import_module(f"pager_grpc.{room}.wire_errors").ERRORS
        assert {kind: errors[kind] for kind in (Unauthenticated, NotAllowed)} == {
            kind: ERRORS[kind] for kind in (Unauthenticated, NotAllowed)
        }


def test_codes_say_what_a_caller_can_do():
    assert {kind.__name__: code.name for kind, (code, _) in ERRORS.items()} == {
        "InvalidField": "INVALID_ARGUMENT",
        "StoreUnavailable": "UNAVAILABLE",
        "Unauthenticated": "UNAUTHENTICATED",
        "NotAllowed": "PERMISSION_DENIED",
        "ApiKeyUnknown": "NOT_FOUND",
        "ApiKeyExists": "ALREADY_EXISTS",
    }


def test_metadata_has_the_keys_that_the_contract_promises():
    assert Unauthenticated(CredentialFault.EXPIRED).metadata == {"fault": "expired"}
    assert NotAllowed("key:a", "raise here").metadata == {"principal": "key:a", "refused": "raise here"}
    assert access.ApiKeyUnknown("a").metadata == access.ApiKeyExists("a").metadata == {"api_key_id": "a"}
    assert all(str(Unauthenticated(fault)) for fault in CredentialFault)
