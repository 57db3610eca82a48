"""Who may call the policy room: admins change it, responders read it and keep their own data, the pager asks it."""

from typing import Final

from pager_domain.access.principal import Role, Verb
from pager_domain.access.rules import Rule
from pager_domain.policy.errors import PersonUnknown
from pager_grpc.access.table import AccessTable, Row, rows_of

_READERS: Final = frozenset({Role.RESPONDER, Role.ADMIN})
_READ: Final = Row(Rule(Verb.READ, _READERS))
_ADMIN_READ: Final = Row(Rule(Verb.READ, frozenset({Role.ADMIN})))
_CONFIGURE: Final = Row(Rule(Verb.CONFIGURE, frozenset({Role.ADMIN})))
_RESOLVE: Final = Row(Rule(Verb.READ, frozenset({Role.ADMIN}), rooms=frozenset({"pager"})))


def _of_person(verb: Verb, field: str) -> Row:
    """A responder has this of its own person only; others are unknown to it."""
    return Row(Rule(verb, _READERS), person=field, unknown=PersonUnknown)


ACCESS: Final[AccessTable] = {
    **rows_of(
        "policy.v1.PolicyService",
        {
            "CreateEscalationPolicy": _CONFIGURE,
            "GetEscalationPolicy": _READ,
            "ListEscalationPolicies": _READ,
            "UpdateEscalationPolicy": _CONFIGURE,
            "DeleteEscalationPolicy": _CONFIGURE,
            "ResolveEscalation": _RESOLVE,
            "BatchResolveEscalations": _RESOLVE,
            "CheckReachability": _READ,
        },
    ),
    **rows_of(
        "policy.v1.PeopleService",
        {
            "CreatePerson": _CONFIGURE,
            "GetPerson": _of_person(Verb.READ, "person_id"),
            "ListPeople": _ADMIN_READ,
            "UpdatePerson": _of_person(Verb.CONFIGURE, "person.person_id"),
            "DeletePerson": _CONFIGURE,
            "SendVerificationCode": _of_person(Verb.CONFIGURE, "person_id"),
            "VerifyContactMethod": _of_person(Verb.CONFIGURE, "person_id"),
        },
    ),
    **rows_of(
        "policy.v1.ScheduleService",
        {
            "CreateSchedule": _CONFIGURE,
            "GetSchedule": _READ,
            "ListSchedules": _READ,
            "UpdateSchedule": _CONFIGURE,
            "DeleteSchedule": _CONFIGURE,
            "CreateOverride": _CONFIGURE,
            "DeleteOverride": _CONFIGURE,
            "RequestShiftSwap": Row(Rule(Verb.CONFIGURE, _READERS), person="shift_swap.from_person_id"),
            # Whose swap it is stands in the schedule; the use case looks.
            "AnswerShiftSwap": Row(Rule(Verb.CONFIGURE, _READERS)),
            "ListShifts": _READ,
            "ListOnCall": _READ,
            "ExportCalendar": _READ,
        },
    ),
    **rows_of("policy.v1.ConfigurationService", {"ApplyConfiguration": _CONFIGURE}),
}
