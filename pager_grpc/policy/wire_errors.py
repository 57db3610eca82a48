"""Each error of the policy room as gRPC says it."""

from typing import Final

from grpc import StatusCode

from pager_domain.errors import InvalidField, NotAllowed, StoreUnavailable, Unauthenticated
from pager_domain.policy.errors import (
    AddressRefused,
    CodeNotSent,
    CodeRefused,
    CodeSentRecently,
    ConfigurationStale,
    ContactMethodUnknown,
    ContactMethodVerified,
    DefaultPolicyExists,
    NoPolicyForService,
    PersonExists,
    PersonInUse,
    PersonStale,
    PersonUnknown,
    PolicyExists,
    PolicyUnknown,
    RevisionUnknown,
    ScheduleExists,
    ScheduleStale,
    ScheduleUnknown,
    ServiceAlreadyCovered,
    StaleEtag,
    TargetUnknown,
)
from pager_domain.policy.schedule_errors import (
    NotOnCall,
    OverrideExists,
    OverrideUnknown,
    ScheduleInUse,
    ShiftSwapAnswered,
    ShiftSwapExists,
    ShiftSwapOver,
    ShiftSwapUnknown,
)
from pager_grpc.runtime.errors import ErrorTable

ERRORS: Final[ErrorTable] = {
    InvalidField: (StatusCode.INVALID_ARGUMENT, "ERROR_REASON_INVALID_FIELD"),
    PolicyUnknown: (StatusCode.NOT_FOUND, "ERROR_REASON_POLICY_UNKNOWN"),
    RevisionUnknown: (StatusCode.NOT_FOUND, "ERROR_REASON_REVISION_UNKNOWN"),
    NoPolicyForService: (StatusCode.NOT_FOUND, "ERROR_REASON_NO_POLICY_FOR_SERVICE"),
    PolicyExists: (StatusCode.ALREADY_EXISTS, "ERROR_REASON_POLICY_EXISTS"),
    ServiceAlreadyCovered: (StatusCode.ALREADY_EXISTS, "ERROR_REASON_SERVICE_ALREADY_COVERED"),
    DefaultPolicyExists: (StatusCode.ALREADY_EXISTS, "ERROR_REASON_DEFAULT_POLICY_EXISTS"),
    StaleEtag: (StatusCode.ABORTED, "ERROR_REASON_STALE_ETAG"),
    StoreUnavailable: (StatusCode.UNAVAILABLE, "ERROR_REASON_STORE_UNAVAILABLE"),
    Unauthenticated: (StatusCode.UNAUTHENTICATED, "ERROR_REASON_UNAUTHENTICATED"),
    NotAllowed: (StatusCode.PERMISSION_DENIED, "ERROR_REASON_NOT_ALLOWED"),
    PersonUnknown: (StatusCode.NOT_FOUND, "ERROR_REASON_PERSON_UNKNOWN"),
    PersonExists: (StatusCode.ALREADY_EXISTS, "ERROR_REASON_PERSON_EXISTS"),
    PersonStale: (StatusCode.ABORTED, "ERROR_REASON_PERSON_STALE"),
    PersonInUse: (StatusCode.FAILED_PRECONDITION, "ERROR_REASON_PERSON_IN_USE"),
    ContactMethodUnknown: (StatusCode.NOT_FOUND, "ERROR_REASON_CONTACT_METHOD_UNKNOWN"),
    ContactMethodVerified: (StatusCode.FAILED_PRECONDITION, "ERROR_REASON_CONTACT_METHOD_VERIFIED"),
    CodeSentRecently: (StatusCode.RESOURCE_EXHAUSTED, "ERROR_REASON_CODE_SENT_RECENTLY"),
    CodeRefused: (StatusCode.FAILED_PRECONDITION, "ERROR_REASON_CODE_REFUSED"),
    CodeNotSent: (StatusCode.UNAVAILABLE, "ERROR_REASON_CODE_NOT_SENT"),
    AddressRefused: (StatusCode.FAILED_PRECONDITION, "ERROR_REASON_ADDRESS_REFUSED"),
    ScheduleUnknown: (StatusCode.NOT_FOUND, "ERROR_REASON_SCHEDULE_UNKNOWN"),
    ScheduleExists: (StatusCode.ALREADY_EXISTS, "ERROR_REASON_SCHEDULE_EXISTS"),
    ScheduleStale: (StatusCode.ABORTED, "ERROR_REASON_SCHEDULE_STALE"),
    ScheduleInUse: (StatusCode.FAILED_PRECONDITION, "ERROR_REASON_SCHEDULE_IN_USE"),
    OverrideUnknown: (StatusCode.NOT_FOUND, "ERROR_REASON_OVERRIDE_UNKNOWN"),
    OverrideExists: (StatusCode.ALREADY_EXISTS, "ERROR_REASON_OVERRIDE_EXISTS"),
    ShiftSwapUnknown: (StatusCode.NOT_FOUND, "ERROR_REASON_SHIFT_SWAP_UNKNOWN"),
    ShiftSwapExists: (StatusCode.ALREADY_EXISTS, "ERROR_REASON_SHIFT_SWAP_EXISTS"),
    ShiftSwapAnswered: (StatusCode.FAILED_PRECONDITION, "ERROR_REASON_SHIFT_SWAP_ANSWERED"),
    ShiftSwapOver: (StatusCode.FAILED_PRECONDITION, "ERROR_REASON_SHIFT_SWAP_OVER"),
    NotOnCall: (StatusCode.FAILED_PRECONDITION, "ERROR_REASON_NOT_ON_CALL"),
    TargetUnknown: (StatusCode.NOT_FOUND, "ERROR_REASON_TARGET_UNKNOWN"),
    ConfigurationStale: (StatusCode.ABORTED, "ERROR_REASON_CONFIGURATION_STALE"),
}
