"""Fault row 21: a sync of SQLite's file fails once, at the N-th time, for each N of the shortest scenarios.

Whether a second sync would tell the truth nobody knows: the kernel may have thrown away what it could not write. So the
process ends, the next one reads what there is and makes it durable before it answers from it.
"""

from functools import partial

import pytest
from crash.scenarios import SCENARIOS
from crash.sweeping import played, side_by_side
from crash.world import Crash

pytestmark = pytest.mark.timeout(600)  # many worlds in each test

SHORTEST = [s for s in SCENARIOS if s.name in ("raised until heard", "acknowledged when paged")]


async def _syncs_of(new_world, policy_address, databases, scenario, room):
    """How many syncs ``room`` makes when nothing happens to it."""
    async with new_world(databases, Crash(room, syscall=0)) as world:
        assert await played(scenario, world, policy_address) == []
        return int((world.folder / room / "file_syncs").read_text())


async def _with_one_that_fails(new_world, policy_address, databases, scenario, ended, crash):
    async with new_world(databases, crash) as world:
        wrong = await played(scenario, world, policy_address)
        if world.recovered.is_set():  # else it was leaving anyway
            ended.append(crash.failing_sync)
            syncs = int((world.folder / crash.room / "file_syncs").read_text())
            wrong += [f"it synced again: {syncs}"] * (syncs != crash.failing_sync)
            wrong += ["it did not say why"] * ("disk_cannot_be_trusted" not in world.rooms[crash.room].log.read_text())
    return wrong


@pytest.mark.parametrize("room", ["pager", "notifier"])
@pytest.mark.parametrize("scenario", SHORTEST, ids=lambda scenario: scenario.name)
async def test_a_room_whose_sync_fails_ends_without_another_one_and_no_promise_is_broken(
    new_world, policy_address, sqlite_databases, scenario, room
):
    syncs = await _syncs_of(new_world, policy_address, sqlite_databases, scenario, room)
    ended: list[int] = []
    one = partial(_with_one_that_fails, new_world, policy_address, sqlite_databases, scenario, ended)
    crashes = [Crash(room, syscall=0, failing_sync=number) for number in range(1, syncs + 1)]
    wrong = await side_by_side(crashes, one)
    assert not wrong, "\n" + "\n".join(wrong)
    assert ended, "none of the syncs was reached a second time"
