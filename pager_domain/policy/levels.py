"""The levels of a policy: whom each names, how many of them it notifies, how long they have to acknowledge.

A level names addresses, people and schedules; a schedule names people and nothing else, so no chain of names can
come back to where it began.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from pager_domain.errors import InvalidField
from pager_domain.kernel import (
    DEFAULT_ACKNOWLEDGEMENT_TIMEOUT,
    MAX_ACKNOWLEDGEMENT_TIMEOUT,
    MAX_LEVELS,
    MAX_TARGETS_PER_LEVEL,
    MIN_ACKNOWLEDGEMENT_TIMEOUT,
    EmailAddress,
    PhoneNumber,
    TargetId,
    checked_id,
)
from pager_domain.policy.errors import TargetUnknown
from pager_domain.policy.people import PersonId
from pager_domain.policy.schedules import ScheduleId


@dataclass(frozen=True, slots=True)
class EmailTarget:
    """An address, reached by e-mail."""

    target_id: TargetId
    address: EmailAddress

    def __post_init__(self) -> None:
        checked_id("target_id", self.target_id)


@dataclass(frozen=True, slots=True)
class SmsTarget:
    """A number, reached by text message."""

    target_id: TargetId
    number: PhoneNumber

    def __post_init__(self) -> None:
        checked_id("target_id", self.target_id)


@dataclass(frozen=True, slots=True)
class PersonTarget:
    """Somebody who is reached as that person's notification rules say."""

    target_id: TargetId
    person_id: PersonId

    def __post_init__(self) -> None:
        checked_id("person_id", self.person_id)
        checked_id("target_id", self.target_id)


@dataclass(frozen=True, slots=True)
class ScheduleTarget:
    """Whoever is on call on a schedule when the level is notified."""

    target_id: TargetId
    schedule_id: ScheduleId

    def __post_init__(self) -> None:
        checked_id("schedule_id", self.schedule_id)
        checked_id("target_id", self.target_id)


PolicyTarget = EmailTarget | SmsTarget | PersonTarget | ScheduleTarget


def email_target(target_id: str, address: str) -> EmailTarget:
    """An :class:`EmailTarget` from plain text."""
    return EmailTarget(TargetId(target_id), EmailAddress(address))


def sms_target(target_id: str, number: str) -> SmsTarget:
    """An :class:`SmsTarget` from plain text."""
    return SmsTarget(TargetId(target_id), PhoneNumber(number))


def person_target(person_id: str, target_id: str = "") -> PersonTarget:
    """A :class:`PersonTarget` from plain text; without a ``target_id`` it has the person's."""
    return PersonTarget(TargetId(target_id or person_id), PersonId(person_id))


def schedule_target(schedule_id: str, target_id: str = "") -> ScheduleTarget:
    """A :class:`ScheduleTarget` from plain text; without a ``target_id`` it has the schedule's."""
    return ScheduleTarget(TargetId(target_id or schedule_id), ScheduleId(schedule_id))


class Selection(StrEnum):
    """Which targets of a level an incident notifies: all of them, or one, by turns."""

    ALL = "all"
    ROUND_ROBIN = "round_robin"


@dataclass(frozen=True, slots=True)
class EscalationLevel:
    """Targets that are notified together or by turns, and how long they have to acknowledge."""

    targets: tuple[PolicyTarget, ...]
    acknowledgement_timeout: timedelta = DEFAULT_ACKNOWLEDGEMENT_TIMEOUT
    selection: Selection = Selection.ALL

    def __post_init__(self) -> None:
        if not 1 <= len(self.targets) <= MAX_TARGETS_PER_LEVEL:
            raise InvalidField("targets", f"must be 1 to {MAX_TARGETS_PER_LEVEL}")
        _refuse_repeats("target_id", (target.target_id for target in self.targets))
        for kind, name in _NAMES.items():
            _refuse_repeats(kind, (found for target in self.targets if (found := name(target))))
        if not MIN_ACKNOWLEDGEMENT_TIMEOUT <= self.acknowledgement_timeout <= MAX_ACKNOWLEDGEMENT_TIMEOUT:
            raise InvalidField("acknowledgement_timeout", "must be 1 second to 24 hours")


def checked_levels(levels: tuple[EscalationLevel, ...]) -> tuple[EscalationLevel, ...]:
    """``levels`` if there are 1 to 20."""
    if not 1 <= len(levels) <= MAX_LEVELS:
        raise InvalidField("levels", f"must be 1 to {MAX_LEVELS}")
    return levels


def people_in(levels: Iterable[EscalationLevel]) -> set[PersonId]:
    """The people that ``levels`` name themselves, not by a schedule."""
    return {target.person_id for level in levels for target in level.targets if isinstance(target, PersonTarget)}


def schedules_in(levels: Iterable[EscalationLevel]) -> set[ScheduleId]:
    """The schedules that ``levels`` name."""
    return {target.schedule_id for level in levels for target in level.targets if isinstance(target, ScheduleTarget)}


def require_known(levels: Iterable[EscalationLevel], people: Collection[str], schedules: Collection[str]) -> None:
    """Refuses a level that names somebody or something else than ``people`` and ``schedules``.

    Raises:
        TargetUnknown: names the first one and where it stands, like ``levels[0].targets[1].person_id``.
    """
    for number, level in enumerate(levels):
        for place, target in enumerate(level.targets):
            path = f"levels[{number}].targets[{place}]"
            if isinstance(target, PersonTarget) and target.person_id not in people:
                raise TargetUnknown(f"{path}.person_id", "person", target.person_id)
            if isinstance(target, ScheduleTarget) and target.schedule_id not in schedules:
                raise TargetUnknown(f"{path}.schedule_id", "schedule", target.schedule_id)


def _address_of(target: PolicyTarget) -> str:
    if isinstance(target, EmailTarget):
        return target.address.value.lower()
    return target.number.value if isinstance(target, SmsTarget) else ""


def _person_of(target: PolicyTarget) -> str:
    return target.person_id if isinstance(target, PersonTarget) else ""


def _schedule_of(target: PolicyTarget) -> str:
    return target.schedule_id if isinstance(target, ScheduleTarget) else ""


_NAMES = {"address": _address_of, "person": _person_of, "schedule": _schedule_of}


def _refuse_repeats(what: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise InvalidField("targets", f"must not name the same {what} twice")
        seen.add(value)
