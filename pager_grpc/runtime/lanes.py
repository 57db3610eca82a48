"""Which calls wait, and which are refused, when there is more to do than can be done. No I/O.

Calls are in lanes; each lane has places, and room for as many to wait. A call that finds neither is refused at once,
one that waited in vain a little later: nobody holds the memory of a crowd.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from enum import StrEnum


class Lane(StrEnum):
    """The kinds of calls; what stands first is sacrificed first."""

    WATCH = "watch"
    READ = "read"
    ADMINISTRATION = "administration"
    RAISE_STREAM = "raise_stream"
    RAISE_LOW = "raise_low"
    RAISE = "raise"
    VITAL = "vital"
    """Never refused: an answer of somebody who was paged, and what pages need on their way."""


class Gate:
    """The places of one lane. While somebody waits in a lane that matters more it has only a quarter of them."""

    def __init__(self, places: int, patience: float, before: Sequence["Gate"] = ()) -> None:
        self._places = places
        self._patience = patience
        self._before = before
        self._inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def crowded(self) -> bool:
        """Whether somebody waits."""
        return bool(self._waiting)

    @property
    def inside(self) -> int:
        """Calls that have a place."""
        return self._inside

    async def enter(self) -> bool:
        """Whether there was a place within the patience (seconds); who has one gives it back with :meth:`leave`."""
        if not self._waiting and self._inside < self._open():
            self._inside += 1
            return True
        if len(self._waiting) >= self._places:
            return False
        return await self._waited()

    def leave(self) -> None:
        """Whoever has waited longest comes in."""
        self._inside -= 1
        self._let_in()

    def _open(self) -> int:
        if self._before and any(gate.crowded for gate in self._before):
            return max(1, self._places // 4)
        return self._places

    def _let_in(self) -> None:
        while self._waiting and self._inside < self._open():
            turn = self._waiting.popleft()
            if not turn.done():
                self._inside += 1
                turn.set_result(None)

    async def _waited(self) -> bool:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._patience):
                await turn
        except TimeoutError:
            if not turn.done() or turn.cancelled():
                self._forget(turn)
                return False
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            else:
                self._forget(turn)
            raise
        return True

    def _forget(self, turn: "asyncio.Future[None]") -> None:
        if turn in self._waiting:
            self._waiting.remove(turn)
