"""Would every page of a policy reach somebody? Looked at ahead of time, from now to a horizon.

What a level notifies comes from the same rules that resolve it when it pages.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from pager_domain.policy.directory import FoundPolicy
from pager_domain.policy.findings import Finding, FindingKind, Span
from pager_domain.policy.levels import EscalationLevel, Selection, people_in, schedules_in
from pager_domain.policy.people import ContactMethodId, PersonDefinition, PersonId
from pager_domain.policy.resolution import Moment, Resolver
from pager_domain.policy.resolved import ResolvedTarget
from pager_domain.policy.schedules import Shift
from pager_domain.policy.timetable import Timetable

T = TypeVar("T")

Reached = frozenset[str]
"""The people, and the addresses of nobody in particular, that one incident reaches at a level."""
Ways = frozenset[Reached]
"""Whom a level may reach at a moment: one set, or one for each turn."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of the future from ``start`` on for ``horizon``."""

    timetable: Timetable
    people: Mapping[PersonId, PersonDefinition]
    start: datetime
    horizon: timedelta

    @property
    def span(self) -> Span:
        """All of it."""
        return Span(self.start, self.start + self.horizon)


def findings_of(policy: FoundPolicy, outlook: Outlook) -> list[Finding]:
    """What is wrong with ``policy``; errors first."""
    resolver = Resolver(outlook.timetable, outlook.people)
    seen = [_seen(resolver, level, outlook) for level in policy.levels]
    reached = _Reached(seen, outlook)
    found = [
        *(Finding(FindingKind.NOBODY_REACHED, policy.policy_id, span=span) for span in reached.where(_nobody)),
        *(
            Finding(FindingKind.SINGLE_POINT_OF_FAILURE, policy.policy_id, span=span)
            for span in reached.where(_one_alone)
        ),
    ]
    for number, level in enumerate(policy.levels, 1):
        found += _gaps(policy, number, level, outlook)
        found += _late(policy, number, level, seen[number - 1])
    found += _people(policy, outlook)
    if len(_channels(seen)) == 1:
        found.append(Finding(FindingKind.ONE_CHANNEL, policy.policy_id))
    return found


@dataclass(frozen=True, slots=True)
class _Notified:
    """Whom a level notifies from a moment on, for each turn there is."""

    starts_at: datetime
    turns: tuple[tuple[ResolvedTarget, ...], ...]


def _seen(resolver: Resolver, level: EscalationLevel, outlook: Outlook) -> list[_Notified]:
    turns = len(level.targets) if level.selection is Selection.ROUND_ROBIN else 1
    by_turn = [_in_time(resolver, level, outlook, turn) for turn in range(turns)]
    moments = sorted({moment for changes in by_turn for moment, _ in changes})
    return [_Notified(at, tuple(_at(changes, at) for changes in by_turn)) for at in moments]


def _in_time(
    resolver: Resolver, level: EscalationLevel, outlook: Outlook, turn: int
) -> list[tuple[datetime, tuple[ResolvedTarget, ...]]]:
    answer = resolver.level(level, Moment(outlook.start, outlook.horizon), turn)
    later = [(each.starts_at, each.targets) for each in answer.later_targets]
    return [(outlook.start, answer.targets), *later]


class _Reached:
    """Whom each level reaches in time, moment by moment."""

    def __init__(self, seen: Sequence[Sequence[_Notified]], outlook: Outlook) -> None:
        self._levels = [[(each.starts_at, _ways(each)) for each in level] for level in seen]
        self._end = outlook.span.ends_at
        self._moments = sorted({moment for level in self._levels for moment, _ in level})

    def where(self, true: Callable[[Sequence[Ways]], bool]) -> Iterator[Span]:
        """The longest spans in which ``true`` holds of what the levels reach."""
        begin: datetime | None = None
        for moment in self._moments:
            holds = true([_at(level, moment) for level in self._levels])
            if holds and begin is None:
                begin = moment
            elif not holds and begin is not None:
                yield Span(begin, moment)
                begin = None
        if begin is not None:
            yield Span(begin, self._end)


