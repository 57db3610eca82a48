"""Who is on call when: a schedule turned into shifts. Pages, previews and calendars all come from :func:`shifts`.

The span that is asked for is painted: with each layer in its order where it names somebody, then with each override.
Where a turn begins is worked out from its number, so that a rotation of many years costs what a new one does.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pager_domain.policy.people import PersonId
from pager_domain.policy.schedules import (
    Add,
    Layer,
    OnCall,
    Override,
    Remove,
    Replace,
    Restriction,
    Rotation,
    ScheduleDefinition,
    Shift,
    Unit,
)
from pager_domain.wall_time import first_moment, on_the_wall, zone_named

Answer = tuple[OnCall, ...]
"""Who is on call: no person twice, nobody if empty."""

_UNITS = {Unit.HOUR: timedelta(hours=1), Unit.DAY: timedelta(days=1), Unit.WEEK: timedelta(weeks=1)}
_INSTANT = timedelta(microseconds=1)
_DAY = timedelta(days=1)


def shifts(schedule: ScheduleDefinition, start: datetime, end: datetime) -> list[Shift]:
    """The shifts from ``start`` up to ``end`` (aware; nothing if it is not later), the earliest first.

    They have no hole: where nobody is on call there is a shift without anybody. Neighbours differ.
    """
    if start >= end:
        return []
    line = _Line(start, end)
    zone = zone_named(schedule.time_zone)
    for layer in schedule.layers:
        _paint_layer(line, layer, zone)
    for override in schedule.overrides:
        line.paint(override.starts_at, override.ends_at, _changed_by(override))
    return line.shifts()


def on_call(schedule: ScheduleDefinition, at: datetime) -> Answer:
    """Who is on call at a moment."""
    [shift] = shifts(schedule, at, at + _INSTANT)
    return shift.on_call


@dataclass(frozen=True, slots=True)
class RotationTurn:
    """One person's turn in a rotation, or the part of it that was asked for."""

    starts_at: datetime
    ends_at: datetime
    person_id: PersonId


