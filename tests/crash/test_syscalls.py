"""The shortest scenarios, with a room killed before its N-th fsync or socket write, for N = 1, 2, 3 … until they end.

``make test`` kills at every so-manieth call, ``make crash-sweep`` at each (CRASH_SWEEP_STRIDE=1).
"""

import os
from functools import partial

import pytest
from crash.scenarios import SCENARIOS
from crash.sweeping import SIDE_BY_SIDE, played, side_by_side
from crash.world import Crash

STRIDE = int(os.environ.get("CRASH_SWEEP_STRIDE", "7"))
SHORTEST = [s for s in SCENARIOS if s.name in ("raised once", "raised until heard", "acknowledged at once")]


async def _killed_before(new_world, policy_address, databases, scenario, crash, killed):
    async with new_world(databases, crash) as world:
        wrong = await played(scenario, world, policy_address)
        killed += [crash.syscall] if world.mark.exists() else []
    return [f"{crash}: {what}" for what in wrong]


async def _calls_of(new_world, policy_address, databases, scenario, room):
    """How many calls that leave a mark ``room`` makes when nothing happens to it."""
    async with new_world(databases, Crash(room, syscall=0)) as world:
        assert await played(scenario, world, policy_address) == []
        return int((world.folder / room / "count").read_text())


@pytest.mark.parametrize("room", ["pager", "notifier"])
@pytest.mark.parametrize("scenario", SHORTEST, ids=lambda scenario: scenario.name)
async def test_no_kill_before_an_fsync_or_a_socket_write_breaks_a_promise(
    new_world, policy_address, sqlite_databases, scenario, room, record_property
):
    calls = await _calls_of(new_world, policy_address, sqlite_databases, scenario, room)
    one = partial(_killed_before, new_world, policy_address, sqlite_databases, scenario)
    killed: list[int] = []
    numbers = range(1, calls + 1, STRIDE)
    wrong = await side_by_side([partial(one, Crash(room, syscall=n), killed) for n in numbers], SIDE_BY_SIDE)
    assert wrong == []
    record_property("syscall_kills", f"{room} in {scenario.name}: {len(killed)} of {calls} calls, by seccomp")
    assert killed, f"none of {calls} calls was reached a second time"
