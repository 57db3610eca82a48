"""Escalation policies: what one is, how it changes, whom it answers for.

Every change makes a new revision and a revision never changes, so that a pinned :class:`PolicyRevision` means the
same levels for ever, also after its policy has ended.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from pager_domain.errors import InvalidField
from pager_domain.kernel import (
    EmailTarget,
    EscalationLevel,
    MonitoredServiceId,
    NotificationTarget,
    PolicyId,
    checked_id,
    checked_levels,
    checked_repeat_count,
    checked_text,
)
from pager_domain.policy.errors import (
    DefaultPolicyExists,
    NoPolicyForService,
    PolicyExists,
    PolicyUnknown,
    RevisionUnknown,
    ServiceAlreadyCovered,
    StaleEtag,
)
from pager_domain.policy.revisions import Kind, Record, Revisioned

MAX_DISPLAY_NAME_BYTES = 255
MAX_MONITORED_SERVICES = 10_000
MAX_QUESTIONS = 1000


@dataclass(frozen=True, slots=True)
class PolicyDefinition:
    """What people say about a policy: everything but its revision and its times.

    ``monitored_service_ids`` may come in any order and are kept sorted.
    """

    policy_id: PolicyId
    levels: tuple[EscalationLevel, ...]
    display_name: str = ""
    repeat_count: int = 0
    monitored_service_ids: tuple[MonitoredServiceId, ...] = ()
    default_policy: bool = False

    def __post_init__(self) -> None:
        checked_id("policy_id", self.policy_id)
        checked_text("display_name", self.display_name, MAX_DISPLAY_NAME_BYTES)
        checked_levels(self.levels)
        checked_repeat_count(self.repeat_count)
        services = _checked_services(self.monitored_service_ids)
        object.__setattr__(self, "monitored_service_ids", services)  # the way to normalise a frozen value

    @property
    def entry_id(self) -> str:
        """The id, which never changes."""
        return self.policy_id


class EscalationPolicy(Revisioned[PolicyDefinition]):
    """One revision of a policy; the newest one, unless said."""

    __slots__ = ()

    @property
    def policy_id(self) -> PolicyId:
        """The id, which never changes."""
        return self.definition.policy_id

    def facts(self) -> list[object]:
        """Spelt out: policies had etags before anything else had."""
        return _facts(self.definition)


PolicyRecord = Record[PolicyDefinition, EscalationPolicy]
POLICIES = Kind("policy", EscalationPolicy, PolicyUnknown, PolicyExists, StaleEtag)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which policies cover some services now, and which one is the default."""

    covered_by: Mapping[MonitoredServiceId, PolicyId]
    default_policy_id: PolicyId | None

    def admit(self, definition: PolicyDefinition) -> None:
        """Refuses a policy that wants what another one has.

        Raises:
            ServiceAlreadyCovered: names the first such service.
            DefaultPolicyExists: another policy is the default.
        """
        for service in definition.monitored_service_ids:
            other = self.covered_by.get(service, definition.policy_id)
            if other != definition.policy_id:
                raise ServiceAlreadyCovered(service, other)
        default = self.default_policy_id
        if definition.default_policy and default not in {None, definition.policy_id}:
            raise DefaultPolicyExists(str(default))


@dataclass(frozen=True, slots=True)
class PolicyRevision:
    """One state of one policy, counted from 1."""

    policy_id: PolicyId
    revision: int

    def __post_init__(self) -> None:
        checked_id("policy_id", self.policy_id)
        if self.revision < 1:
            raise InvalidField("revision", "must be at least 1")


Subject = MonitoredServiceId | PolicyRevision
"""What is asked about: the service as it is covered now, or a revision pinned before."""


@dataclass(frozen=True, slots=True)
class ResolvedEscalation:
    """Whom to page. ``defaulted``: the default policy answers because no other names the service."""

    policy_id: PolicyId
    revision: int
    levels: tuple[EscalationLevel, ...]
    repeat_count: int
    defaulted: bool = False


Unresolved = NoPolicyForService | PolicyUnknown | RevisionUnknown
Resolution = ResolvedEscalation | Unresolved


@dataclass(frozen=True, slots=True)
class Directory:
    """Everything that is needed to answer for some subjects, read at one moment.

    ``known_policies`` are those asked about by revision that exist or have ended.
    """

    covering: Mapping[MonitoredServiceId, ResolvedEscalation]
    default: ResolvedEscalation | None
    revisions: Mapping[PolicyRevision, ResolvedEscalation]
    known_policies: frozenset[PolicyId]

    def resolve(self, subject: Subject) -> Resolution:
        """The answer, or the error that says why there is none."""
        if isinstance(subject, PolicyRevision):
            return self._resolve_revision(subject)
        return self._resolve_service(subject)

    def _resolve_service(self, service: MonitoredServiceId) -> Resolution:
        if (found := self.covering.get(service)) is not None:
            return found
        if self.default is not None:
            return replace(self.default, defaulted=True)
        return NoPolicyForService(service)

    def _resolve_revision(self, asked: PolicyRevision) -> Resolution:
        if (found := self.revisions.get(asked)) is not None:
            return found
        if asked.policy_id in self.known_policies:
            return RevisionUnknown(asked.policy_id, asked.revision)
        return PolicyUnknown(asked.policy_id)


def _checked_services(services: Sequence[MonitoredServiceId]) -> tuple[MonitoredServiceId, ...]:
    if len(services) > MAX_MONITORED_SERVICES:
        raise InvalidField("monitored_service_ids", f"must be at most {MAX_MONITORED_SERVICES}")
    seen: set[MonitoredServiceId] = set()
    for index, service in enumerate(services):
        field = f"monitored_service_ids[{index}]"
        checked_id(field, service)
        if service in seen:
            raise InvalidField(field, "must not name a service twice")
        seen.add(service)
    return tuple(sorted(seen))


def _facts(definition: PolicyDefinition) -> list[object]:
    # Spelt out, because two releases side by side must make the same etag of the same policy.
    levels = [
        [level.acknowledgement_timeout // timedelta(microseconds=1), [_target_facts(t) for t in level.targets]]
        for level in definition.levels
    ]
    rest = [definition.repeat_count, definition.monitored_service_ids, definition.default_policy]
    return [definition.policy_id, definition.display_name, levels, *rest]


def _target_facts(target: NotificationTarget) -> list[str]:
    if isinstance(target, EmailTarget):
        return ["email", target.target_id, target.address.value]
    return ["sms", target.target_id, target.number.value]
