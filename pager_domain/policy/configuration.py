"""Configuration as code: what a document wants, what of it differs from what is stored, and whom that concerns."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Generic, TypeVar

from pager_domain.errors import InvalidField
from pager_domain.kernel import MonitoredServiceId, PolicyId
from pager_domain.policy.model import EscalationPolicy, PolicyDefinition
from pager_domain.policy.people import Person, PersonDefinition, PersonId
from pager_domain.policy.revisions import Definition, Kind, Record, Revisioned
from pager_domain.policy.rota import shifts
from pager_domain.policy.schedules import Schedule, ScheduleDefinition, Shift

MAX_ENTRIES = 10_000
DUTY_SPAN = timedelta(days=7)

D = TypeVar("D", bound=Definition)
R = TypeVar("R", bound=Revisioned[Any])


@dataclass(frozen=True, slots=True)
class Configuration:
    """What shall be. With ``pruned`` nothing else shall."""

    people: tuple[PersonDefinition, ...] = ()
    schedules: tuple[ScheduleDefinition, ...] = ()
    policies: tuple[PolicyDefinition, ...] = ()
    pruned: bool = False

    def __post_init__(self) -> None:
        _check_ids("people", "person_id", self.people)
        _check_ids("schedules", "schedule_id", self.schedules)
        _check_ids("escalation_policies", "policy_id", self.policies)
        _check_coverage(self.policies)


class Action(StrEnum):
    """What becomes of an entry."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Step(Generic[D, R]):
    """What becomes of one entry: ``before`` is as it was stored, ``after`` as it will be, None where it is not."""

    kind: Kind[D, R]
    entry_id: str
    before: R | None
    after: R | None

    @property
    def action(self) -> Action | None:
        """None: it is as it should be already."""
        if self.before is self.after:
            return None
        if self.before is None:
            return Action.CREATED
        return Action.DELETED if self.after is None else Action.UPDATED

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of what differs in an updated entry; what stands in them may be somebody's address."""
        if self.before is None or self.after is None:
            return ()
        old, new = self.before.definition, self.after.definition
        return tuple(f.name for f in fields(new) if getattr(old, f.name) != getattr(new, f.name))


@dataclass(frozen=True, slots=True)
class DutyChange:
    """For how long a person is on call in the next seven days on the schedules that change, before and after."""

    person_id: PersonId
    current: timedelta
    planned: timedelta


@dataclass(frozen=True, slots=True)
class Plan:
    """Every entry that was looked at, in order: people, schedules, policies, each by id."""

    people: tuple[Step[PersonDefinition, Person], ...]
    schedules: tuple[Step[ScheduleDefinition, Schedule], ...]
    policies: tuple[Step[PolicyDefinition, EscalationPolicy], ...]

    @property
    def steps(self) -> tuple[Step[Any, Any], ...]:
        """All of them."""
        return (*self.people, *self.schedules, *self.policies)

    @property
    def changes(self) -> tuple[Step[Any, Any], ...]:
        """Those with something to do."""
        return tuple(step for step in self.steps if step.action is not None)

    @property
    def base_etag(self) -> str:
        """Changes with the stored state of what was looked at."""
        state = "\n".join(f"{s.kind.name}/{s.entry_id}/{s.before.etag if s.before else ''}" for s in self.steps)
        return hashlib.sha256(state.encode()).hexdigest()[:32]

    def duty_changes(self, now: datetime) -> tuple[DutyChange, ...]:
        """Whose time on call changes, by id."""
        changing = [step for step in self.schedules if step.action is not None]
        current = _duty((step.before for step in changing), now)
        planned = _duty((step.after for step in changing), now)
        zero = timedelta()
        everybody = sorted({*current, *planned})
        found = (DutyChange(who, current.get(who, zero), planned.get(who, zero)) for who in everybody)
        return tuple(change for change in found if change.current != change.planned)


Kept = Callable[[D, D | None, datetime], D]
"""What is stored of a wanted definition, given the stored one and the moment."""


def planned_steps(
    records: Mapping[str, Record[D, R]],
    wanted: Iterable[D],
    kept: Kept[D],
    now: datetime,
) -> tuple[Step[D, R], ...]:
    """What becomes of the entries in ``records``; those that nobody ``wanted`` end.

    ``kept`` makes of a wanted definition and the stored one what shall be stored: what the document does not say (who
    is verified, who stands in for whom) stays.
    """
    said = {definition.entry_id: definition for definition in wanted}
    return tuple(_step(records[key], said.get(key), kept, now) for key in sorted(records))


def _step(
    record: Record[D, R], wanted: D | None, kept: Callable[[D, D | None, datetime], D], now: datetime
) -> Step[D, R]:
    live = record.live
    if wanted is None:
        return Step(record.kind, record.entry_id, live, None)
    if live is None:
        return Step(record.kind, record.entry_id, None, record.create(kept(wanted, None, now), now))
    return Step(record.kind, record.entry_id, live, record.change(kept(wanted, live.definition, now), now))


def _duty(schedules: Iterable[Schedule | None], now: datetime) -> dict[PersonId, timedelta]:
    """How long each person is on call; on two schedules at once is on call once."""
    spans: dict[PersonId, list[Shift]] = {}
    for schedule in schedules:
        for shift in shifts(schedule.definition, now, now + DUTY_SPAN) if schedule is not None else ():
            for on_call in shift.on_call:
                spans.setdefault(on_call.person_id, []).append(shift)
    return {person: _covered_by(found) for person, found in spans.items()}


def _covered_by(spans: Iterable[Shift]) -> timedelta:
    total, until = timedelta(), None
    for span in sorted(spans, key=lambda span: span.starts_at):
        begins = span.starts_at if until is None else max(span.starts_at, until)
        total += max(span.ends_at - begins, timedelta())
        until = span.ends_at if until is None else max(span.ends_at, until)
    return total


def _check_ids(field: str, name: str, definitions: tuple[Definition, ...]) -> None:
    if len(definitions) > MAX_ENTRIES:
        raise InvalidField(field, f"must be at most {MAX_ENTRIES}")
    seen: set[str] = set()
    for index, definition in enumerate(definitions):
        if definition.entry_id in seen:
            raise InvalidField(f"{field}[{index}].{name}", "must not be there twice")
        seen.add(definition.entry_id)


def _check_coverage(policies: tuple[PolicyDefinition, ...]) -> None:
    """No two of them cover one service, and one is the default at most."""
    seen: dict[MonitoredServiceId, PolicyId] = {}
    for field, service, policy in _covered(policies):
        if (other := seen.setdefault(service, policy)) != policy:
            raise InvalidField(field, f"must not be covered by {other!r} as well")
    defaults = [index for index, policy in enumerate(policies) if policy.default_policy]
    if len(defaults) > 1:
        raise InvalidField(f"escalation_policies[{defaults[1]}].default_policy", "must be one policy at most")


def _covered(policies: tuple[PolicyDefinition, ...]) -> Iterator[tuple[str, MonitoredServiceId, PolicyId]]:
    for index, policy in enumerate(policies):
        for at, service in enumerate(policy.monitored_service_ids):
            yield f"escalation_policies[{index}].monitored_service_ids[{at}]", service, policy.policy_id
