"""A stream whose requests overlap and whose answers keep their order."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

_END: Any = object()


class InTurn(Generic[Asked, Answer]):
    """What ``answered`` makes of each of ``requests``, in their order, while several are under way.

    They begin in their order, too. While some are under way another is read only if ``reads_on`` says so, which is told
    their size: the sum of what ``size_of`` says of each. What fails, an answer or the reading, is raised once all
    before it are answered; what is under way by then is cancelled, as it is when nobody takes the answers any more.
    """

    def __init__(
        self,
        requests: AsyncIterator[Asked],
        answered: Callable[[Asked], Awaitable[Answer]],
        *,
        size_of: Callable[[Asked], int],
        reads_on: Callable[[int], bool],
    ) -> None:
        self._requests = requests
        self._answered = answered
        self._size_of = size_of
        self._reads_on = reads_on
        self._size = 0
        self._reading: asyncio.Future[Any] | None = None
        self._has_ended = False
        self._news = asyncio.Event()
        self._under_way: deque[tuple[asyncio.Future[Any], int]] = deque()

    async def answers(self) -> AsyncGenerator[Answer, None]:
        """Each once it and all before it are there."""
        try:
            while self._reads() or self._under_way:
                await self._news.wait()
                self._news.clear()
                self._begin_what_was_read()
                while self._under_way and self._under_way[0][0].done():
                    answer, size = self._under_way.popleft()
                    self._size -= size
                    yield answer.result()
        finally:
            await self._cancel()

    def _reads(self) -> bool:
        if self._reading is None and not self._has_ended and (not self._under_way or self._reads_on(self._size)):
            self._reading = self._told_of(anext(self._requests, _END))
        return self._reading is not None

    def _told_of(self, work: Awaitable[Any]) -> asyncio.Future[Any]:
        future = asyncio.ensure_future(work)
        future.add_done_callback(lambda _: self._news.set())
        return future

    def _begin_what_was_read(self) -> None:
        if (read := self._reading) is None or not read.done():
            return
        self._reading = None
        if read.cancelled() or read.exception() is not None:
            self._has_ended = True
            self._under_way.append((read, 0))  # it fails in its turn
        elif (request := read.result()) is _END:
            self._has_ended = True
        else:
            size = self._size_of(request)
            self._size += size
            self._under_way.append((self._told_of(self._answered(request)), size))

    async def _cancel(self) -> None:
        left = [one for one, _ in self._under_way] + ([self._reading] if self._reading else [])
        for one in left:
            one.cancel()
        await asyncio.gather(*left, return_exceptions=True)
