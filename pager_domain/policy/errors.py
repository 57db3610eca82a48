"""Why the policy room refuses.

::

    DomainError
    ├── InvalidField, StoreUnavailable   shared by every room
    ├── PolicyUnknown                    no such policy
    ├── RevisionUnknown                  the policy never had that revision
    ├── NoPolicyForService               nothing covers the service and there is no default
    ├── PolicyExists                     the id is taken
    ├── ServiceAlreadyCovered            another policy names the service
    ├── DefaultPolicyExists              another policy is the default
    ├── StaleEtag                        the policy has changed since it was read
    ├── TargetUnknown                    a level names a person or a schedule that is not there
    ├── PersonUnknown                    no such person
    ├── PersonExists                     the id is taken
    ├── PersonStale                      the person has changed since it was read
    ├── PersonInUse                      a schedule or a policy names the person
    ├── ContactMethodUnknown             the person has no such contact method
    ├── ContactMethodVerified            the contact method needs no code
    ├── CodeSentRecently                 a code was sent less than a minute ago
    ├── CodeRefused                      the code is wrong, too old or was tried too often
    ├── CodeNotSent                      the notifier did not say that a provider took the code
    ├── AddressRefused                   a provider takes no messages to the address
    ├── ScheduleUnknown                  no such schedule
    ├── ScheduleExists                   the id is taken
    ├── ScheduleStale                    the schedule has changed since it was read
    └── ConfigurationStale               the configuration has changed since it was planned
"""

from dataclasses import dataclass
from datetime import timedelta

from pager_domain.errors import DomainError


@dataclass(eq=False)
class PolicyUnknown(DomainError):
    """There is no policy with this id, or it has ended."""

    policy_id: str

    def __str__(self) -> str:
        return f"there is no escalation policy {self.policy_id!r}"


@dataclass(eq=False)
class RevisionUnknown(DomainError):
    """The policy never had this revision."""

    policy_id: str
    revision: int

    def __str__(self) -> str:
        return f"escalation policy {self.policy_id!r} has no revision {self.revision}"


@dataclass(eq=False)
class NoPolicyForService(DomainError):
    """No policy names the service and no policy is the default."""

    monitored_service_id: str

    def __str__(self) -> str:
        return f"no escalation policy covers {self.monitored_service_id!r} and there is no default policy"


@dataclass(eq=False)
class PolicyExists(DomainError):
    """The id belongs to a policy that has not ended."""

    policy_id: str

    def __str__(self) -> str:
        return f"escalation policy {self.policy_id!r} exists already"


@dataclass(eq=False)
class ServiceAlreadyCovered(DomainError):
    """Another policy, ``policy_id``, names the service."""

    monitored_service_id: str
    policy_id: str

    def __str__(self) -> str:
        return f"{self.monitored_service_id!r} is covered by escalation policy {self.policy_id!r}"


@dataclass(eq=False)
class DefaultPolicyExists(DomainError):
    """Another policy, ``policy_id``, is the default."""

    policy_id: str

    def __str__(self) -> str:
        return f"escalation policy {self.policy_id!r} is the default policy"


@dataclass(eq=False)
class StaleEtag(DomainError):
    """The policy has changed since the caller read it."""

    policy_id: str

    def __str__(self) -> str:
        return f"escalation policy {self.policy_id!r} has changed since it was read; read it again"


@dataclass(eq=False)
class ConfigurationStale(DomainError):
    """Something that the plan looked at has changed since."""

    def __str__(self) -> str:
        return "the configuration has changed since it was planned; plan again"


@dataclass(eq=False)
class TargetUnknown(DomainError):
    """A level names a person or a schedule, at ``field``, that does not exist or has ended."""

    field: str
    named_kind: str
    named_id: str

    def __str__(self) -> str:
        return f"{self.field}: there is no {self.named_kind} {self.named_id!r}"


@dataclass(eq=False)
class PersonUnknown(DomainError):
    """There is no person with this id, or it has ended."""

    person_id: str

    def __str__(self) -> str:
        return f"there is no person {self.person_id!r}"


