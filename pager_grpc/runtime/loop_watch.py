"""Notices that the event loop stood still, and ends a process whose loop does not come back.

A loop that stands still answers nobody, fires no timer and keeps its leases until they run out. Up to a second that is
a busy machine; beyond it somebody ought to know; and a process that hangs for half a minute is worse than one that is
gone, because nothing starts it again.
"""

import asyncio
import faulthandler
import sys
from collections.abc import Callable

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

log = structlog.get_logger()

BEAT_SECONDS = 0.25
NOTICED_SECONDS = 1.0
ENDED_SECONDS = 30.0


class LoopWatch:
    """Beats on the loop: :meth:`step` is to be called again after the seconds that it returns.

    ``end_after`` seconds without a beat (or a sixth less) the process is ended, with the stacks of all threads on
    standard error; ``faulthandler`` does that by a thread that needs no interpreter. 0: it is never ended. ``clock`` is
    in seconds.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        end_after: float = 0.0,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._clock = clock or asyncio.get_running_loop().time
        self._end_after = end_after
        self._due: float | None = None
        self._arm_at = 0.0
        self._stood_still = Counter(
            "loop_stood_still_total", "Times the event loop stood still for over a second.", registry=registry
        )
        self._longest = Gauge(
            "loop_longest_standstill_seconds", "How long the event loop stood still at most.", registry=registry
        )
        self._worst = 0.0

    async def step(self) -> float:
        """One beat. Seconds until the next."""
        now = self._clock()
        if self._end_after and now >= self._arm_at:
            faulthandler.dump_traceback_later(self._end_after, exit=True, file=sys.stderr)
            self._arm_at = now + self._end_after / 6
        late = now - self._due if self._due is not None else 0.0
        if late > NOTICED_SECONDS:
            self._stood_still.inc()
            log.warning("loop_stood_still", seconds=round(late, 2))
        if late > self._worst:
            self._worst = late
            self._longest.set(late)
        self._due = now + BEAT_SECONDS
        return BEAT_SECONDS

    def close(self) -> None:
        """Whoever leaves may take its time."""
        if self._end_after:
            faulthandler.cancel_dump_traceback_later()
