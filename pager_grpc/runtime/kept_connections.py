"""Connections that stay checked out of SQLAlchemy's pool between transactions.

To check one out and in takes SQLAlchemy longer than a small transaction takes the driver (docs/decisions/0016). Its
pool still makes them, says what is wrong with one, and replaces what is closed or old.
"""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


@dataclass(frozen=True, slots=True)
class Places:
    """How many connections there may be at once, and how many seconds one waits for a place and keeps a connection."""

    count: int
    patience: float
    lasting: float = math.inf


class KeptConnections:
    """Connections of ``engine``, whose pool must be able to have as many as there are places.

    The last one used comes first: it has its statements prepared and its caches warm.
    """

    def __init__(self, engine: AsyncEngine, places: Places) -> None:
        self._engine = engine
        self._patience, self._lasting = places.patience, places.lasting
        self._places = asyncio.Semaphore(places.count)
        self._kept: list[tuple[AsyncConnection, float]] = []
        self._closed_at = -math.inf
        self.limit = places.count
        self.in_use = 0

    @asynccontextmanager
    async def borrowed(self) -> AsyncIterator[AsyncConnection]:
        """One connection that nobody else has meanwhile.

        Raises:
            TimeoutError: none became free for ``patience`` seconds.
        """
        async with asyncio.timeout(self._patience if self._places.locked() else None):
            await self._places.acquire()
        self.in_use += 1
        try:
            connection, since = await self._taken()
            try:
                yield connection
                await self._put_back(connection, since)
            except BaseException:
                await _given_up(connection)
                raise
        finally:
            self.in_use -= 1
            self._places.release()

    async def close(self) -> None:
        """Gives back what nobody uses, and ends the rest as it comes back; who comes later begins anew."""
        self._closed_at = monotonic()
        while self._kept:
            await _given_up(self._kept.pop()[0])

    async def _taken(self) -> tuple[AsyncConnection, float]:
        while self._kept:
            connection, since = self._kept.pop()
            if not _is_closed(connection) and monotonic() - since < self._lasting:
                return connection, since
            if not connection.closed:
                await connection.invalidate()
            await _given_up(connection)
        return await self._engine.connect(), monotonic()

    async def _put_back(self, connection: AsyncConnection, since: float) -> None:
        if connection.in_transaction():  # one that SQLAlchemy began for a statement of its own
            await connection.rollback()
        if since <= self._closed_at and not connection.closed:  # its pool is gone and would keep it open
            await connection.invalidate()
        if connection.closed or connection.invalidated:
            await _given_up(connection)
        else:
            self._kept.append((connection, since))


async def _given_up(connection: AsyncConnection) -> None:
    """Back to the pool, also when whoever had it is cancelled."""
    await asyncio.shield(asyncio.create_task(connection.close()))


def _is_closed(connection: AsyncConnection) -> bool:
    """Whether the server has hung up meanwhile, or somebody has given it back to the pool."""
    if connection.closed or connection.invalidated:
        return True
    driver = connection.sync_connection.connection.driver_connection if connection.sync_connection else None
    return isinstance(driver, asyncpg.Connection) and driver.is_closed()
