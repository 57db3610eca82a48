"""Fault row 20: the disk under SQLite is full for a while, under the log, too. What is refused then is not stored."""

import time

import pytest
from crash.scenarios import Scenario
from crash.sweeping import played
from crash.world import Crash

TWO_LEVELS = (("email",), ("email",))
FULL = {room: Crash(room, syscall=0, full_disk=True) for room in ("pager", "notifier")}


@pytest.fixture
def play(new_world, policy_address, sqlite_databases):
    """Plays a scenario in a world where the disk of one room can be full."""

    async def playing(room, scenario):
        async with new_world(sqlite_databases, FULL[room]) as world:
            assert await played(scenario, world, policy_address) == []
            return world

    return playing


async def test_an_alert_is_refused_while_the_disk_is_full_and_pages_once_there_is_space(play):
    async def script(world):
        with world.full_disk("pager"):
            refused = [await world.call("raise", "one") for _ in range(3)]
        assert [call.outcome for call in refused] == ["unknown"] * 3
        assert (await world.call_until_heard("raise", "one")).changed

    world = await play("pager", Scenario("refused, then raised", script))
    assert '"lines_unwritten_before"' in world.rooms["pager"].log.read_text()


async def test_an_acknowledgement_that_found_no_space_is_given_again(play):
    async def script(world):
        await world.call_until_heard("raise", "one")
        await world.until_asked(world.email("level1"))
        with world.full_disk("pager"):
            assert (await world.call("acknowledge", "two")).outcome == "unknown"
        assert (await world.call_until_heard("acknowledge", "two")).changed

    await play("pager", Scenario("acknowledged with space", script))


async def test_a_level_that_became_due_on_a_full_disk_is_paged_once_there_is_space(play):
    async def script(world):
        await world.call_until_heard("raise", "one")
        await world.until_asked(world.email("level1"))
        with world.full_disk("pager"):
            well_past = time.time() + 3
            while time.time() < well_past:
                assert (await world.call("raise", "two")).outcome == "unknown"

    await play("pager", Scenario("due meanwhile", script, levels=TWO_LEVELS, timeout_seconds=1, reached=2))


async def test_a_page_whose_ledger_has_no_space_is_sent_once_it_has(play):
    async def script(world):
        with world.full_disk("notifier"):
            await world.call_until_heard("raise", "one")
            await world.until_told("pager", "hand_off_failed")

    await play("notifier", Scenario("a full ledger", script))
