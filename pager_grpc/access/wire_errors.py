"""Each error of access as gRPC says it."""

from typing import Final

from grpc import StatusCode

from pager_domain.access.errors import ApiKeyExists, ApiKeyUnknown
from pager_domain.errors import InvalidField, NotAllowed, StoreUnavailable, Unauthenticated
from pager_grpc.runtime.errors import ErrorTable

ERRORS: Final[ErrorTable] = {
    InvalidField: (StatusCode.INVALID_ARGUMENT, "ERROR_REASON_INVALID_FIELD"),
    StoreUnavailable: (StatusCode.UNAVAILABLE, "ERROR_REASON_STORE_UNAVAILABLE"),
    Unauthenticated: (StatusCode.UNAUTHENTICATED, "ERROR_REASON_UNAUTHENTICATED"),
    NotAllowed: (StatusCode.PERMISSION_DENIED, "ERROR_REASON_NOT_ALLOWED"),
    ApiKeyUnknown: (StatusCode.NOT_FOUND, "ERROR_REASON_API_KEY_UNKNOWN"),
    ApiKeyExists: (StatusCode.ALREADY_EXISTS, "ERROR_REASON_API_KEY_EXISTS"),
}
