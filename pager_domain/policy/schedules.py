"""Schedules: what people say about who is on call when. What follows from it stands in ``rota``.

A value that is malformed names its field as the contract calls it, with the path from the value down.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import IntEnum, StrEnum
from typing import NewType

from pager_domain.errors import InvalidField
from pager_domain.kernel import checked_id, checked_text
from pager_domain.policy.errors import ScheduleExists, ScheduleStale, ScheduleUnknown
from pager_domain.policy.people import PersonId
from pager_domain.policy.revisions import Kind, Record, Revisioned
from pager_domain.wall_time import checked_calendar_moment, checked_span, checked_wall_time, zone_named

ScheduleId = NewType("ScheduleId", str)
LayerId = NewType("LayerId", str)
OverrideId = NewType("OverrideId", str)
ShiftSwapId = NewType("ShiftSwapId", str)

MAX_NAME_BYTES = 255
MAX_REASON_BYTES = 255
MAX_PEOPLE = 100
MAX_LENGTH = 1000
MAX_LAYERS = 20
MAX_RESTRICTIONS = 50
MAX_CHANGES = 500
"""At most so many overrides of a schedule, and as many shift swaps, have not ended or ended within the last 30 days."""
MAX_SWAP_ID_BYTES = 250
OVERRIDES_OF_SWAPS = "swap/"
"""So begins the id of an override that a shift swap has become; the id of the swap follows."""


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

    def __post_init__(self) -> None:
        if not 1 <= len(self.people) <= MAX_PEOPLE:
            raise InvalidField("person_ids", f"must be 1 to {MAX_PEOPLE}")
        for index, person in enumerate(self.people):
            checked_id(f"person_ids[{index}]", person)
        if not 1 <= self.length <= MAX_LENGTH:
            raise InvalidField("length", f"must be 1 to {MAX_LENGTH}")
        object.__setattr__(self, "starts_at", checked_wall_time("start_local_time", self.starts_at))


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

    def __post_init__(self) -> None:
        for field, value in (("start_local_time", self.start), ("end_local_time", self.end)):
            if value.tzinfo is not None or value.microsecond:
                raise InvalidField(field, "must be a local time like 09:00")


@dataclass(frozen=True, slots=True)
class Layer:
    """A rotation and when it counts. A ``covering`` one hides the layers before it, also where it names nobody."""

    layer_id: LayerId
    rotation: Rotation
    restrictions: tuple[Restriction, ...] = ()
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    covering: bool = False

    def __post_init__(self) -> None:
        checked_id("layer_id", self.layer_id)
        if len(self.restrictions) > MAX_RESTRICTIONS:
            raise InvalidField("restrictions", f"must be at most {MAX_RESTRICTIONS}")
        if self.starts_at is not None:
            object.__setattr__(self, "starts_at", checked_calendar_moment("start_time", self.starts_at))
        if self.ends_at is not None:
            object.__setattr__(self, "ends_at", checked_calendar_moment("end_time", self.ends_at))
        if self.covering and (self.starts_at is None or self.ends_at is None):
            raise InvalidField("covering", "needs start_time and end_time")
        if self.starts_at is not None and self.ends_at is not None and self.starts_at >= self.ends_at:
            raise InvalidField("end_time", "must be after start_time")


@dataclass(frozen=True, slots=True)
class Add:
    """Somebody beside whoever is on call."""

    person_id: PersonId

    def __post_init__(self) -> None:
        checked_id("person_id", self.person_id)


@dataclass(frozen=True, slots=True)
class Remove:
    """Somebody less, and nobody in the place."""

    person_id: PersonId

    def __post_init__(self) -> None:
        checked_id("person_id", self.person_id)


@dataclass(frozen=True, slots=True)
class Replace:
    """Somebody in the place of ``replaced``; of whoever is on call, or nobody, if that is None."""

    person_id: PersonId
    replaced: PersonId | None = None

    def __post_init__(self) -> None:
        checked_id("person_id", self.person_id)
        if self.replaced is not None:
            checked_id("replaced_person_id", self.replaced)
        if self.replaced == self.person_id:
            raise InvalidField("replaced_person_id", "must be another one than person_id")


@dataclass(frozen=True, slots=True)
class Override:
    """A change for a time, on top of all layers."""

    override_id: OverrideId
    starts_at: datetime
    ends_at: datetime
    change: Add | Remove | Replace
    reason: str = ""

    def __post_init__(self) -> None:
        checked_id("override_id", self.override_id)
        start, end = checked_span(self.starts_at, self.ends_at)
        object.__setattr__(self, "starts_at", start)
        object.__setattr__(self, "ends_at", end)
        checked_text("reason", self.reason, MAX_REASON_BYTES)

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

    def __post_init__(self) -> None:
        checked_text("shift_swap_id", self.shift_swap_id, MAX_SWAP_ID_BYTES, required=True)
        checked_id("shift_swap_id", self.shift_swap_id)
        checked_id("from_person_id", self.from_person)
        checked_id("to_person_id", self.to_person)
        if self.from_person == self.to_person:
            raise InvalidField("to_person_id", "must be another one than from_person_id")
        start, end = checked_span(self.starts_at, self.ends_at)
        object.__setattr__(self, "starts_at", start)
        object.__setattr__(self, "ends_at", end)
        checked_text("reason", self.reason, MAX_REASON_BYTES)


@dataclass(frozen=True, slots=True)
class ScheduleDefinition:
    """All that decides who is on call; a later layer counts on top of an earlier one, a later override too."""

    schedule_id: ScheduleId
    time_zone: str
    layers: tuple[Layer, ...]
    display_name: str = ""
    overrides: tuple[Override, ...] = ()
    shift_swaps: tuple[ShiftSwap, ...] = ()

    def __post_init__(self) -> None:
        checked_id("schedule_id", self.schedule_id)
        checked_text("display_name", self.display_name, MAX_NAME_BYTES)
        zone_named(self.time_zone)
        if not 1 <= len(self.layers) <= MAX_LAYERS:
            raise InvalidField("layers", f"must be 1 to {MAX_LAYERS}")
        _refuse_repeats("layers[{}].layer_id", [layer.layer_id for layer in self.layers])
        for field, many in (("overrides", self.overrides), ("shift_swaps", self.shift_swaps)):
            if len(many) > MAX_CHANGES:
                raise InvalidField(field, f"must be at most {MAX_CHANGES} that are not over for more than 30 days")
        _refuse_repeats("overrides[{}].override_id", [override.override_id for override in self.overrides])
        _refuse_repeats("shift_swaps[{}].shift_swap_id", [swap.shift_swap_id for swap in self.shift_swaps])

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


def _refuse_repeats(field: str, ids: Sequence[str]) -> None:
    seen: set[str] = set()
    for index, each in enumerate(ids):
        if each in seen:
            raise InvalidField(field.format(index), "must not be there twice")
        seen.add(each)
