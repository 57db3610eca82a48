"""The use cases that ask who is on call: read in one snapshot, then unfolded, with a turn for others in between."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TypeVar

from pager_domain.policy.errors import PersonUnknown, ScheduleUnknown
from pager_domain.policy.people import PEOPLE, Person, PersonId
from pager_domain.policy.ports.policy_store import PolicyReads, PolicyStore
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

Item = TypeVar("Item")
Unfolded = TypeVar("Unfolded")


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


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read about some schedules, in the same order: the revisions that stood between two moments."""

    schedules: Sequence[Schedule]
    histories: Sequence[History]
    start: datetime
    end: datetime

    def shifts(self, place: int) -> list[Shift]:
        return shifts_of(self.histories[place], self.start, self.end)

    def duties(self, place: int) -> list[Duty]:
        return duties_of(self.schedules[place].definition, self.shifts(place))


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

        async def work(reads: PolicyReads) -> _Read:
            begin = start or await reads.now()
            begin, until = checked_span(begin, end or begin + SHOWN_AHEAD)
            return await _read(reads, [await _live(reads, schedule_id)], begin, until)

        read = await self._store.reading(work)
        return Answer(read.schedules[0], read.shifts(0))

    async def on_call(self, schedule_id: ScheduleId, at: datetime | None) -> Answer:
        """Who is on call on one schedule at a moment, now if None.

        Raises:
            ScheduleUnknown: there is none, or it has ended.
        """

        async def work(reads: PolicyReads) -> _Read:
            return await _read_around(reads, [await _live(reads, schedule_id)], at)

        [answer] = await _answers(await self._store.reading(work))
        return answer

    async def all_on_call(self, at: datetime | None, after: ScheduleId | None, limit: int) -> list[Answer]:
        """Who is on call at a moment, now if None, on up to ``limit`` schedules behind ``after``, ordered by id."""
        schedules = await self._store.entries(SCHEDULES, after, limit)
        return await _answers(await self._store.reading(lambda reads: _read_around(reads, schedules, at)))

    async def calendar_of_schedule(self, schedule_id: ScheduleId) -> Calendar:
        """Everybody's duties in the 92 days from 31 days ago.

        Raises:
            ScheduleUnknown: there is none, or it has ended.
        """

        async def work(reads: PolicyReads) -> _Read:
            return await _read(reads, [await _live(reads, schedule_id)], *_calendar_span(await reads.now()))

        read = await self._store.reading(work)
        name = read.schedules[0].definition.display_name or schedule_id
        return Calendar(name, await _duties(read), read.schedules)

    async def calendar_of_person(self, person_id: PersonId) -> Calendar:
        """One person's duties in the 92 days from 31 days ago.

        Raises:
            PersonUnknown: there is none, or it has ended.
        """

        async def work(reads: PolicyReads) -> tuple[Person, _Read]:
            found = await reads.newest_entries(PEOPLE, [person_id])
            if person_id not in found:
                raise PersonUnknown(person_id)
            start, end = _calendar_span(await reads.now())
            naming = await reads.schedules_naming(person_id, start, end)
            schedules = await reads.newest_entries(SCHEDULES, naming)
            return found[person_id], await _read(reads, list(schedules.values()), start, end)

        person, read = await self._store.reading(work)
        duties = [duty for duty in await _duties(read) if duty.person_id == person_id]
        return Calendar(person.definition.display_name or person_id, duties, read.schedules)


async def _live(reads: PolicyReads, schedule_id: ScheduleId) -> Schedule:
    found = await reads.newest_entries(SCHEDULES, [schedule_id])
    if schedule_id not in found:
        raise ScheduleUnknown(schedule_id)
    return found[schedule_id]


async def _read(reads: PolicyReads, schedules: Sequence[Schedule], start: datetime, end: datetime) -> _Read:
    ids = [schedule.schedule_id for schedule in schedules]
    found = await reads.entries_between(SCHEDULES, ids, start, end)
    return _Read(schedules, [found.get(schedule_id, ()) for schedule_id in ids], start, end)


async def _read_around(reads: PolicyReads, schedules: Sequence[Schedule], at: datetime | None) -> _Read:
    moment = at or await reads.now()
    return await _read(reads, schedules, moment - SHOWN_AROUND, moment + SHOWN_AROUND)


def _calendar_span(now: datetime) -> tuple[datetime, datetime]:
    start = datetime.combine(now.date(), time(0), now.tzinfo) - CALENDAR_BEFORE
    return start, start + CALENDAR_SPAN


async def _answers(read: _Read) -> list[Answer]:
    moment = read.start + SHOWN_AROUND
    shifts = await _each(read.histories, lambda history: shift_around(history, moment))
    return [Answer(schedule, [shift]) for schedule, shift in zip(read.schedules, shifts, strict=True)]


async def _duties(read: _Read) -> list[Duty]:
    found = await _each(range(len(read.schedules)), read.duties)
    duties = [duty for of_schedule in found for duty in of_schedule]
    return sorted(duties, key=lambda duty: (duty.starts_at, duty.schedule.schedule_id, duty.person_id))


async def _each(items: Iterable[Item], unfold: Callable[[Item], Unfolded]) -> list[Unfolded]:
    """What each of ``items`` unfolds to; in between others have their turn, as a page may wait for one of them."""
    found = []
    for item in items:
        found.append(unfold(item))
        await asyncio.sleep(0)
    return found
