"""Writes that go to PostgreSQL in one statement under a condition: all of them, or nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from pager_grpc.runtime import postgres_driver
from pager_grpc.runtime.bulk import Row, Writes

# Every part of a write takes its rows out of arrays: without a row beside them it writes nothing.
_SOURCE, _IF = "FROM unnest(", "FROM condition, unnest("


def conditional(part: str) -> str:
    """``part`` of a write, which then writes nothing unless ``condition`` has a row.

    Raises:
        ValueError: it takes its rows from elsewhere, and would be written whatever the condition says.
    """
    if _SOURCE not in part:
        raise ValueError(f"only what takes its rows out of arrays can be put under a condition: {part}")
    return part.replace(_SOURCE, _IF)


class ConditionalWrites(Writes):
    """What is added waits for :meth:`run_if`."""

    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection)
        if self._sqlite:
            raise RuntimeError("on SQLite whoever writes is alone, and nothing changes meanwhile")

    async def run(self) -> None:
        """Nothing goes before its condition is tried."""

    async def fetch(self, statement: str, binds: Mapping[str, Any]) -> Sequence[Any]:
        """No.

        Raises:
            RuntimeError: nothing can be read of what waits.
        """
        raise RuntimeError("what waits for a condition cannot be read yet")

    async def run_if(self, condition: str, binds: Row) -> bool:
        """Writes what was added, and tells whether it did: only if ``condition`` has a row.

        That is the SQL of WITH queries, of which the last is named so. They end before the first row is written.
        """
        parts, more, self._parts, self._binds = self._parts, self._binds, [], {}
        if not parts:
            return True
        named = [f"w{n} AS ({conditional(part)})" for n, part in enumerate(parts)]
        statement = f"WITH {', '.join([condition, *named])} SELECT count(*) AS rows FROM condition"
        [found] = await postgres_driver.fetch(self._connection, statement, {**more, **binds})
        return bool(found["rows"])
