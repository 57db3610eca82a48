"""The use cases that ask who is on call."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from pager_domain.policy.errors import PersonUnknown, ScheduleUnknown
from pager_domain.policy.people import PEOPLE, PersonId
from pager_domain.policy.ports.policy_store import PolicyStore, PolicyUnitOfWork
from pager_domain.policy.schedule_history import (
    SHOWN_AROUND,
    Duty,
    History,
    duties_of,
    shift_around,
    shifts_of,
)
from pager_domain.policy.schedules import SCHEDULES, Schedule, ScheduleId, Shift
from pager_domain.wall_time import checked_span

SHOWN_AHEAD = timedelta(days=28)
CALENDAR_BEFORE = timedelta(days=31)
CALENDAR_SPAN = timedelta(days=92)
_READ_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """What one schedule says about a time."""

    schedule: Schedule
    shifts: Sequence[Shift]

    @property
    def entry_id(self) -> str:
        """The id of the schedule."""
        return self.schedule.schedule_id


@dataclass(frozen=True, slots=True)
class Calendar:
    """Everybody's duties on a schedule, or one person's on every schedule, ordered by start."""

    name: str
    duties: Sequence[Duty]
    schedules: Sequence[Schedule]


class OnCallApplicationService:
    """Who was, is and will be on call, by the store's clock."""

    def __init__(self, store: PolicyStore) -> None:
        self._store = store

    async def shifts(self, schedule_id: ScheduleId, start: datetime | None, end: datetime | None) -> Answer:
        """The shifts from ``start`` (now if None) up to ``end`` (28 days later if None), gaps included.

        Raises:
            ScheduleUnknown: there is none, or it has ended.
            InvalidField: the end is not after the start, or more than 366 days after.
        """

        async def work(unit: PolicyUnitOfWork) -> Answer:
            begin = start or await unit.now()
            begin, until = checked_span(begin, end or begin + SHOWN_AHEAD)
            schedule = await _live(unit, schedule_id)
            [history] = await _histories(unit, [schedule], begin, until)
            return Answer(schedule, shifts_of(history, begin, until))

        return await self._store.atomically(work)

    async def on_call(self, schedule_id: ScheduleId, at: datetime | None) -> Answer:
        """Who is on call on one schedule at a moment, now if None.

        Raises:
            ScheduleUnknown: there is none, or it has ended.
        """

        async def work(unit: PolicyUnitOfWork) -> Answer:
            [answer] = await _on_call(unit, [await _live(unit, schedule_id)], at)
            return answer

        return await self._store.atomically(work)

    async def all_on_call(self, at: datetime | None, after: ScheduleId | None, limit: int) -> list[Answer]:
        """Who is on call at a moment, now if None, on up to ``limit`` schedules behind ``after``, ordered by id."""
        schedules = await self._store.entries(SCHEDULES, after, limit)

        async def work(unit: PolicyUnitOfWork) -> list[Answer]:
            return await _on_call(unit, schedules, at)

        return await self._store.atomically(work)

    async def calendar_of_schedule(self, schedule_id: ScheduleId) -> Calendar:
        """Everybody's duties in the 92 days from 31 days ago.

        Raises:
            ScheduleUnknown: there is none, or it has ended.
        """

        async def work(unit: PolicyUnitOfWork) -> Calendar:
            schedule = await _live(unit, schedule_id)
            duties = await _duties(unit, [schedule])
            return Calendar(schedule.definition.display_name or schedule_id, duties, [schedule])

        return await self._store.atomically(work)

    async def calendar_of_person(self, person_id: PersonId) -> Calendar:
        """One person's duties in the 92 days from 31 days ago.

        Raises:
            PersonUnknown: there is none, or it has ended.
        """
        found = await self._store.newest_entries(PEOPLE, [person_id])
        if person_id not in found:
            raise PersonUnknown(person_id)
        schedules: list[Schedule] = []
        while page := await self._store.entries(
            SCHEDULES, schedules[-1].schedule_id if schedules else None, _READ_AT_ONCE
        ):
            schedules += page

        async def work(unit: PolicyUnitOfWork) -> list[Duty]:
            return await _duties(unit, schedules)

        duties = [duty for duty in await self._store.atomically(work) if duty.person_id == person_id]
        return Calendar(found[person_id].definition.display_name or person_id, duties, schedules)


async def _live(unit: PolicyUnitOfWork, schedule_id: ScheduleId) -> Schedule:
    found = await unit.newest_entries(SCHEDULES, [schedule_id])
    if schedule_id not in found:
        raise ScheduleUnknown(schedule_id)
    return found[schedule_id]


async def _histories(
    unit: PolicyUnitOfWork, schedules: Sequence[Schedule], start: datetime, end: datetime
) -> list[History]:
    ids = [schedule.schedule_id for schedule in schedules]
    found = await unit.entries_between(SCHEDULES, ids, start, end)
    return [found.get(schedule_id, ()) for schedule_id in ids]


async def _on_call(unit: PolicyUnitOfWork, schedules: Sequence[Schedule], at: datetime | None) -> list[Answer]:
    moment = at or await unit.now()
    histories = await _histories(unit, schedules, moment - SHOWN_AROUND, moment + SHOWN_AROUND)
    return [
        Answer(schedule, [shift_around(history, moment)])
        for schedule, history in zip(schedules, histories, strict=True)
    ]


async def _duties(unit: PolicyUnitOfWork, schedules: Sequence[Schedule]) -> list[Duty]:
    today = datetime.combine((now := await unit.now()).date(), time(0), now.tzinfo)
    start = today - CALENDAR_BEFORE
    end = start + CALENDAR_SPAN
    histories = await _histories(unit, schedules, start, end)
    duties = [
        duty
        for schedule, history in zip(schedules, histories, strict=True)
        for duty in duties_of(schedule.definition, shifts_of(history, start, end))
    ]
    return sorted(duties, key=lambda duty: (duty.starts_at, duty.schedule.schedule_id, duty.person_id))
