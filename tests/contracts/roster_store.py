"""What every roster promises. A signer subclasses :class:`RosterStoreContract` and gives it a ``store``."""

import asyncio
from dataclasses import replace
from datetime import UTC

import pytest
from contracts.roster_naming import MICROSECOND, RosterNamingContract
from fakes.roster_builders import ANA_MAIL, ANA_PHONE, a_person, a_rule, a_schedule

from pager_domain.policy.errors import PersonExists, PersonStale, PersonUnknown
from pager_domain.policy.people import PEOPLE, Person
from pager_domain.policy.ports.policy_store import PolicyStore
from pager_domain.policy.revisions import Record, Standing
from pager_domain.policy.schedules import (
    SCHEDULES,
    LayerId,
)


class Roster:
    """The shortest use cases there can be."""

    def __init__(self, store, kind):
        self._store, self._kind = store, kind

    async def create(self, definition):
        async def work(unit):
            record = await unit.lock_entry(self._kind, definition.entry_id)
            entry = record.create(definition, await unit.now())
            await unit.save_entry(self._kind, entry)
            return entry

        return await self._store.atomically(work)

    async def update(self, definition, etag):
        async def work(unit):
            record = await unit.lock_entry(self._kind, definition.entry_id)
            entry = record.update(definition, etag, await unit.now())
            if entry is not record.live:
                await unit.save_entry(self._kind, entry)
            return entry

        return await self._store.atomically(work)

    async def end(self, entry_id):
        async def work(unit):
            (await unit.lock_entry(self._kind, entry_id)).existing()
            now = await unit.now()
            await unit.end_entry(self._kind, entry_id, now)
            return now

        return await self._store.atomically(work)

    async def newest(self, entry_id):
        return (await self._store.newest_entries(self._kind, [entry_id])).get(entry_id)

    async def at(self, entry_id, moment):
        found = (await self._store.entries_at(self._kind, [entry_id], moment)).get(entry_id)
        return found.revision if found is not None else None


