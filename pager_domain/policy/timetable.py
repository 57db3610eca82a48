"""Who is on call on the schedules of a batch; each schedule is unfolded once for a moment, however many ask."""

from bisect import bisect_right
from collections.abc import Mapping
from datetime import datetime, timedelta

from pager_domain.policy.people import PersonId
from pager_domain.policy.rota import on_call, shifts
from pager_domain.policy.schedules import ScheduleDefinition, ScheduleId, Shift

ScheduleAt = tuple[ScheduleId, datetime | None]
"""A schedule as it stood at a moment; as it is now if that is None."""


class Timetable:
    """The schedules of a batch, by id and the moment at which they stood."""

    def __init__(self, schedules: Mapping[ScheduleAt, ScheduleDefinition]) -> None:
        self._schedules = schedules
        self._unfolded: dict[tuple[ScheduleAt, datetime, timedelta], list[Shift]] = {}

    def shifts(self, asked: ScheduleAt, start: datetime, span: timedelta) -> list[Shift] | None:
        """The shifts from ``start`` on for ``span``; one without length for none. None: there is no such schedule."""
        schedule = self._schedules.get(asked)
        if schedule is None:
            return None
        key = (asked, start, span)
        if key not in self._unfolded:
            self._unfolded[key] = _unfolded(schedule, start, span)
        return self._unfolded[key]

    def people(self) -> set[PersonId]:
        """Everybody who is on call in the shifts that were asked for so far."""
        return {duty.person_id for found in self._unfolded.values() for shift in found for duty in shift.on_call}


def _unfolded(schedule: ScheduleDefinition, start: datetime, span: timedelta) -> list[Shift]:
    if not span:
        return [Shift(start, start, on_call(schedule, start))]
    return shifts(schedule, start, start + span)


def shift_at(found: list[Shift], at: datetime) -> Shift:
    """The shift of ``found`` (not empty, in order, without holes) that holds ``at``."""
    return found[max(bisect_right(found, at, key=lambda shift: shift.starts_at) - 1, 0)]
