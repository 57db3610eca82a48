"""How a schedule changes: its layers, overrides and shift swaps. Each function returns the definition that is then.

A change that is there already returns the same definition, so that a repeat makes no revision. Every other one also
drops the overrides and shift swaps that have been over for more than 30 days.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pager_domain.errors import InvalidField, NotAllowed
from pager_domain.policy.people import PersonId
from pager_domain.policy.rota import shifts
from pager_domain.policy.schedule_errors import (
    NotOnCall,
    OverrideExists,
    OverrideUnknown,
    ShiftSwapAnswered,
    ShiftSwapExists,
    ShiftSwapOver,
    ShiftSwapUnknown,
)
from pager_domain.policy.schedules import (
    OVERRIDES_OF_SWAPS,
    Override,
    OverrideId,
    Replace,
    ScheduleDefinition,
    ShiftSwap,
    ShiftSwapId,
    SwapState,
)

KEPT_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Naming:
    """Where a schedule names a person: in an override, in a shift swap, or else in a layer."""

    override_id: str = ""
    shift_swap_id: str = ""


IN_A_LAYER = Naming()


def naming_of(definition: ScheduleDefinition, person: PersonId, now: datetime) -> Naming | None:
    """The first place that names ``person``, or None; what the next change drops does not count."""
    kept = _without_old(definition, now)
    if any(person in layer.rotation.people for layer in kept.layers):
        return IN_A_LAYER
    for override in kept.overrides:
        if person in override.people:
            return Naming(override_id=override.override_id)
    swaps = (swap for swap in kept.shift_swaps if person in {swap.from_person, swap.to_person})
    return next((Naming(shift_swap_id=swap.shift_swap_id) for swap in swaps), None)


def redefined(before: ScheduleDefinition, wanted: ScheduleDefinition, now: datetime) -> ScheduleDefinition:
    """The name, the zone and the layers of ``wanted``; overrides and shift swaps stay."""
    after = replace(wanted, overrides=before.overrides, shift_swaps=before.shift_swaps)
    return before if after == before else _without_old(after, now)


def with_override(before: ScheduleDefinition, override: Override, now: datetime) -> ScheduleDefinition:
    """One override more, on top of the others.

    Raises:
        OverrideExists: there is one of this id with other content.
        InvalidField: it is over, or its id is one of those that shift swaps get.
    """
    there = _override_of(before, override.override_id)
    if there == override:
        return before
    if there is not None:
        raise OverrideExists(before.schedule_id, override.override_id)
    if override.override_id.startswith(OVERRIDES_OF_SWAPS):
        raise InvalidField("override.override_id", f"must not begin with {OVERRIDES_OF_SWAPS}")
    _refuse_what_is_over("override.end_time", override.ends_at, now)
    kept = _without_old(before, now)
    return replace(kept, overrides=(*kept.overrides, override))


def without_override(before: ScheduleDefinition, override_id: OverrideId, now: datetime) -> ScheduleDefinition:
    """One override less; a shift swap that made it is withdrawn.

    Raises:
        OverrideUnknown: there is none of this id.
    """
    if _override_of(before, override_id) is None:
        raise OverrideUnknown(before.schedule_id, override_id)
    rest = tuple(override for override in before.overrides if override.override_id != override_id)
    swaps = tuple(
        replace(swap, state=SwapState.WITHDRAWN) if _override_id_of(swap) == override_id else swap
        for swap in before.shift_swaps
    )
    return _without_old(replace(before, overrides=rest, shift_swaps=swaps), now)


def with_shift_swap(before: ScheduleDefinition, swap: ShiftSwap, now: datetime) -> ScheduleDefinition:
    """One shift swap more, waiting; a repeat leaves it as it was answered.

    Raises:
        ShiftSwapExists: there is one of this id with other content.
        NotOnCall: whoever gives is not on call in that time.
        InvalidField: it is over.
    """
    there = _swap_of(before, swap.shift_swap_id)
    if there is not None and replace(there, state=swap.state) == swap:
        return before
    if there is not None:
        raise ShiftSwapExists(before.schedule_id, swap.shift_swap_id)
    _refuse_what_is_over("shift_swap.end_time", swap.ends_at, now)
    _require_on_call(before, swap.from_person, swap)
    kept = _without_old(before, now)
    return replace(kept, shift_swaps=(*kept.shift_swaps, swap))


def with_answer(
    before: ScheduleDefinition,
    shift_swap_id: ShiftSwapId,
    answer: SwapState,
    now: datetime,
    by: PersonId | None = None,
) -> ScheduleDefinition:
    """A shift swap answered; an accepted one is an override too. ``by`` None may answer for anybody.

    Raises:
        ShiftSwapUnknown: there is none of this id, or it is between others.
        NotAllowed: that answer is the other one's.
        ShiftSwapAnswered: it has another answer.
        ShiftSwapOver: its time is over.
        NotOnCall: it is accepted, but whoever gives is not on call any more.
    """
    swap = _swap_of(before, shift_swap_id)
    if swap is None:
        raise ShiftSwapUnknown(before.schedule_id, shift_swap_id)
    if by is not None:
        _require_answerer(before, swap, answer, by)
    if swap.state is answer:
        return before
    if swap.state is not SwapState.REQUESTED:
        raise ShiftSwapAnswered(before.schedule_id, shift_swap_id, swap.state.value)
    if swap.ends_at <= now:
        raise ShiftSwapOver(before.schedule_id, shift_swap_id)
    if answer is SwapState.ACCEPTED:
        _require_on_call(before, swap.from_person, swap)
    kept = _without_old(before, now)
    swaps = tuple(replace(each, state=answer) if each is swap else each for each in kept.shift_swaps)
    overrides = (*kept.overrides, _override_by(swap)) if answer is SwapState.ACCEPTED else kept.overrides
    return replace(kept, shift_swaps=swaps, overrides=overrides)


def _require_answerer(before: ScheduleDefinition, swap: ShiftSwap, answer: SwapState, by: PersonId) -> None:
    if by not in {swap.from_person, swap.to_person}:
        raise ShiftSwapUnknown(before.schedule_id, swap.shift_swap_id)
    if by != (swap.from_person if answer is SwapState.WITHDRAWN else swap.to_person):
        raise NotAllowed(f"person {by!r}", f"answer {answer.value!r} to shift swap {swap.shift_swap_id!r}")


def shift_swap_in(definition: ScheduleDefinition, shift_swap_id: ShiftSwapId) -> ShiftSwap:
    """The shift swap of that id.

    Raises:
        ShiftSwapUnknown: there is none.
    """
    swap = _swap_of(definition, shift_swap_id)
    if swap is None:
        raise ShiftSwapUnknown(definition.schedule_id, shift_swap_id)
    return swap


def _override_by(swap: ShiftSwap) -> Override:
    change = Replace(swap.to_person, replaced=swap.from_person)
    return Override(_override_id_of(swap), swap.starts_at, swap.ends_at, change, swap.reason)


def _override_id_of(swap: ShiftSwap) -> OverrideId:
    return OverrideId(OVERRIDES_OF_SWAPS + swap.shift_swap_id)


def _require_on_call(definition: ScheduleDefinition, person: PersonId, swap: ShiftSwap) -> None:
    found = shifts(definition, swap.starts_at, swap.ends_at)
    if not any(one.person_id == person for shift in found for one in shift.on_call):
        raise NotOnCall(definition.schedule_id, person)


def _refuse_what_is_over(field: str, end: datetime, now: datetime) -> None:
    if end <= now:
        raise InvalidField(field, "must be in the future")


def _override_of(definition: ScheduleDefinition, override_id: OverrideId) -> Override | None:
    return next((override for override in definition.overrides if override.override_id == override_id), None)


def _swap_of(definition: ScheduleDefinition, shift_swap_id: ShiftSwapId) -> ShiftSwap | None:
    return next((swap for swap in definition.shift_swaps if swap.shift_swap_id == shift_swap_id), None)


def _without_old(definition: ScheduleDefinition, now: datetime) -> ScheduleDefinition:
    oldest = now - KEPT_FOR
    overrides = tuple(override for override in definition.overrides if override.ends_at >= oldest)
    swaps = tuple(swap for swap in definition.shift_swaps if swap.ends_at >= oldest)
    return replace(definition, overrides=overrides, shift_swaps=swaps)
