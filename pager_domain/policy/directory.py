"""Which policy answers a question: the one that covers the service, a pinned revision, the newest one, one person's."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pager_domain.errors import InvalidField
from pager_domain.kernel import MAX_ID_BYTES, MonitoredServiceId, PolicyId, checked_id, checked_text
from pager_domain.policy.errors import NoPolicyForService, PolicyUnknown, RevisionUnknown
from pager_domain.policy.levels import EscalationLevel, person_target
from pager_domain.policy.model import RESERVED_PREFIX, PolicyDefinition, PolicyRevision
from pager_domain.policy.people import PersonId
from pager_domain.wall_time import checked_calendar_moment

MAX_QUESTIONS = 1000
MAX_FORECAST = timedelta(hours=48)


@dataclass(frozen=True, slots=True)
class NewestPolicy:
    """A policy by its id, as it is now."""

    policy_id: PolicyId

    def __post_init__(self) -> None:
        checked_id("policy_id", self.policy_id)


@dataclass(frozen=True, slots=True)
class OnePerson:
    """One person, as if a policy named that person alone."""

    person_id: PersonId

    def __post_init__(self) -> None:
        checked_id("person_id", self.person_id)


Subject = MonitoredServiceId | PolicyRevision | NewestPolicy | OnePerson
"""What is asked about; a text is the service as it is covered now."""


@dataclass(frozen=True, slots=True)
class Question:
    """Whom to page about ``subject`` at the moment ``at`` (now if None), and who takes over within ``forecast`` of it.

    ``incident_id`` is the incident that gets a turn where targets take turns; without it no turn is given away.
    """

    subject: Subject
    at: datetime | None = None
    forecast: timedelta = timedelta(0)
    incident_id: str = ""

    def __post_init__(self) -> None:
        if self.at is not None:
            object.__setattr__(self, "at", checked_calendar_moment("at_time", self.at))
        if not timedelta(0) <= self.forecast <= MAX_FORECAST:
            raise InvalidField("forecast", "must be 0 to 48 hours")
        checked_text("incident_id", self.incident_id, MAX_ID_BYTES)


@dataclass(frozen=True, slots=True)
class FoundPolicy:
    """What one revision says, before people are looked up. ``defaulted``: no policy names the service."""

    policy_id: PolicyId
    revision: int
    levels: tuple[EscalationLevel, ...]
    repeat_count: int = 0
    defaulted: bool = False
    acknowledgement_expiry: timedelta | None = None
    reopen_window: timedelta | None = None


def found_in(definition: PolicyDefinition, revision: int) -> FoundPolicy:
    """The part of ``definition`` that answers questions."""
    return FoundPolicy(
        definition.policy_id,
        revision,
        definition.levels,
        definition.repeat_count,
        acknowledgement_expiry=definition.acknowledgement_expiry,
        reopen_window=definition.reopen_window,
    )


def policy_of_person(person_id: PersonId) -> FoundPolicy:
    """The policy, stored nowhere, whose one level notifies this person."""
    level = EscalationLevel((person_target(person_id),))
    return FoundPolicy(PolicyId(f"{RESERVED_PREFIX}{person_id}"), 1, (level,))


NotFound = NoPolicyForService | PolicyUnknown | RevisionUnknown


@dataclass(frozen=True, slots=True)
class Directory:
    """The policies that are needed to answer for some subjects, read at one moment.

    ``known_policies`` are those asked about by revision that exist or have ended.
    """

    covering: Mapping[MonitoredServiceId, FoundPolicy]
    default: FoundPolicy | None
    revisions: Mapping[PolicyRevision, FoundPolicy]
    known_policies: frozenset[PolicyId]
    newest: Mapping[PolicyId, FoundPolicy]

    def find(self, subject: Subject) -> FoundPolicy | NotFound:
        """The policy that answers, or the error that says why there is none."""
        match subject:
            case OnePerson(person_id):
                return policy_of_person(person_id)
            case NewestPolicy(policy_id):
                return self.newest.get(policy_id) or PolicyUnknown(policy_id)
            case PolicyRevision():
                return self._find_revision(subject)
            case service:
                return self._find_service(service)

    def _find_service(self, service: MonitoredServiceId) -> FoundPolicy | NotFound:
        if (found := self.covering.get(service)) is not None:
            return found
        if self.default is not None:
            return replace(self.default, defaulted=True)
        return NoPolicyForService(service)

    def _find_revision(self, asked: PolicyRevision) -> FoundPolicy | NotFound:
        if (found := self.revisions.get(asked)) is not None:
            return found
        if asked.policy_id in self.known_policies:
            return RevisionUnknown(asked.policy_id, asked.revision)
        person_id = asked.policy_id.removeprefix(RESERVED_PREFIX)
        if person_id and person_id != asked.policy_id:
            found = policy_of_person(PersonId(person_id))
            return found if asked.revision == found.revision else RevisionUnknown(asked.policy_id, asked.revision)
        return PolicyUnknown(asked.policy_id)
