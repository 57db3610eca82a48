"""Group commit: what arrives while a transaction is in flight shares the next one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeAlias, TypeVar

import structlog

from pager_domain.errors import DomainError, StoreUnavailable

log = structlog.get_logger()

Item = TypeVar("Item")
Result = TypeVar("Result")
Group: TypeAlias = "tuple[Sequence[Item], asyncio.Future[Sequence[Result | DomainError]]]"
"""Items that were submitted together, and who waits for their results."""


_CALM_TURNS = 20
"""So many turns of the loop that brought nothing: from its first byte to here a call takes several."""


class GroupCommit(Generic[Item, Result]):
    """Hands items to ``commit`` in batches and each result back to whoever submitted the item.

    A batch is whatever gathered while the one before was committed, and until the event loop is calm: it has nothing
    more on its way, so that to wait would be idle. On a loop that is never calm it waits for ``rest`` times as long as
    that commit took, at most; a batch that is full, or that follows a lone item, does not wait at all. Without that the
    next commit begins before the loop has taken in the calls that would share it.

    A batch has ``limit`` items at most, or is one larger group. A result that is an exception is raised from
    ``submit``. An item whose submitter has gone away is committed all the same.
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
        self._waiting: deque[Group[Item, Result]] = deque()
        self._items_waiting = 0
        self._arrived = asyncio.Event()

    @property
    def has_room(self) -> bool:
        """Whether the next batch is not full yet."""
        return self._items_waiting < self._limit

    async def submit(self, item: Item) -> Result:
        """The result of ``item`` once it is durable.

        Raises:
            DomainError: the item was refused, or the store was unavailable.
        """
        [result] = await self._entered((item,))
        if isinstance(result, DomainError):
            raise result
        return result

    async def submit_all(self, items: Sequence[Item]) -> Sequence[Result | DomainError]:
        """The results of ``items``, in their order, once they are durable; they share one batch.

        Raises:
            StoreUnavailable: all may be stored, or nothing.
        """
        return await self._entered(items)

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
            shared = len(batch) > 1
            rested = clock() + (self._rest * (clock() - begun) if shared else 0)

    def _entered(self, items: Sequence[Item]) -> "asyncio.Future[Sequence[Result | DomainError]]":
        future: asyncio.Future[Sequence[Result | DomainError]] = asyncio.get_running_loop().create_future()
        self._waiting.append((items, future))
        self._items_waiting += len(items)
        self._arrived.set()
        return future

    async def _gathered(self, rested: float) -> "list[Group[Item, Result]]":
        await self._arrived.wait()
        await self._calm(rested)
        batch: list[Group[Item, Result]] = []
        size = 0
        while self._waiting and (not batch or size + len(self._waiting[0][0]) <= self._limit):
            batch.append(self._waiting.popleft())
            size += len(batch[-1][0])
        self._items_waiting -= size
        if not self._waiting:
            self._arrived.clear()
        return batch

    async def _calm(self, end: float) -> None:
        clock = asyncio.get_running_loop().time
        turns, known = 0, self._items_waiting
        while turns < _CALM_TURNS and self.has_room and clock() < end:
            await asyncio.sleep(0)
            turns = turns + 1 if self._items_waiting == known else 0
            known = self._items_waiting

    async def _settle(self, batch: "Sequence[Group[Item, Result]]") -> None:
        try:
            results = await self._commit([item for items, _ in batch for item in items])
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
            begin = 0
            for items, future in batch:
                if not future.done():
                    future.set_result(results[begin : begin + len(items)])
                begin += len(items)


def _fail(future: "asyncio.Future[Any]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
