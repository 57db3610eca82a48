"""What every roster promises about who is named by what; a part of ``RosterStoreContract``."""

import asyncio
from datetime import timedelta

import pytest
from fakes.roster_builders import a_person, a_schedule

from pager_domain.policy.people import PEOPLE
from pager_domain.policy.ports.roster_store import NamedBy
from pager_domain.policy.schedule_changes import Naming
from pager_domain.policy.schedules import (
    SCHEDULES,
    Add,
    Override,
    OverrideId,
    Remove,
    Replace,
    ShiftSwap,
    ShiftSwapId,
)

MICROSECOND = timedelta(microseconds=1)


class RosterNamingContract:
    @pytest.mark.parametrize(
        ("person", "place"),
        [
            ("ana", Naming()),
            ("ben", Naming(override_id="o")),
            ("cem", Naming(override_id="o")),
            ("dan", Naming(override_id="p")),
        ],
    )
    async def test_a_person_is_named_by_the_schedules_that_name_it_anywhere(self, store, schedules, person, place):
        times = {"starts_at": (first := await schedules.create(a_schedule("a", "eve"))).create_time}
        times["ends_at"] = times["starts_at"] + timedelta(hours=1)
        overrides = (
            Override(OverrideId("o"), change=Replace("ben", "cem"), **times),
            Override(OverrideId("p"), change=Remove("dan"), **times),
        )
        await schedules.create(a_schedule("b", "ana", overrides=overrides))
        assert first.definition.people == {"eve"}
        assert await store.atomically(lambda unit: unit.named_by(PEOPLE, person)) == NamedBy("schedule", "b", place)
        await schedules.end("b")
        assert await store.atomically(lambda unit: unit.named_by(PEOPLE, person)) is None

    async def test_what_has_been_over_for_more_than_30_days_names_nobody(self, store, schedules):
        made = (await schedules.create(a_schedule("other", "eve"))).create_time
        old = {"starts_at": made - timedelta(days=32), "ends_at": made - timedelta(days=30, seconds=1)}
        recent = old | {"ends_at": made - timedelta(days=29)}
        swap = ShiftSwap(ShiftSwapId("s"), "ana", "cem", **old)
        for name, span in (("a", old), ("b", old), ("c", recent)):
            override = Override(OverrideId("o"), change=Add("cem"), **span)
            await schedules.create(a_schedule(name, "ana", overrides=(override,), shift_swaps=(swap,)))
        place = Naming(override_id="o")
        assert await store.atomically(lambda unit: unit.named_by(PEOPLE, "cem")) == NamedBy("schedule", "c", place)
        await schedules.end("c")
        assert await store.atomically(lambda unit: unit.named_by(PEOPLE, "cem")) is None

    async def test_a_schedule_that_names_a_person_no_more_does_not_name_it(self, store, schedules):
        first = await schedules.create(a_schedule("a", "ana", "ben"))
        await schedules.update(a_schedule("a", "ben"), first.etag)
        assert await store.atomically(lambda unit: unit.named_by(PEOPLE, "ana")) is None
        assert await store.atomically(lambda unit: unit.named_by(PEOPLE, "be")) is None
        assert await store.atomically(lambda unit: unit.named_by(SCHEDULES, "a")) is None

    async def test_the_schedules_of_a_person_are_those_that_named_it_at_some_time_of_a_span(self, store, schedules):
        first = await schedules.create(a_schedule("b", "ana", "ben"))
        second = await schedules.update(a_schedule("b", "ben"), first.etag)
        await schedules.create(a_schedule("c", "cem"))
        await schedules.create(a_schedule("gone", "ana"))
        await schedules.end("gone")
        last = await schedules.create(a_schedule("B", "ana"))

        async def naming(person, start, end):
            return await store.reading(lambda reads: reads.schedules_naming(person, start, end))

        end = last.update_time + MICROSECOND
        assert await naming("ana", first.update_time, end) == ["B", "b"]
        assert await naming("ana", first.update_time, second.update_time) == ["b"]
        assert await naming("ana", second.update_time - MICROSECOND, second.update_time) == ["b"]
        assert await naming("ana", second.update_time, end) == ["B"]
        assert await naming("ana", first.update_time - MICROSECOND, first.update_time) == []
        assert await naming("ben", end, end + MICROSECOND) == ["b"]
        assert await naming("an", first.update_time, end) == []

    async def test_whoever_names_and_whoever_ends_do_not_both_succeed(self, store, people, schedules):
        for turn in range(5):
            await people.create(a_person(f"p{turn}"))
            results = await asyncio.gather(_naming(store, f"p{turn}"), _ending(store, f"p{turn}"))
            assert sorted(results) in ([False, True], [True, False])


async def _naming(store, person):
    """Makes a schedule that names ``person``, if there is such a person; whether it did."""

    async def work(unit):
        record = await unit.lock_entry(SCHEDULES, f"of-{person}")
        if not await unit.hold_entries(PEOPLE, [person]):
            return False
        await unit.save_entry(SCHEDULES, record.create(a_schedule(f"of-{person}", person), await unit.now()))
        return True

    return await store.atomically(work)


async def _ending(store, person):
    """Ends ``person``, unless named; whether it did."""

    async def work(unit):
        await unit.lock_entry(PEOPLE, person)
        if await unit.named_by(PEOPLE, person) is not None:
            return False
        await unit.end_entry(PEOPLE, person, await unit.now())
        return True

    return await store.atomically(work)
