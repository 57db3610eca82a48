"""How much of the machine others used meanwhile: what all processes used, without ours and those we started.

Work that the kernel does by itself and time that a hypervisor took count as others'. A PostgreSQL detaches itself from
whoever starts it, so it is named to :func:`ours`.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.processes import all_below, cpu_seconds_with_ended

TOLERATED = 0.10
_CORES = os.cpu_count() or 1
_TICK = os.sysconf("SC_CLK_TCK")
_LOOK_SECONDS = 0.5
_DETACHED: set[int] = set()
_ENDED: list[float] = []


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor time up to a moment (monotonic seconds): of the whole machine, and of this suite."""

    at: float
    all: float
    ours: float

    def others_until(self, later: "Usage") -> float:
        """The share of all cores that others used, 0 to 1."""
        used = (later.all - self.all) - (later.ours - self.ours)
        return min(1.0, max(0.0, used / ((later.at - self.at) * _CORES)))


def usage() -> Usage:
    """Now."""
    alive = cpu_seconds_with_ended(all_below(os.getpid(), *_DETACHED) | _DETACHED)
    return Usage(time.monotonic(), _busy_seconds(), sum(os.times()[:4]) + sum(_ENDED) + alive)


def others_now() -> float:
    """The share of all cores that others use, looked at for half a second."""
    before = usage()
    time.sleep(_LOOK_SECONDS)
    return before.others_until(usage())


@contextmanager
def ours(pid: int) -> Iterator[None]:
    """A process that was started for us and has detached itself, with those that it starts."""
    _DETACHED.add(pid)
    try:
        yield
    finally:
        _ENDED.append(cpu_seconds_with_ended({pid} | all_below(pid)))
        _DETACHED.discard(pid)


def _busy_seconds() -> float:
    """All but idle and waiting for disks, of all cores; guests are counted in user time already."""
    user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / _TICK
