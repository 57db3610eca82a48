"""The loop that forgets what is over, in every room: little by little, so that nobody waits for it."""

import asyncio
from collections import Counter as Tally
from collections.abc import Awaitable, Callable

import structlog
from prometheus_client import Counter

log = structlog.get_logger()

PAUSE_SECONDS = 600.0
"""Between two looks that find nothing."""
_SHORTEST_PAUSE_SECONDS = 0.05
_REST = 9.0
"""Times as long as a transaction took: at most a tenth of the time is spent on forgetting."""


class ForgettingLoop:
    """``forget`` forgets a little and says what, and how many rows; None: nothing is left. ``counter`` counts them."""

    def __init__(self, forget: Callable[[], Awaitable[tuple[str, int] | None]], counter: Counter) -> None:
        self._forget = forget
        self._counter = counter
        self._since_last_told: Tally[str] = Tally()

    async def step(self) -> float:
        """Seconds until the next little."""
        clock = asyncio.get_running_loop().time
        begun = clock()
        forgotten = await self._forget()
        if forgotten is None:
            self._tell()
            return PAUSE_SECONDS
        what, rows = forgotten
        self._counter.labels(what).inc(rows)
        self._since_last_told[what] += rows
        return max(_SHORTEST_PAUSE_SECONDS, _REST * (clock() - begun))

    def _tell(self) -> None:
        if self._since_last_told:
            log.info("forgotten", **self._since_last_told)
        self._since_last_told.clear()
