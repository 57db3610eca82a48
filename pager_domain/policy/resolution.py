"""Whom a policy pages at a moment: its levels with concrete people, in the order in which it names them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pager_domain.kernel import MAX_TARGETS_PER_LEVEL
from pager_domain.policy.directory import FoundPolicy
from pager_domain.policy.levels import (
    EmailTarget,
    EscalationLevel,
    PersonTarget,
    PolicyTarget,
    ScheduleTarget,
    Selection,
    SmsTarget,
)
from pager_domain.policy.people import PersonDefinition, PersonId
from pager_domain.policy.resolved import (
    LaterTargets,
    ResolvedEscalation,
    ResolvedLevel,
    ResolvedRule,
    ResolvedStep,
    ResolvedTarget,
    UnreachedReason,
    UnreachedTarget,
)
from pager_domain.policy.schedules import OnCall, ScheduleId, Shift
from pager_domain.policy.timetable import Timetable, shift_at
from pager_domain.policy.urgency import PersonalRules, personal_rules

TurnOf = Callable[[int], int]
"""The turn, from 0, of a level that is counted from 1."""

_Found = tuple[list[ResolvedTarget], list[UnreachedTarget]]


@dataclass(frozen=True, slots=True)
class Moment:
    """When people are looked up, how far ahead, and which revision of the schedules counts (the newest if None)."""

    at: datetime
    forecast: timedelta = timedelta(0)
    schedules_of: datetime | None = None


class Resolver:
    """Answers for one batch: what many questions share is worked out once."""

    def __init__(self, timetable: Timetable, people: Mapping[PersonId, PersonDefinition]) -> None:
        self._timetable = timetable
        self._people = people
        self._rules: dict[PersonId, PersonalRules | None] = {}

    def resolve(self, found: FoundPolicy, moment: Moment, turn_of: TurnOf) -> ResolvedEscalation:
        """Whom ``found`` pages."""
        levels = [
            self.level(level, moment, turn_of(number) if level.selection is Selection.ROUND_ROBIN else 0)
            for number, level in enumerate(found.levels, 1)
        ]
        return ResolvedEscalation(
            found.policy_id,
            found.revision,
            tuple(levels),
            found.repeat_count,
            found.defaulted,
            found.acknowledgement_expiry,
            found.reopen_window,
        )

    def level(self, level: EscalationLevel, moment: Moment, turn: int) -> ResolvedLevel:
        """Whom ``level`` notifies; ``turn`` counts where its targets take turns."""
        shifts = self._shifts(level, moment)
        targets, unreached = self._notified(level, shifts, moment.at, turn)
        later: list[LaterTargets] = []
        for start in _changes(shifts.values(), moment.at):
            then, _ = self._notified(level, shifts, start, turn)
            if then != (later[-1].targets if later else targets):
                later.append(LaterTargets(start, then))
        return ResolvedLevel(targets, level.acknowledgement_timeout, unreached, tuple(later))

    def _shifts(self, level: EscalationLevel, moment: Moment) -> dict[ScheduleId, list[Shift]]:
        named = [target.schedule_id for target in level.targets if isinstance(target, ScheduleTarget)]
        found = {
            name: self._timetable.shifts((name, moment.schedules_of), moment.at, moment.forecast) for name in named
        }
        return {name: shifts for name, shifts in found.items() if shifts is not None}

    def _notified(
        self, level: EscalationLevel, shifts: Mapping[ScheduleId, list[Shift]], at: datetime, turn: int
    ) -> tuple[tuple[ResolvedTarget, ...], tuple[UnreachedTarget, ...]]:
        answers = [(target, self._target(target, shifts, at)) for target in level.targets]
        if level.selection is Selection.ROUND_ROBIN:
            answers = _by_turn(answers, turn)
        reached = [each for _, (targets, _) in answers for each in targets]
        unreached = [each for _, (_, missing) in answers for each in missing]
        return _each_person_once(reached), tuple(unreached)

    def _target(self, target: PolicyTarget, shifts: Mapping[ScheduleId, list[Shift]], at: datetime) -> _Found:
        match target:
            case EmailTarget():
                return [ResolvedTarget(target.target_id, _one_page(ResolvedStep(timedelta(0), target.address)))], []
            case SmsTarget():
                return [ResolvedTarget(target.target_id, _one_page(ResolvedStep(timedelta(0), target.number)))], []
            case PersonTarget():
                answer = self._person(target, target.person_id)
                return ([answer], []) if isinstance(answer, ResolvedTarget) else ([], [answer])
            case ScheduleTarget():
                return self._schedule(target, shifts, at)

    def _schedule(self, target: ScheduleTarget, shifts: Mapping[ScheduleId, list[Shift]], at: datetime) -> _Found:
        name = target.schedule_id
        if name not in shifts:
            return [], [UnreachedTarget(target.target_id, UnreachedReason.SCHEDULE_UNKNOWN, schedule_id=name)]
        duty = shift_at(shifts[name], at).on_call
        if not duty:
            return [], [UnreachedTarget(target.target_id, UnreachedReason.NOBODY_ON_CALL, schedule_id=name)]
        answers = [self._person(target, each.person_id, name, each) for each in duty]
        reached = [answer for answer in answers if isinstance(answer, ResolvedTarget)]
        return reached, [answer for answer in answers if isinstance(answer, UnreachedTarget)]

    def _person(
        self,
        target: PolicyTarget,
        person_id: PersonId,
        schedule_id: ScheduleId | None = None,
        duty: OnCall | None = None,
    ) -> ResolvedTarget | UnreachedTarget:
        if person_id not in self._people:
            return UnreachedTarget(target.target_id, UnreachedReason.PERSON_UNKNOWN, person_id, schedule_id)
        rules = self._rules_of(person_id)
        if rules is None:
            reason = UnreachedReason.NO_VERIFIED_CONTACT_METHOD
            return UnreachedTarget(target.target_id, reason, person_id, schedule_id)
        layer_id, override_id = (duty.layer_id, duty.override_id) if duty else (None, None)
        return ResolvedTarget(target.target_id, rules.high, rules.low, person_id, schedule_id, layer_id, override_id)

    def _rules_of(self, person_id: PersonId) -> PersonalRules | None:
        if person_id not in self._rules:
            self._rules[person_id] = personal_rules(self._people[person_id])
        return self._rules[person_id]


def _one_page(step: ResolvedStep) -> ResolvedRule:
    return ResolvedRule((step,))


def _changes(shifts: Iterable[list[Shift]], after: datetime) -> list[datetime]:
    return sorted({shift.starts_at for found in shifts for shift in found if shift.starts_at > after})


def _by_turn(answers: list[tuple[PolicyTarget, _Found]], turn: int) -> list[tuple[PolicyTarget, _Found]]:
    """The first target, from the one whose turn it is on, at which somebody is reached; the others wait."""
    order = [(turn + step) % len(answers) for step in range(len(answers))]
    chosen = next((index for index in order if answers[index][1][0]), None)
    return [
        (target, found if index == chosen or not found[0] else ([], [_waiting(target)]))
        for index, (target, found) in enumerate(answers)
    ]


def _waiting(target: PolicyTarget) -> UnreachedTarget:
    person_id = target.person_id if isinstance(target, PersonTarget) else None
    schedule_id = target.schedule_id if isinstance(target, ScheduleTarget) else None
    return UnreachedTarget(target.target_id, UnreachedReason.NOT_ITS_TURN, person_id, schedule_id)


def _each_person_once(targets: Iterable[ResolvedTarget]) -> tuple[ResolvedTarget, ...]:
    """Somebody whom several targets name is notified through the first one; at most 50 are notified."""
    kept: list[ResolvedTarget] = []
    seen: set[PersonId] = set()
    for target in targets:
        if target.person_id is None or target.person_id not in seen:
            kept.append(target)
            if target.person_id is not None:
                seen.add(target.person_id)
    return tuple(kept[:MAX_TARGETS_PER_LEVEL])
