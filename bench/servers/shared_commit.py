"""The least that a durable call can cost: it waits for one small row, which all who wait at the same time share."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from pager_grpc.pager.request_lanes import MAX_BATCH, REST
from pager_grpc.runtime.database import Database, open_database
from pager_grpc.runtime.group_commit import GroupCommit
from pager_grpc.runtime.selecting import change
from pager_grpc.runtime.supervision import running

_CREATE = "CREATE TABLE IF NOT EXISTS bench_shared_commit (waiting integer)"
_INSERT = "INSERT INTO bench_shared_commit VALUES (:waiting)"


@asynccontextmanager
async def shared_commits(url: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Commits on the server of ``url``, or in a file beside that of SQLite, in lanes like those of alerts."""
    database = open_database(_beside(url))
    try:
        await _written(database, _CREATE, {})

        async def commit(batch: Sequence[None]) -> Sequence[None]:
            await _written(database, _INSERT, {"waiting": len(batch)})
            return batch

        group = GroupCommit[None, None](commit, MAX_BATCH, rest=REST)
        async with running(group.run()):
            yield lambda: group.submit(None)
    finally:
        await database.close()


async def _written(database: Database, statement: str, binds: dict[str, int]) -> None:
    async with database.unit() as unit:
        await change(unit.connection, statement, binds)
        await unit.commit()


def _beside(url: str) -> str:
    """A file of SQLite has one writer."""
    return f"{url.removesuffix('.db')}-shared.db" if url.startswith("sqlite") else url
