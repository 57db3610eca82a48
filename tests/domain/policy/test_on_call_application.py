"""What it costs others to say who is on call: nobody waits for it, and it waits for no writer."""

import asyncio

import pytest
from fakes.policy_store import FakePolicyStore
from fakes.roster_builders import a_person, a_schedule
from fakes.schedule_builders import utc

from pager_domain.policy.on_call_application import OnCallApplicationService
from pager_domain.policy.people import PEOPLE
from pager_domain.policy.schedules import SCHEDULES

NOW = utc("2026-11-03 09:00")
SCHEDULES_OF_ANA = [f"a{number:02}" for number in range(20)]


class WatchedStore(FakePolicyStore):
    """Knows whether somebody is reading, and whose revisions were read."""

    def __init__(self):
        super().__init__()
        self.clock = NOW
        self.is_read = False
        self.unfolded = []

    async def reading(self, work):
        self.is_read = True
        try:
            return await super().reading(work)
        finally:
            self.is_read = False

    async def entries_between(self, kind, entry_ids, start, end):
        assert self.is_read
        self.unfolded += entry_ids
        return await FakePolicyStore.entries_between(self, kind, entry_ids, start, end)

    async def schedules_naming(self, person_id, start, end):
        found = await super().schedules_naming(person_id, start, end)
        self.unfolded.clear()
        return found


@pytest.fixture
async def store():
    made = WatchedStore()

    async def fill(unit):
        for name in ("ana", "ben"):
            await unit.save_entry(PEOPLE, PEOPLE.made(a_person(name), 1, NOW, NOW))
        for name in SCHEDULES_OF_ANA:
            await unit.save_entry(SCHEDULES, SCHEDULES.made(a_schedule(name, "ana", "ben"), 1, NOW, NOW))
        await unit.save_entry(SCHEDULES, SCHEDULES.made(a_schedule("b", "ben"), 1, NOW, NOW))

    await made.atomically(fill)
    return made


@pytest.fixture
def on_call(store):
    return OnCallApplicationService(store)


async def test_only_the_schedules_that_name_a_person_are_unfolded_for_its_calendar(on_call, store):
    calendar = await on_call.calendar_of_person("ana")
    assert store.unfolded == SCHEDULES_OF_ANA
    assert [schedule.schedule_id for schedule in calendar.schedules] == SCHEDULES_OF_ANA


@pytest.mark.parametrize(
    "ask", [lambda on_call: on_call.calendar_of_person("ana"), lambda on_call: on_call.all_on_call(None, None, 20)]
)
async def test_others_have_their_turn_after_each_schedule_and_the_reading_is_over_by_then(on_call, store, ask):
    seen = []
    asked = asyncio.ensure_future(ask(on_call))
    while not asked.done():
        seen.append(store.is_read)
        await asyncio.sleep(0)
    await asked
    assert len(seen) > len(SCHEDULES_OF_ANA)
    assert not any(seen)


@pytest.mark.parametrize(
    "ask",
    [
        lambda on_call: on_call.shifts("b", None, None),
        lambda on_call: on_call.on_call("b", None),
        lambda on_call: on_call.all_on_call(None, None, 20),
        lambda on_call: on_call.calendar_of_schedule("b"),
        lambda on_call: on_call.calendar_of_person("ben"),
    ],
)
async def test_who_is_on_call_is_told_while_a_writer_is_at_work(on_call, store, ask):
    async def work(_unit):
        return await asyncio.wait_for(ask(on_call), 5)

    assert await store.atomically(work) is not None
