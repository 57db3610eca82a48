"""The use cases that change schedules: fetch, tell, keep."""

from collections.abc import Callable
from datetime import datetime

from pager_domain.policy.errors import PersonUnknown, ScheduleUnknown
from pager_domain.policy.people import PEOPLE, PersonId
from pager_domain.policy.ports.policy_store import PolicyStore, PolicyUnitOfWork
from pager_domain.policy.ports.roster_store import NamedBy
from pager_domain.policy.schedule_changes import (
    redefined,
    shift_swap_in,
    with_answer,
    with_override,
    with_shift_swap,
    without_override,
)
from pager_domain.policy.schedule_errors import ScheduleInUse
from pager_domain.policy.schedules import (
    SCHEDULES,
    Override,
    OverrideId,
    Schedule,
    ScheduleDefinition,
    ScheduleId,
    ShiftSwap,
    ShiftSwapId,
    SwapState,
)

Change = Callable[[ScheduleDefinition, datetime], ScheduleDefinition]
"""What a schedule becomes at a moment; itself if it is so already."""


class ScheduleApplicationService:
    """What may be asked of schedules, but for who is on call."""

    def __init__(self, store: PolicyStore) -> None:
        self._store = store

    async def create(self, definition: ScheduleDefinition) -> Schedule:
        """A new schedule.

        Raises:
            ScheduleExists: the id is taken.
            PersonUnknown: it names somebody who does not exist.
        """

        async def work(unit: PolicyUnitOfWork) -> Schedule:
            record = await unit.lock_entry(SCHEDULES, definition.schedule_id)
            schedule = record.create(definition, await unit.now())
            await _keep(unit, schedule)
            return schedule

        return await self._store.atomically(work)

    async def update(self, definition: ScheduleDefinition, etag: str) -> Schedule:
        """The schedule as it is now; a new revision if anything but overrides and shift swaps is different.

        Raises:
            ScheduleUnknown: there is none to update.
            ScheduleStale: it has changed since it was read.
            PersonUnknown: it names somebody who does not exist.
        """

        async def work(unit: PolicyUnitOfWork) -> Schedule:
            record = await unit.lock_entry(SCHEDULES, definition.schedule_id)
            now = await unit.now()
            schedule = record.update(redefined(record.read_at(etag).definition, definition, now), etag, now)
            if schedule is not record.live:
                await _keep(unit, schedule)
            return schedule

        return await self._store.atomically(work)

    async def delete(self, schedule_id: ScheduleId, etag: str) -> None:
        """Ends a schedule that nothing names; its revisions stay.

        Raises:
            ScheduleUnknown: there is none to end.
            ScheduleStale: it has changed since it was read.
            ScheduleInUse: a policy names it.
        """

        async def work(unit: PolicyUnitOfWork) -> None:
            (await unit.lock_entry(SCHEDULES, schedule_id)).read_at(etag)
            if (by := await unit.named_by(SCHEDULES, schedule_id)) is not None:
                raise schedule_in_use(schedule_id, by)
            await unit.end_entry(SCHEDULES, schedule_id, await unit.now())

        await self._store.atomically(work)

    async def schedule(self, schedule_id: ScheduleId) -> Schedule:
        """The newest revision.

        Raises:
            ScheduleUnknown: there is none, or it has ended.
        """
        found = await self._store.newest_entries(SCHEDULES, [schedule_id])
        if schedule_id not in found:
            raise ScheduleUnknown(schedule_id)
        return found[schedule_id]

    async def schedules(self, after: ScheduleId | None, limit: int) -> list[Schedule]:
        """Up to ``limit`` schedules behind ``after``, ordered by id."""
        return await self._store.entries(SCHEDULES, after, limit)

    async def create_override(self, schedule_id: ScheduleId, override: Override) -> Schedule:
        """The schedule with one override more; a repeat changes nothing.

        Raises:
            ScheduleUnknown, PersonUnknown: there is none to change, or nobody to name.
            OverrideExists: the id has other content.
        """
        return await self._change(schedule_id, lambda before, now: with_override(before, override, now))

    async def delete_override(self, schedule_id: ScheduleId, override_id: OverrideId) -> Schedule:
        """The schedule with one override less.

        Raises:
            ScheduleUnknown, OverrideUnknown: there is none.
        """
        return await self._change(schedule_id, lambda before, now: without_override(before, override_id, now))

    async def request_shift_swap(self, schedule_id: ScheduleId, swap: ShiftSwap) -> ShiftSwap:
        """The shift swap as it stands; a repeat changes nothing.

        Raises:
            ScheduleUnknown, PersonUnknown: there is none to change, or nobody to ask.
            ShiftSwapExists: the id has other content.
            NotOnCall: whoever gives is not on call in that time.
        """
        after = await self._change(schedule_id, lambda before, now: with_shift_swap(before, swap, now))
        return shift_swap_in(after.definition, swap.shift_swap_id)

    async def answer_shift_swap(
        self, schedule_id: ScheduleId, shift_swap_id: ShiftSwapId, answer: SwapState, by: PersonId | None = None
    ) -> ShiftSwap:
        """The shift swap as answered ``by`` one of the two (None: by whoever may); a repeat changes nothing.

        Raises:
            ScheduleUnknown, ShiftSwapUnknown: there is none, or it is between others.
            NotAllowed: that answer is the other one's.
            ShiftSwapAnswered, ShiftSwapOver, NotOnCall: it cannot be answered so any more.
        """
        after = await self._change(schedule_id, lambda before, now: with_answer(before, shift_swap_id, answer, now, by))
        return shift_swap_in(after.definition, shift_swap_id)

    async def _change(self, schedule_id: ScheduleId, change: Change) -> Schedule:
        async def work(unit: PolicyUnitOfWork) -> Schedule:
            record = await unit.lock_entry(SCHEDULES, schedule_id)
            now = await unit.now()
            schedule = record.change(change(record.existing().definition, now), now)
            if schedule is not record.live:
                await _keep(unit, schedule)
            return schedule

        return await self._store.atomically(work)


async def _keep(unit: PolicyUnitOfWork, schedule: Schedule) -> None:
    await hold_people(unit, schedule.definition)
    await unit.save_entry(SCHEDULES, schedule)


def schedule_in_use(schedule_id: str, by: NamedBy) -> ScheduleInUse:
    """Why a schedule that something names is not ended."""
    return ScheduleInUse(schedule_id, by.kind, by.entry_id)


async def hold_people(unit: PolicyUnitOfWork, definition: ScheduleDefinition) -> None:
    """Makes sure that everybody whom a schedule names is there, and stays until the transaction ends.

    Raises:
        PersonUnknown: names the first, by id, who is not.
    """
    there = await unit.hold_entries(PEOPLE, definition.people)
    for person in sorted(definition.people - there.keys()):
        raise PersonUnknown(person)
