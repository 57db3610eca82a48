"""Group commit: what arrives while a transaction is in flight shares the next one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import structlog

from pager_domain.errors import DomainError, StoreUnavailable

log = structlog.get_logger()

Item = TypeVar("Item")
Result = TypeVar("Result")


class GroupCommit(Generic[Item, Result]):
    """Hands items to ``commit`` in batches and each result back to whoever submitted the item.

    There is no artificial wait: a batch is whatever gathered while the one before was committed. A result that is an
    exception is raised from ``submit``. An item whose submitter has gone away is committed all the same.
    """

    def __init__(
        self, commit: Callable[[Sequence[Item]], Awaitable[Sequence[Result | DomainError]]], limit: int
    ) -> None:
        self._commit = commit
        self._limit = limit
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._arrived = asyncio.Event()

    async def submit(self, item: Item) -> Result:
        """The result of ``item`` once it is durable.

        Raises:
            DomainError: the item was refused, or the store was unavailable.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        self._arrived.set()
        return await future

    async def run(self) -> None:
        """Commits batches until cancelled."""
        while True:
            await self._arrived.wait()
            batch = [self._waiting.popleft() for _ in range(min(self._limit, len(self._waiting)))]
            if not self._waiting:
                self._arrived.clear()
            try:
                await self._settle(batch)
            except BaseException:
                for _, future in batch:
                    _fail(future, StoreUnavailable())
                raise

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
