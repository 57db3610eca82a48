"""How long commits take: the first thing that a sick disk, or a sick database, shows."""

from collections import deque
from collections.abc import Awaitable, Callable
from statistics import median
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")


class CommitTimes:
    """How long the last commits took that stand; ``observe`` is told of each, in seconds."""

    def __init__(self) -> None:
        self.observe: Callable[[float], None] = lambda _seconds: None
        self._newest: deque[float] = deque(maxlen=100)

    @property
    def median(self) -> float | None:
        """Of the last hundred, in seconds; None before the first one."""
        return median(self._newest) if self._newest else None

    def timed(self, commit: Callable[[], Awaitable[T]]) -> Callable[[], Awaitable[T]]:
        """``commit``, timed; it may be a statement that is a transaction of its own."""

        async def committing() -> T:
            begun = perf_counter()
            answer = await commit()
            self._note(perf_counter() - begun)
            return answer

        return committing

    def _note(self, seconds: float) -> None:
        self._newest.append(seconds)
        self.observe(seconds)
