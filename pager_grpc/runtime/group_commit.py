"""Group commit: what arrives while a transaction is in flight shares the next one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

import structlog

from pager_domain.errors import DomainError, StoreUnavailable

log = structlog.get_logger()

Item = TypeVar("Item")
Result = TypeVar("Result")


class GroupCommit(Generic[Item, Result]):
    """Hands items to ``commit`` in batches and each result back to whoever submitted the item.

    A batch is whatever gathered while the one before was committed, and for ``rest`` times as long after it; a batch
    that is full, or that follows a lone item, does not wait. A commit that works on the event loop needs the rest:
    without it the next one begins before the loop has taken in the calls that would share it.

    A result that is an exception is raised from ``submit``. An item whose submitter has gone away is committed all the
    same.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Item]], Awaitable[Sequence[Result | DomainError]]],
        limit: int,
        *,
        rest: float = 0.0,
    ) -> None:
        self._commit = commit
        self._limit = limit
        self._rest = rest
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()

    async def submit(self, item: Item) -> Result:
        """The result of ``item`` once it is durable.

        Raises:
            DomainError: the item was refused, or the store was unavailable.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._arrived.set()
        if len(self._waiting) >= self._limit:
            self._full.set()
        return await future

    async def run(self) -> None:
        """Commits batches until cancelled."""
        clock = asyncio.get_running_loop().time
        rested = clock()
        while True:
            batch = await self._gathered(rested)
            begun = clock()
            try:
                await self._settle(batch)
            except BaseException:
                for _, future in batch:
                    _fail(future, StoreUnavailable())
                raise
            rested = clock() + (self._rest * (clock() - begun) if len(batch) > 1 else 0)

    async def _gathered(self, rested: float) -> list[tuple[Item, "asyncio.Future[Result]"]]:
        await self._arrived.wait()
        if self._rest:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(rested):
                    await self._full.wait()
        batch = [self._waiting.popleft() for _ in range(min(self._limit, len(self._waiting)))]
        if not self._waiting:
            self._arrived.clear()
        if len(self._waiting) < self._limit:
            self._full.clear()
        return batch

    async def _settle(self, batch: Sequence[tuple[Item, "asyncio.Future[Result]"]]) -> None:
        try:
            results = await self._commit([item for item, _ in batch])
        except StoreUnavailable as error:
            for _, future in batch:
                _fail(future, error)
        except Exception as error:
            if len(batch) == 1:
                _fail(batch[0][1], error)
                return
            # One item that the database refuses must not fail its neighbours.
            log.exception("batch_failed_and_is_split", size=len(batch))
            for one in batch:
                await self._settle([one])
        else:
            for (_, future), result in zip(batch, results, strict=True):
                if isinstance(result, DomainError):
                    _fail(future, result)
                elif not future.done():
                    future.set_result(result)


def _fail(future: "asyncio.Future[Result]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
