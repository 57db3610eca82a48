"""Loops that never end by accident: an unexpected error is logged, counted and tried again with backoff."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from pager_domain.errors import StoreUnavailable

log = structlog.get_logger()

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
_MOST_DOUBLINGS = 10


STEPS_FAILED: dict[str, int] = {}
"""How many steps of each loop of this process have failed, by its name."""


class LoopEnded(Exception):
    """Something that must go on for as long as the process has ended. The process is better started again."""


class Doorbell:
    """Wakes a loop. A ring while nobody waits is kept, so that none is missed."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """There may be work."""
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Returns after a ring, at the latest after ``seconds``."""
        try:
            async with asyncio.timeout(max(seconds, 0)):
                await self._rung.wait()
        except TimeoutError:
            return
        finally:
            self._rung.clear()


async def run_forever(name: str, step: Callable[[], Awaitable[float]], bell: Doorbell) -> None:
    """Calls ``step`` again and again; between calls waits for the bell, at most the seconds that ``step`` returned."""
    failures = 0
    STEPS_FAILED.setdefault(name, 0)  # who watches a number must see it begin
    while True:
        try:
            pause = await step()
            failures = 0
        except StoreUnavailable as error:
            failures += 1
            pause = _backoff(failures)
            log.warning("loop_waits_for_database", loop=name, failures=failures, cause=str(error.__cause__)[:200])
        except Exception:
            failures += 1
            pause = _backoff(failures)
            log.exception("loop_step_failed", loop=name, failures=failures, pause_seconds=round(pause, 2))
        if failures:
            STEPS_FAILED[name] += 1
            await asyncio.sleep(pause)
        elif pause > 0:
            await bell.wait(pause)
        else:
            await asyncio.sleep(0)


@asynccontextmanager
async def running(*loops: Awaitable[None]) -> AsyncIterator[None]:
    """Runs ``loops`` as tasks while the body runs; cancels and awaits them after it.

    Raises:
        LoopEnded: one of them ended by an error of its own, and the body was cancelled: what it did nobody does now.
    """
    owner, broken = asyncio.current_task(), []

    def ended(loop: asyncio.Future[None]) -> None:
        if not loop.cancelled() and (error := loop.exception()) is not None:
            broken.append(error)
            if owner is not None and len(broken) == 1:
                owner.cancel()

    tasks = [asyncio.ensure_future(loop) for loop in loops]
    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    except asyncio.CancelledError:
        if broken and owner is not None and owner.uncancel() == 0:
            raise LoopEnded from broken[0]
        raise
    finally:
        for task in tasks:
            task.remove_done_callback(ended)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _backoff(failures: int) -> float:
    return random.uniform(_FIRST_PAUSE, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(failures, _MOST_DOUBLINGS)))  # noqa: S311 - jitter is no secret
