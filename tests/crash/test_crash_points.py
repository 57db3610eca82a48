"""Every scenario, with a room killed at each place that it passes: the promises hold, whatever died where.

On PostgreSQL ``make test`` plays a few scenarios, ``make crash-sweep`` all.
"""

import os
from functools import partial

import pytest
from crash.scenarios import NOTIFIER, SCENARIOS
from crash.sweeping import played, side_by_side
from crash.world import Crash

EVERYTHING = os.environ.get("CRASH_SWEEP") == "all"
pytestmark = pytest.mark.timeout(600)  # many worlds in each test

ALWAYS_ON_POSTGRES = ("raised until heard", "two targets", "acknowledged during delivery")
ON_POSTGRES = [scenario for scenario in SCENARIOS if EVERYTHING or scenario.name in ALWAYS_ON_POSTGRES]
BY_NAME = {"ids": lambda scenario: scenario.name}


async def _one_crash(new_world, policy_address, databases, scenario, crash):
    async with new_world(databases, crash, policy_is_down=scenario.policy_is_down) as world:
        wrong = await played(scenario, world, policy_address)
        if not world.mark.exists():
            wrong.append("it was never reached")
    return wrong


async def _swept(new_world, policy_address, databases, scenario, at_once):
    one = partial(_one_crash, new_world, policy_address, databases, scenario)
    crashes = [
        Crash(
            "notifier" if place.partition(":")[0] in NOTIFIER else "pager",
            place,
            room_for_pages=scenario.room_for_pages,
        )
        for place in scenario.places
    ]
    wrong = await side_by_side(crashes, one, at_once)
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize("scenario", SCENARIOS, **BY_NAME)
async def test_no_crash_at_any_place_breaks_a_promise(new_world, policy_address, sqlite_databases, scenario):
    await _swept(new_world, policy_address, sqlite_databases, scenario, 8)


@pytest.mark.parametrize("scenario", ON_POSTGRES, **BY_NAME)
async def test_no_crash_breaks_a_promise_on_postgresql(new_world, policy_address, postgres_databases, scenario):
    await _swept(new_world, policy_address, postgres_databases, scenario, 3)


async def test_a_place_that_is_never_reached_is_found(new_world, policy_address, sqlite_databases):
    missing = _one_crash(
        new_world, policy_address, sqlite_databases, SCENARIOS[0], Crash("pager", "healthy.committed:1")
    )
    assert await missing == ["it was never reached"]