def turns(rotation: Rotation, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[RotationTurn]:
    """The turns between ``start`` and ``end``, cut off there; without a hole from the rotation's own start on."""
    begins, step = _begins(rotation, zone)
    number = _turn_before(begins, step, start)
    begin = begins(number)
    while begin < end:
        next_begin = begins(number + 1)
        # The first one may be over already, and a change of the clock that skips a day leaves its turn no time.
        if max(begin, start) < next_begin:
            person = rotation.people[number % len(rotation.people)]
            yield RotationTurn(max(begin, start), min(next_begin, end), person)
        begin, number = next_begin, number + 1


def _begins(rotation: Rotation, zone: ZoneInfo) -> tuple[Callable[[int], datetime], timedelta]:
    """When the turn of a number, from 0, begins; and how long a turn is, clock changes aside."""
    step = _UNITS[rotation.unit] * rotation.length
    if rotation.unit is Unit.HOUR:
        first = first_moment(rotation.starts_at, zone)
        return lambda number: first + number * step, step
    return lambda number: first_moment(rotation.starts_at + number * step, zone), step


def _turn_before(begins: Callable[[int], datetime], step: timedelta, moment: datetime) -> int:
    """The number of the turn that holds ``moment``, or of one just before; 0 before the first one."""
    number = max((moment - begins(0)) // step, 0)
    # Days are 24 hours long only as a rule; clock changes make this too late by hours, so by a turn or a few.
    while number > 0 and begins(number) > moment:
        number -= 1
    return number


def windows(
    restrictions: tuple[Restriction, ...], zone: ZoneInfo, start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """The parts of ``start`` to ``end`` that ``restrictions`` leave, in no order; they may overlap."""
    # A day more at both ends: a window ends on the next day, and a repeated hour may lie before midnight.
    day = on_the_wall(start, zone).replace(hour=0, minute=0, second=0, microsecond=0) - _DAY
    last = on_the_wall(end, zone) + _DAY
    while day <= last:
        for restriction in restrictions:
            if not restriction.days or day.isoweekday() in restriction.days:
                begin, finish = _window(restriction, day, zone)
                if max(begin, start) < min(finish, end):
                    yield max(begin, start), min(finish, end)
        day += _DAY


def _window(restriction: Restriction, day: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    last_day = day if restriction.end > restriction.start else day + _DAY
    begin = datetime.combine(day, restriction.start)
    finish = datetime.combine(last_day, restriction.end)
    return first_moment(begin, zone), first_moment(finish, zone)


class _Line:
    """A span of time on which each part has its answer; nobody at first."""

    def __init__(self, start: datetime, end: datetime) -> None:
        self.start = start
        self.end = end
        self._starts = [start]
        self._answers: list[Answer] = [()]

    def paint(self, start: datetime, end: datetime, change: Callable[[Answer], Answer]) -> None:
        """Changes the answers between ``start`` and ``end``, as far as they lie on the line."""
        start, end = max(start, self.start), min(end, self.end)
        if start >= end:
            return
        first, last = self._cut(start), self._cut(end)
        self._answers[first:last] = map(change, self._answers[first:last])

    def _cut(self, at: datetime) -> int:
        """The place of the part that begins ``at``."""
        place = bisect_left(self._starts, at)
        if at < self.end and (place == len(self._starts) or self._starts[place] != at):
            self._starts.insert(place, at)
            self._answers.insert(place, self._answers[place - 1])
        return place

    def shifts(self) -> list[Shift]:
        """The parts, equal neighbours as one."""
        kept = [place for place, answer in enumerate(self._answers) if not place or answer != self._answers[place - 1]]
        starts = [self._starts[place] for place in kept]
        return [
            Shift(start, end, self._answers[place])
            for place, start, end in zip(kept, starts, [*starts[1:], self.end], strict=True)
        ]


def _paint_layer(line: _Line, layer: Layer, zone: ZoneInfo) -> None:
    start = max(line.start, layer.starts_at or line.start)
    end = min(line.end, layer.ends_at or line.end)
    if start >= end:
        return
    if layer.covering:
        line.paint(start, end, lambda _: ())
    parts = windows(layer.restrictions, zone, start, end) if layer.restrictions else [(start, end)]
    for part in parts:
        for turn in turns(layer.rotation, zone, *part):
            line.paint(turn.starts_at, turn.ends_at, _always(OnCall(turn.person_id, layer.layer_id)))


def _always(one: OnCall) -> Callable[[Answer], Answer]:
    answer = (one,)
    return lambda _: answer


def _changed_by(override: Override) -> Callable[[Answer], Answer]:
    match override.change:
        case Add(person):
            return lambda before: _with(before, OnCall(person, None, override.override_id))
        case Remove(person):
            return lambda before: tuple(one for one in before if one.person_id != person)
        case Replace(person, None):
            return lambda before: _instead_of_all(before, person, override)
        case Replace(person, replaced):
            return lambda before: _instead_of(before, person, replaced, override)


def _with(before: Answer, comes: OnCall) -> Answer:
    return before if _named(before, comes.person_id) else (*before, comes)


def _instead_of_all(before: Answer, person: PersonId, override: Override) -> Answer:
    if there := _named(before, person):
        return (there,)
    layer_id = next((one.layer_id for one in before if one.layer_id), None)
    return (OnCall(person, layer_id, override.override_id),)


def _instead_of(before: Answer, person: PersonId, replaced: PersonId | None, override: Override) -> Answer:
    if _named(before, person):
        return tuple(one for one in before if one.person_id != replaced)
    return tuple(
        OnCall(person, one.layer_id, override.override_id) if one.person_id == replaced else one for one in before
    )


def _named(answer: Answer, person: PersonId) -> OnCall | None:
    return next((one for one in answer if one.person_id == person), None)