@dataclass(eq=False)
class PersonExists(DomainError):
    """The id belongs to a person that has not ended."""

    person_id: str

    def __str__(self) -> str:
        return f"person {self.person_id!r} exists already"


@dataclass(eq=False)
class PersonStale(DomainError):
    """The person has changed since the caller read it."""

    person_id: str

    def __str__(self) -> str:
        return f"person {self.person_id!r} has changed since it was read; read it again"


@dataclass(eq=False)
class PersonInUse(DomainError):
    """A live schedule or policy, ``named_by_kind`` and ``named_by_id``, names the person.

    Of a schedule it may be an override or a shift swap that does.
    """

    person_id: str
    named_by_kind: str
    named_by_id: str
    override_id: str = ""
    shift_swap_id: str = ""

    @property
    def metadata(self) -> dict[str, str]:
        """As of every error, without the ids of what does not name the person."""
        return {name: value for name, value in super().metadata.items() if value}

    def __str__(self) -> str:
        named_by = f"{self._place()}{self.named_by_kind} {self.named_by_id!r}"
        return f"person {self.person_id!r} is named by {named_by}; take it out there first"

    def _place(self) -> str:
        if self.override_id:
            return f"override {self.override_id!r} of "
        return f"shift swap {self.shift_swap_id!r} of " if self.shift_swap_id else ""


@dataclass(eq=False)
class ContactMethodUnknown(DomainError):
    """The person has no contact method of this id."""

    person_id: str
    contact_method_id: str

    def __str__(self) -> str:
        return f"person {self.person_id!r} has no contact method {self.contact_method_id!r}"


@dataclass(eq=False)
class ContactMethodVerified(DomainError):
    """The contact method counts already; there is nothing to send."""

    person_id: str
    contact_method_id: str

    def __str__(self) -> str:
        return f"contact method {self.contact_method_id!r} of person {self.person_id!r} is verified already"


@dataclass(eq=False)
class CodeSentRecently(DomainError):
    """A code was sent less than a minute ago; the next one may be sent after ``retry_after``."""

    person_id: str
    contact_method_id: str
    retry_after: timedelta

    def __str__(self) -> str:
        return f"a code was sent to {self.contact_method_id!r} of person {self.person_id!r} less than a minute ago"


@dataclass(eq=False)
class CodeRefused(DomainError):
    """The code does not count; ``refusal`` is none_sent, wrong, expired or tried_too_often."""

    person_id: str
    contact_method_id: str
    refusal: str

    def __str__(self) -> str:
        why = {
            "none_sent": "no code was sent that still counts; send one",
            "wrong": "the code is wrong",
            "expired": "the code is too old; send another one",
            "tried_too_often": "the code was tried wrongly too often; send another one",
        }[self.refusal]
        return f"contact method {self.contact_method_id!r} of person {self.person_id!r}: {why}"


@dataclass(eq=False)
class CodeNotSent(DomainError):
    """Nobody said that a provider took the code; it may have been sent. Ask for another one."""

    person_id: str
    contact_method_id: str

    def __str__(self) -> str:
        return (
            f"nobody says that a code went to {self.contact_method_id!r} of person {self.person_id!r}; ask for another"
        )


@dataclass(eq=False)
class AddressRefused(DomainError):
    """A provider refused a message to the address for good."""

    person_id: str
    contact_method_id: str

    def __str__(self) -> str:
        return f"the provider takes no messages to {self.contact_method_id!r} of person {self.person_id!r}"


@dataclass(eq=False)
class ScheduleUnknown(DomainError):
    """There is no schedule with this id, or it has ended."""

    schedule_id: str

    def __str__(self) -> str:
        return f"there is no schedule {self.schedule_id!r}"


@dataclass(eq=False)
class ScheduleExists(DomainError):
    """The id belongs to a schedule that has not ended."""

    schedule_id: str

    def __str__(self) -> str:
        return f"schedule {self.schedule_id!r} exists already"


@dataclass(eq=False)
class ScheduleStale(DomainError):
    """The schedule has changed since the caller read it."""

    schedule_id: str

    def __str__(self) -> str:
        return f"schedule {self.schedule_id!r} has changed since it was read; read it again"
