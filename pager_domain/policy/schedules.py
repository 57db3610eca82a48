"""Schedules: what people say about who is on call when. What follows from it stands in ``rota``."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import IntEnum, StrEnum
from typing import NewType

from pager_domain.policy.errors import ScheduleExists, ScheduleStale, ScheduleUnknown
from pager_domain.policy.people import PersonId
from pager_domain.policy.revisions import Kind, Record, Revisioned

ScheduleId = NewType("ScheduleId", str)
LayerId = NewType("LayerId", str)
OverrideId = NewType("OverrideId", str)
ShiftSwapId = NewType("ShiftSwapId", str)


class Unit(StrEnum):
    """What a shift is measured in: hours that pass, or calendar days and weeks by the clock on the wall."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"


@dataclass(frozen=True, slots=True)
class Rotation:
    """``people`` take turns of ``length`` units; the first turn begins at ``starts_at``, wall time, naive."""

    people: tuple[PersonId, ...]
    unit: Unit
    starts_at: datetime
    length: int = 1


class Weekday(IntEnum):
    """As :meth:`datetime.date.isoweekday` counts."""

    MONDAY = 1
    TUESDAY = 2
    WEDNESDAY = 3
    THURSDAY = 4
    FRIDAY = 5
    SATURDAY = 6
    SUNDAY = 7


@dataclass(frozen=True, slots=True)
class Restriction:
    """A part of the week: on each of ``days`` (all if empty) from ``start`` to ``end`` by the clock on the wall.

    An ``end`` that is not after ``start`` is on the next day.
    """

    days: frozenset[Weekday] = frozenset()
    start: time = time(0)
    end: time = time(0)


@dataclass(frozen=True, slots=True)
class Layer:
    """A rotation and when it counts. A ``covering`` one hides the layers before it, also where it names nobody."""

    layer_id: LayerId
    rotation: Rotation
    restrictions: tuple[Restriction, ...] = ()
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    covering: bool = False


@dataclass(frozen=True, slots=True)
class Add:
    """Somebody beside whoever is on call."""

    person_id: PersonId


@dataclass(frozen=True, slots=True)
class Remove:
    """Somebody less, and nobody in the place."""

    person_id: PersonId


@dataclass(frozen=True, slots=True)
class Replace:
    """Somebody in the place of ``replaced``; of whoever is on call, or nobody, if that is None."""

    person_id: PersonId
    replaced: PersonId | None = None


@dataclass(frozen=True, slots=True)
class Override:
    """A change for a time, on top of all layers."""

    override_id: OverrideId
    starts_at: datetime
    ends_at: datetime
    change: Add | Remove | Replace
    reason: str = ""

    @property
    def people(self) -> frozenset[PersonId]:
        """Whom it names."""
        replaced = self.change.replaced if isinstance(self.change, Replace) else None
        return frozenset({self.change.person_id} | ({replaced} if replaced is not None else set()))


class SwapState(StrEnum):
    """What became of a shift swap."""

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class ShiftSwap:
    """One person asks another to take over; an accepted one becomes an override."""

    shift_swap_id: ShiftSwapId
    from_person: PersonId
    to_person: PersonId
    starts_at: datetime
    ends_at: datetime
    reason: str = ""
    state: SwapState = SwapState.REQUESTED


@dataclass(frozen=True, slots=True)
class ScheduleDefinition:
    """All that decides who is on call; a later layer counts on top of an earlier one, a later override too."""

    schedule_id: ScheduleId
    time_zone: str
    layers: tuple[Layer, ...]
    display_name: str = ""
    overrides: tuple[Override, ...] = ()
    shift_swaps: tuple[ShiftSwap, ...] = ()

    @property
    def entry_id(self) -> str:
        """The id, which never changes."""
        return self.schedule_id

    @property
    def people(self) -> frozenset[PersonId]:
        """Everybody whom it names anywhere."""
        turns = {person for layer in self.layers for person in layer.rotation.people}
        changes = {person for override in self.overrides for person in override.people}
        return frozenset(turns | changes | {p for swap in self.shift_swaps for p in (swap.from_person, swap.to_person)})


class Schedule(Revisioned[ScheduleDefinition]):
    """One revision of a schedule; the newest one, unless said."""

    __slots__ = ()

    @property
    def schedule_id(self) -> ScheduleId:
        """The id, which never changes."""
        return self.definition.schedule_id


ScheduleRecord = Record[ScheduleDefinition, Schedule]
SCHEDULES = Kind("schedule", Schedule, ScheduleUnknown, ScheduleExists, ScheduleStale)


@dataclass(frozen=True, slots=True)
class OnCall:
    """One person on call, and why."""

    person_id: PersonId
    layer_id: LayerId | None = None
    override_id: OverrideId | None = None


@dataclass(frozen=True, slots=True)
class Shift:
    """A span of time, in UTC, with one answer; a gap if nobody is on call."""

    starts_at: datetime
    ends_at: datetime
    on_call: tuple[OnCall, ...]

    @property
    def length(self) -> timedelta:
        """How long it lasts."""
        return self.ends_at - self.starts_at
