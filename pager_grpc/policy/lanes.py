"""The lane of every call of the policy service: what a page waits for passes, reads come before edits."""

from typing import Final

from pager_grpc.access.lanes import SHARED_LANES
from pager_grpc.runtime.admission import LaneOf
from pager_grpc.runtime.lanes import Lane

PLACES: Final = {Lane.READ: 4, Lane.ADMINISTRATION: 4}

_VITAL = ("PolicyService/ResolveEscalation", "PolicyService/BatchResolveEscalations")
_READS = (
    "PolicyService/GetEscalationPolicy",
    "PolicyService/ListEscalationPolicies",
    "PeopleService/GetPerson",
    "PeopleService/ListPeople",
    "ScheduleService/GetSchedule",
    "ScheduleService/ListSchedules",
    "ScheduleService/ListShifts",
    "ScheduleService/ListOnCall",
    "ScheduleService/ExportCalendar",
)
_ADMINISTRATION = (
    "PolicyService/CreateEscalationPolicy",
    "PolicyService/UpdateEscalationPolicy",
    "PolicyService/DeleteEscalationPolicy",
    "PolicyService/CheckReachability",
    "PeopleService/CreatePerson",
    "PeopleService/UpdatePerson",
    "PeopleService/DeletePerson",
    "PeopleService/SendVerificationCode",
    "PeopleService/VerifyContactMethod",
    "ScheduleService/CreateSchedule",
    "ScheduleService/UpdateSchedule",
    "ScheduleService/DeleteSchedule",
    "ScheduleService/CreateOverride",
    "ScheduleService/DeleteOverride",
    "ScheduleService/RequestShiftSwap",
    "ScheduleService/AnswerShiftSwap",
    "ConfigurationService/ApplyConfiguration",
)

LANES: Final[dict[str, LaneOf]] = SHARED_LANES | {
    f"/policy.v1.{method}": lane
    for lane, methods in ((Lane.VITAL, _VITAL), (Lane.READ, _READS), (Lane.ADMINISTRATION, _ADMINISTRATION))
    for method in methods
}