class RosterStoreContract(RosterNamingContract):
    """The promises about people and schedules."""

    @pytest.fixture
    def store(self) -> PolicyStore:
        raise NotImplementedError

    @pytest.fixture
    def people(self, store):
        return Roster(store, PEOPLE)

    @pytest.fixture
    def schedules(self, store):
        return Roster(store, SCHEDULES)

    async def test_a_person_is_read_as_it_was_stored(self, people):
        ana = a_person(
            "ana", ANA_MAIL, ANA_PHONE, display_name="Äna", high_urgency_rule=a_rule((0, "mail"), (3, "phone"))
        )
        stored = await people.create(ana)
        read = await people.newest("ana")
        assert (read, type(read)) == (stored, Person)
        assert (read.definition, read.revision, read.etag) == (ana, 1, stored.etag)
        assert read.create_time == read.update_time
        assert read.create_time.tzinfo is UTC

    async def test_a_schedule_is_read_as_it_was_stored(self, schedules):
        stored = await schedules.create(a_schedule("primary", "ana", "ben", display_name="Shop"))
        assert await schedules.newest("primary") == stored

    async def test_a_person_and_a_schedule_of_one_id_are_two_things(self, people, schedules):
        ana, schedule = await people.create(a_person("x")), await schedules.create(a_schedule("x"))
        assert (await people.newest("x"), await schedules.newest("x")) == (ana, schedule)
        await people.end("x")
        assert (await people.newest("x"), await schedules.newest("x")) == (None, schedule)

    async def test_an_id_nobody_used_has_no_past(self, store, people):
        assert await people.newest("ana") is None
        assert await store.atomically(lambda unit: unit.lock_entry(PEOPLE, "ana")) == Record(PEOPLE, "ana")

    async def test_a_change_is_the_next_revision_and_no_change_is_none(self, people):
        first = await people.create(a_person())
        assert await people.update(a_person(), first.etag) == first
        second = await people.update(a_person(display_name="Ana"), first.etag)
        assert (second.revision, second.create_time) == (2, first.create_time)
        assert await people.newest("ana") == second
        with pytest.raises(PersonStale):
            await people.update(a_person(), first.etag)

    async def test_what_has_ended_is_read_no_more_and_counts_on(self, store, people):
        await people.create(a_person())
        await people.end("ana")
        assert await people.newest("ana") is None
        assert await store.entries(PEOPLE, None, 10) == []
        with pytest.raises(PersonUnknown):
            await people.end("ana")
        assert (await people.create(a_person())).revision == 2

    async def test_entries_are_listed_in_order_of_their_ids(self, store, people, schedules):
        for person_id in ("b", "B", "ä", "a", "a-1", "a_1"):
            await people.create(a_person(person_id))
        await schedules.create(a_schedule("a-2"))
        listed = [person.entry_id for person in await store.entries(PEOPLE, None, 10)]
        assert listed == ["B", "a", "a-1", "a_1", "b", "ä"]
        assert [person.entry_id for person in await store.entries(PEOPLE, "a", 2)] == ["a-1", "a_1"]

    async def test_many_are_read_by_their_ids(self, store, people):
        stored = {name: await people.create(a_person(name)) for name in ("ana", "ben", "cem")}
        await people.end("cem")
        asked = ["ben", "ana", "cem", "nobody", *(f"p{number}" for number in range(1000))]
        assert await store.newest_entries(PEOPLE, asked) == {"ana": stored["ana"], "ben": stored["ben"]}
        assert await store.newest_entries(PEOPLE, []) == {}

    async def test_the_revision_that_stood_at_a_moment(self, people):
        first = await people.create(a_person())
        second = await people.update(a_person(display_name="Ana"), first.etag)
        ended = await people.end("ana")
        third = await people.create(a_person())
        moments = [first.update_time - MICROSECOND, first.update_time, second.update_time - MICROSECOND]
        moments += [second.update_time, ended - MICROSECOND, ended, third.update_time, third.update_time + MICROSECOND]
        assert [await people.at("ana", moment) for moment in moments] == [None, 1, 1, 2, 2, None, 3, 3]

    async def test_what_stood_is_read_for_many_and_as_it_was(self, store, schedules):
        first = await schedules.create(a_schedule("a", "ana"))
        await schedules.update(a_schedule("a", "ben"), first.etag)
        other = await schedules.create(a_schedule("b"))
        assert await store.entries_at(SCHEDULES, ["a", "b", "c"], first.update_time) == {"a": first}
        standing = await store.entries_at(SCHEDULES, ["a", "b", "c"], other.update_time)
        assert {name: schedule.revision for name, schedule in standing.items()} == {"a": 2, "b": 1}

    async def test_the_revisions_that_stood_in_a_span_say_up_to_when(self, store, schedules):
        first = await schedules.create(a_schedule("a", "ana"))
        second = await schedules.update(a_schedule("a", "ben"), first.etag)
        ended = await schedules.end("a")
        third = await schedules.create(a_schedule("a", "cem"))
        other = await schedules.create(a_schedule("b"))
        all_of_a = [Standing(first, second.update_time), Standing(second, ended), Standing(third, None)]

        async def between(start, end):
            return await store.entries_between(SCHEDULES, ["a", "b", "c"], start, end)

        end = other.update_time + MICROSECOND
        assert await between(first.update_time, end) == {"a": all_of_a, "b": [Standing(other, None)]}
        assert await between(second.update_time, ended) == {"a": all_of_a[1:2]}
        assert await between(second.update_time - MICROSECOND, ended) == {"a": all_of_a[:2]}
        assert await between(ended, third.update_time) == {}
        assert await between(end, end + MICROSECOND) == {"a": all_of_a[2:], "b": [Standing(other, None)]}

    async def test_a_transaction_reads_what_others_have_committed(self, store, people):
        ana = await people.create(a_person("ana"))

        async def work(unit):
            held = await unit.hold_entries(PEOPLE, ["nobody", "ana"])
            return (
                held,
                await unit.newest_entries(PEOPLE, ["ana"]),
                await unit.entries_at(PEOPLE, ["ana"], ana.update_time),
                await unit.entries_between(PEOPLE, ["ana"], ana.update_time, ana.update_time + MICROSECOND),
            )

        assert await store.atomically(work) == (*({"ana": ana},) * 3, {"ana": [Standing(ana, None)]})

    async def test_what_fails_halfway_leaves_nothing_of_the_roster(self, store, people, schedules):
        async def work(unit):
            record = await unit.lock_entry(PEOPLE, "ana")
            await unit.save_entry(PEOPLE, record.create(a_person(), await unit.now()))
            record = await unit.lock_entry(SCHEDULES, "a")
            await unit.save_entry(SCHEDULES, record.create(a_schedule("a"), await unit.now()))
            raise PersonExists("ana")

        with pytest.raises(PersonExists):
            await store.atomically(work)
        assert (await people.newest("ana"), await schedules.newest("a")) == (None, None)
        assert (await people.create(a_person())).revision == 1

    async def test_of_racing_creations_of_one_person_exactly_one_wins(self, people):
        results = await _race(*(people.create(a_person("ana", display_name=str(n))) for n in range(5)))
        assert sorted(type(result).__name__ for result in results) == ["Person"] + ["PersonExists"] * 4

    async def test_of_racing_updates_of_one_person_exactly_one_wins(self, people):
        first = await people.create(a_person())
        results = await _race(*(people.update(a_person(display_name=str(n)), first.etag) for n in range(5)))
        [winner] = [result for result in results if isinstance(result, Person)]
        assert {type(result) for result in results if result is not winner} == {PersonStale}
        assert await people.newest("ana") == winner

    async def test_names_of_layers_are_kept(self, schedules):
        kept = await schedules.create(a_schedule("a"))
        [layer] = kept.definition.layers
        renamed = replace(kept.definition, layers=(replace(layer, layer_id=LayerId("days")),))
        assert (await schedules.update(renamed, kept.etag)).revision == 2


async def _race(*calls):
    return await asyncio.gather(*calls, return_exceptions=True)