def _ways(notified: _Notified) -> Ways:
    return frozenset(frozenset(_name(target) for target in targets) for targets in notified.turns)


def _name(target: ResolvedTarget) -> str:
    return f"person {target.person_id}" if target.person_id else f"address {target.high.steps[0].address.value}"


def _at(changes: Sequence[tuple[datetime, T]], moment: datetime) -> T:
    return changes[bisect_right(changes, moment, key=lambda change: change[0]) - 1][1]


def _nobody(levels: Sequence[Ways]) -> bool:
    return not any(reached for ways in levels for reached in ways)


def _one_alone(levels: Sequence[Ways]) -> bool:
    """There is somebody without whom an incident reaches nobody, as the turns may fall."""
    everybody = {name for ways in levels for reached in ways for name in reached}
    return any(all(any(reached <= {name} for reached in ways) for ways in levels) for name in everybody)


def _gaps(policy: FoundPolicy, number: int, level: EscalationLevel, outlook: Outlook) -> list[Finding]:
    return [
        Finding(FindingKind.SCHEDULE_GAP, policy.policy_id, number, schedule_id=schedule_id, span=gap)
        for schedule_id in sorted(schedules_in([level]))
        for gap in _empty(outlook.timetable.shifts((schedule_id, None), outlook.start, outlook.horizon), outlook)
    ]


def _empty(shifts: Sequence[Shift] | None, outlook: Outlook) -> list[Span]:
    if shifts is None:
        return [outlook.span]
    return [Span(shift.starts_at, shift.ends_at) for shift in shifts if not shift.on_call]


def _channels(seen: Sequence[Sequence[_Notified]]) -> set[type]:
    targets = (target for level in seen for each in level for targets in each.turns for target in targets)
    rules = (rule for target in targets for rule in (target.high, target.low) if rule is not None)
    return {type(step.address) for rule in rules for step in rule.steps}


def _late(policy: FoundPolicy, number: int, level: EscalationLevel, seen: Sequence[_Notified]) -> list[Finding]:
    """Those whose rule waits as long as the level does, so that the pager takes its first step at once instead."""
    late = {
        target.person_id
        for each in seen
        for targets in each.turns
        for target in targets
        if target.person_id and _first_delay(target) >= level.acknowledgement_timeout
    }
    return [
        Finding(FindingKind.PAGE_TOO_LATE, policy.policy_id, number, person_id=person_id) for person_id in sorted(late)
    ]


def _first_delay(target: ResolvedTarget) -> timedelta:
    return max(rule.steps[0].delay for rule in (target.high, target.low or target.high))


def _people(policy: FoundPolicy, outlook: Outlook) -> list[Finding]:
    named = people_in(policy.levels)
    for schedule_id in schedules_in(policy.levels):
        shifts = outlook.timetable.shifts((schedule_id, None), outlook.start, outlook.horizon) or []
        named |= {duty.person_id for shift in shifts for duty in shift.on_call}
    return [finding for person_id in sorted(named) for finding in _person(policy, person_id, outlook)]


def _person(policy: FoundPolicy, person_id: PersonId, outlook: Outlook) -> list[Finding]:
    person = outlook.people.get(person_id)
    verified = {each.contact_method_id for each in person.contact_methods if each.verified_at} if person else set()
    if person is None or not verified:
        return [Finding(FindingKind.NO_VERIFIED_CONTACT_METHOD, policy.policy_id, person_id=person_id)]
    return [
        Finding(FindingKind.UNVERIFIED_STEP, policy.policy_id, person_id=person_id, contact_method_id=method)
        for method in sorted(_methods_in_rules(person) - verified)
    ]


def _methods_in_rules(person: PersonDefinition) -> set[ContactMethodId]:
    rules = [rule for rule in (person.high_urgency_rule, person.low_urgency_rule) if rule is not None]
    return {step.contact_method_id for rule in rules for step in rule.steps}
