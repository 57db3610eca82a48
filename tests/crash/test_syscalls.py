"""The shortest scenarios, with a room killed before its N-th fsync or socket write, for N = 1, 2, 3 … until they end.

``make test`` takes every fifth N, ``make crash-sweep`` each.
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

STRIDE = 1 if os.environ.get("CRASH_SWEEP") == "all" else 5
SHORTEST = [s for s in SCENARIOS if s.name in ("raised once", "raised until heard", "acknowledged when paged")]
THREE_SYNCS = """
import os, pathlib, socket, sys
from crash.syscalls import supervise

def run():
    ours, theirs = socket.socketpair()
    with open("written", "wb", buffering=0) as file:
        for sign in (b"1", b"2", b"3"):
            file.write(sign)
            ours.send(b"!")
            os.fsync(file.fileno())
    ours.send(b"two")

folder = pathlib.Path()
(folder / "armed").touch()
supervise(run, int(sys.argv[1]), folder)
"""


@pytest.fixture(scope="module", autouse=True)
def _calls_can_be_stopped():
    question = "from crash.syscalls import why_not; print(why_not())"
    said = subprocess.run(
        [sys.executable, "-c", question], env=os.environ | PYTHON_PATH, capture_output=True, text=True, check=True
    )
    if reason := said.stdout.strip():
        pytest.fail(f"rooms cannot be killed at system calls here: {reason}; Linux 5.5 or newer with seccomp can")


def _supervised(folder, kill_at):
    """What the process wrote, and how many syncs and socket writes were counted."""
    mark = {"CRASH_MARK": str(folder / "mark")}
    program = [sys.executable, "-c", THREE_SYNCS, str(kill_at)]
    subprocess.run(program, env=os.environ | PYTHON_PATH | mark, cwd=folder, check=False)
    return (folder / "written").read_text(), (folder / "count").read_text(), (folder / "mark").exists()


def test_syncs_and_socket_writes_count_but_not_the_one_byte_that_wakes_a_loop(tmp_path):
    assert _supervised(tmp_path, 0) == ("123", "3 1", False)


def test_a_kill_comes_before_the_call_that_it_was_meant_for(tmp_path):
    assert _supervised(tmp_path, 2) == ("12", "2 0", True)


async def _killed_before(new_world, policy_address, databases, scenario, killed, crash):
    async with new_world(databases, crash) as world:
        wrong = await played(scenario, world, policy_address)
        killed += [crash.syscall] if world.mark.exists() else []
    return wrong


async def _calls_of(new_world, policy_address, databases, scenario, room):
    """How many syncs and socket writes ``room`` makes when nothing happens to it."""
    async with new_world(databases, Crash(room, syscall=0)) as world:
        assert await played(scenario, world, policy_address) == []
        syncs, writes = (world.folder / room / "count").read_text().split()
        return int(syncs), int(writes)


@pytest.mark.parametrize("room", ["pager", "notifier"])
@pytest.mark.parametrize("scenario", SHORTEST, ids=lambda scenario: scenario.name)
async def test_no_kill_before_an_fsync_or_a_socket_write_breaks_a_promise(
    new_world, policy_address, sqlite_databases, scenario, room, record_property
):
    syncs, writes = await _calls_of(new_world, policy_address, sqlite_databases, scenario, room)
    assert syncs >= 2
    assert writes >= 2
    killed: list[int] = []
    one = partial(_killed_before, new_world, policy_address, sqlite_databases, scenario, killed)
    numbers = range(1, syncs + writes + 1, STRIDE)
    wrong = await side_by_side([Crash(room, syscall=number) for number in numbers], one)
    assert not wrong, "\n" + "\n".join(wrong)
    said = f"{room}, {scenario.name}: {len(killed)} kills before {syncs} syncs and {writes} socket writes, by seccomp"
    record_property("syscall_kills", said)
    sys.stdout.write(said + "\n")
    assert len(killed) > len(numbers) / 2, "most of the calls were not reached a second time"
