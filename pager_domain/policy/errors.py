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
    ├── PersonUnknown                    no such person
    ├── PersonExists                     the id is taken
    ├── PersonStale                      the person has changed since it was read
    ├── PersonInUse                      a schedule or a policy names the person
    ├── ScheduleUnknown                  no such schedule
    ├── ScheduleExists                   the id is taken
    └── ScheduleStale                    the schedule has changed since it was read
"""

from dataclasses import dataclass

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
    """A live schedule or policy, ``named_by_kind`` and ``named_by_id``, names the person."""

    person_id: str
    named_by_kind: str
    named_by_id: str

    def __str__(self) -> str:
        return (
            f"person {self.person_id!r} is named by {self.named_by_kind} {self.named_by_id!r}; take it out there first"
        )


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
