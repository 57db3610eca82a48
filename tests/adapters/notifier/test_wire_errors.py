import inspect
from datetime import timedelta

from pager_domain import errors as shared
from pager_domain.errors import DomainError
from pager_domain.notifier import errors as notifier
from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as pb
from pager_grpc.notifier.wire_errors import ERRORS


def errors_in(module):
    kinds = (kind for _, kind in inspect.getmembers(module, inspect.isclass))
    return {kind for kind in kinds if issubclass(kind, DomainError) and kind is not DomainError}


def test_every_error_has_a_reason_and_every_reason_an_error():
    assert set(ERRORS) == errors_in(shared) | errors_in(notifier)
    reasons = [reason for _, reason in ERRORS.values()]
    assert sorted([*reasons, "ERROR_REASON_UNSPECIFIED"]) == sorted(pb.ErrorReason.keys())


def test_codes_say_what_a_caller_can_do():
    codes = {kind.__name__: code.name for kind, (code, _) in ERRORS.items()}
    assert codes == {
        "InvalidField": "INVALID_ARGUMENT",
        "DeliveryUnknown": "NOT_FOUND",
        "RequestIdReused": "FAILED_PRECONDITION",
        "MessageRefused": "FAILED_PRECONDITION",
        "DeliveryFateUnknown": "FAILED_PRECONDITION",
        "DeliveryInProgress": "ABORTED",
        "FencingTokenStale": "ABORTED",
        "ProviderDeferred": "UNAVAILABLE",
        "DeliveryInDoubt": "UNAVAILABLE",
        "StoreUnavailable": "UNAVAILABLE",
        "Unauthenticated": "UNAUTHENTICATED",
        "NotAllowed": "PERMISSION_DENIED",
        "Overloaded": "RESOURCE_EXHAUSTED",
        "DeadlineImposed": "DEADLINE_EXCEEDED",
    }


def test_metadata_has_the_keys_that_the_contract_promises():
    soon = timedelta(seconds=1)
    delivery = {"delivery_id": "page-1"}
    said = delivery | {"provider": "smtp", "provider_answer": "550"}
    promised = [
        (notifier.DeliveryUnknown("page-1"), delivery),
        (notifier.RequestIdReused("page-1"), {"request_id": "page-1"}),
        (notifier.MessageRefused("page-1", "smtp", "550"), said),
        (notifier.ProviderDeferred("page-1", "smtp", "550", soon), said),
        (notifier.DeliveryInDoubt("page-1", "smtp", soon), delivery | {"provider": "smtp"}),
        (notifier.DeliveryFateUnknown("page-1"), delivery),
        (notifier.DeliveryInProgress("page-1", soon), delivery),
        (notifier.FencingTokenStale("page-1"), delivery),
    ]
    assert [error.metadata for error, _ in promised] == [metadata for _, metadata in promised]
    assert {type(error) for error, _ in promised} == errors_in(notifier)
    assert all(str(error) for error, _ in promised)
