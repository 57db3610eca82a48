"""Each error of the notifier room as gRPC says it."""

from typing import Final

from grpc import StatusCode

from pager_domain.errors import DeadlineImposed, InvalidField, NotAllowed, Overloaded, StoreUnavailable, Unauthenticated
from pager_domain.notifier.errors import (
    DeliveryFateUnknown,
    DeliveryInDoubt,
    DeliveryInProgress,
    DeliveryUnknown,
    FencingTokenStale,
    MessageRefused,
    ProviderDeferred,
    RequestIdReused,
)
from pager_grpc.runtime.errors import ErrorTable

ERRORS: Final[ErrorTable] = {
    InvalidField: (StatusCode.INVALID_ARGUMENT, "ERROR_REASON_INVALID_FIELD"),
    DeliveryUnknown: (StatusCode.NOT_FOUND, "ERROR_REASON_DELIVERY_UNKNOWN"),
    RequestIdReused: (StatusCode.FAILED_PRECONDITION, "ERROR_REASON_REQUEST_ID_REUSED"),
    MessageRefused: (StatusCode.FAILED_PRECONDITION, "ERROR_REASON_MESSAGE_REFUSED"),
    DeliveryFateUnknown: (StatusCode.FAILED_PRECONDITION, "ERROR_REASON_DELIVERY_FATE_UNKNOWN"),
    DeliveryInProgress: (StatusCode.ABORTED, "ERROR_REASON_DELIVERY_IN_PROGRESS"),
    FencingTokenStale: (StatusCode.ABORTED, "ERROR_REASON_FENCING_TOKEN_STALE"),
    ProviderDeferred: (StatusCode.UNAVAILABLE, "ERROR_REASON_PROVIDER_DEFERRED"),
    DeliveryInDoubt: (StatusCode.UNAVAILABLE, "ERROR_REASON_DELIVERY_IN_DOUBT"),
    StoreUnavailable: (StatusCode.UNAVAILABLE, "ERROR_REASON_STORE_UNAVAILABLE"),
    Unauthenticated: (StatusCode.UNAUTHENTICATED, "ERROR_REASON_UNAUTHENTICATED"),
    NotAllowed: (StatusCode.PERMISSION_DENIED, "ERROR_REASON_NOT_ALLOWED"),
    Overloaded: (StatusCode.RESOURCE_EXHAUSTED, "ERROR_REASON_OVERLOADED"),
    DeadlineImposed: (StatusCode.DEADLINE_EXCEEDED, "ERROR_REASON_DEADLINE_IMPOSED"),
}
