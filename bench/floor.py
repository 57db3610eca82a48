"""The least that a page costs on this machine, one thing after the other.

After RaiseAlert has answered, a page still needs two calls (policy, notifier), three commits (the level is fired, the
page is claimed, the notifier is about to send) and one SMTP session. The floor does just that with nothing inside:
empty calls, commits of one small row, a bare session.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic

from bench.load.bodies import alert_for
from bench.load.loops import one_by_one
from bench.servers.databases import Engine, Store, connected
from bench.servers.empty_call import EMPTY
from bench.servers.rooms import World

Commit = Callable[[], Awaitable[None]]
_CREATE = "CREATE TABLE IF NOT EXISTS bench_floor (n integer)"
_INSERT = "INSERT INTO bench_floor VALUES (1)"
_COMMANDS = (b"EHLO bench\r\n", b"MAIL FROM:<pager@example.com>\r\n", b"RCPT TO:<floor@example.com>\r\n", b"DATA\r\n")
_CONTENT = (
    b"From: pager@example.com\r\nTo: floor@example.com\r\nMessage-ID: <floor@example.com>\r\n"
    b"Subject: [CRITICAL] checkout\r\n\r\n" + b"p99 latency of checkout is above two seconds\r\n" * 10 + b".\r\n"
)


@asynccontextmanager
async def floor_of(world: World, store: Store) -> AsyncIterator[Callable[[], Awaitable[float]]]:
    """Yields what goes the way once and returns the seconds that it took."""
    body = alert_for("floor").SerializeToString()
    async with one_by_one(world.pager.target, EMPTY) as call, commits(store) as commit:

        async def once() -> float:
            begun = monotonic()
            await call(body)
            await commit()
            await commit()
            await call(body)
            await commit()
            await _bare_session(world.mail.port)
            return monotonic() - begun

        yield once


async def _bare_session(port: int) -> None:
    """Every reply is waited for, as the protocol wants it; but for the goodbye."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readline()
    for said in (*_COMMANDS, _CONTENT):
        writer.write(said)
        await reader.readline()
    writer.write(b"QUIT\r\n")
    writer.close()


@asynccontextmanager
async def commits(store: Store) -> AsyncIterator[Commit]:
    """Commits one small row, durably, with the engine of ``store``."""
    if store.engine is Engine.SQLITE:
        async with _sqlite_commits(store) as commit:
            yield commit
        return
    async with connected(store.dsn) as connection:
        await connection.execute(_CREATE)

        async def insert() -> None:
            await connection.execute(_INSERT)

        yield insert


@asynccontextmanager
async def _sqlite_commits(store: Store) -> AsyncIterator[Commit]:
    file = sqlite3.connect(store.folder / "floor.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        file.execute(f"PRAGMA {pragma}")
    file.execute(_CREATE)

    async def insert() -> None:
        file.execute(_INSERT)  # nothing else waits for this loop

    try:
        yield insert
    finally:
        file.close()
