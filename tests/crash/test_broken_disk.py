"""Fault row 21: a sync of SQLite's file fails once, at the N-th time, for each N of the shortest scenarios.

Whether a second sync would tell the truth nobody knows: the kernel may have thrown away what it could not write. So the
process ends, the next one reads what there is and makes it durable before it answers from it.
"""

import os
import subprocess
import sys
from functools import partial

import pytest
from crash.rooms import PYTHON_PATH
from crash.scenarios import SCENARIOS
from crash.sweeping import played, side_by_side
from crash.world import Crash

pytestmark = pytest.mark.timeout(600)  # many worlds in each test

SHORTEST = [s for s in SCENARIOS if s.name in ("raised until heard", "acknowledged when paged")]

GIVEN_UP = """
import asyncio, pathlib
from crash.syscalls import supervise
from sqlalchemy import text
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.selecting import sqlite_driver

folder = pathlib.Path()

async def give_up():
    database = open_database("sqlite+aiosqlite:///things.db")
    async with database.begin() as connection:
        await connection.execute(text("CREATE TABLE things (n INTEGER PRIMARY KEY)"))

    async def write():
        async with database.unit() as unit:
            sqlite_driver(unit.connection).write([("INSERT INTO things VALUES (1)", [])])
            (folder / "armed").touch()
            await unit.commit()

    writing = asyncio.create_task(write())
    await asyncio.sleep(0)
    writing.cancel()
    await asyncio.wait([writing])
    (folder / "went_on").touch()

supervise(lambda: asyncio.run(give_up()), 0, folder, fail_sync_at=1)
"""


def test_a_process_ends_at_a_sync_that_fails_also_when_whoever_waited_for_it_has_given_up(tmp_path):
    environment = os.environ | PYTHON_PATH | {"CRASH_MARK": str(tmp_path / "mark")}
    program = [sys.executable, "-c", GIVEN_UP]
    ended = subprocess.run(program, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (tmp_path / "mark").exists(), ended.stderr
    assert not (tmp_path / "went_on").exists()
    assert "disk_cannot_be_trusted" in ended.stdout


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
