"""A loop that stands still is noticed, and a process whose loop does not come back is ended."""

import subprocess
import sys
import time

import pytest
from prometheus_client import CollectorRegistry

from pager_grpc.runtime.loop_watch import BEAT_SECONDS, NOTICED_SECONDS, LoopWatch


class Beaten:
    """A watch whose time is set by hand."""

    def __init__(self) -> None:
        self.now, self.counted = 0.0, CollectorRegistry()
        self.watch = LoopWatch(self.counted, clock=lambda: self.now)

    async def after(self, seconds: float) -> None:
        self.now += seconds
        await self.watch.step()

    @property
    def seen(self):
        return (
            self.counted.get_sample_value("loop_stood_still_total"),
            self.counted.get_sample_value("loop_longest_standstill_seconds"),
        )


async def test_a_beat_that_comes_in_time_or_a_little_late_is_no_standstill():
    beaten = Beaten()
    await beaten.after(100)  # the first one cannot be late
    await beaten.after(BEAT_SECONDS)
    await beaten.after(BEAT_SECONDS + NOTICED_SECONDS)
    assert beaten.seen == (0, pytest.approx(NOTICED_SECONDS))


async def test_a_beat_that_is_over_a_second_late_is_counted_and_the_worst_one_is_kept():
    beaten = Beaten()
    await beaten.after(0)
    await beaten.after(BEAT_SECONDS + 7)
    await beaten.after(BEAT_SECONDS + 2)
    assert beaten.seen == (2, pytest.approx(7))


WATCHED = """
import asyncio, sys, time
from prometheus_client import CollectorRegistry
from pager_grpc.runtime.loop_watch import LoopWatch
from pager_grpc.runtime.supervision import Doorbell, run_forever, running

async def main():
    watch = LoopWatch(CollectorRegistry(), end_after=1.5)
    async with running(run_forever("loop_watch", watch.step, Doorbell())):
        for _ in range(20):
            await asyncio.sleep(0.1)  # longer in all than a process is given
        print("serving", flush=True)
        {then}
    watch.close()
    time.sleep(2)

asyncio.run(main())
print("left")
"""


def watched(then: str) -> "subprocess.CompletedProcess[str]":
    program = WATCHED.replace("{then}", then)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)


def test_a_process_whose_loop_does_not_come_back_is_ended_and_tells_where_it_stood():
    begun = time.monotonic()
    ended = watched("time.sleep(1000)")
    assert time.monotonic() - begun < 60
    assert (ended.returncode, ended.stdout) == (1, "serving\n")
    assert "in main" in ended.stderr


def test_a_loop_that_beats_is_left_alone_and_so_is_one_that_leaves():
    ended = watched("pass")
    assert (ended.returncode, ended.stdout) == (0, "serving\nleft\n")
