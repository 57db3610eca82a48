import asyncio
import sqlite3
import threading
from contextlib import closing

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.selecting import fetch, sqlite_driver
from pager_grpc.runtime.sqlite_connection import SqliteConnection


@pytest.fixture
async def database(tmp_path):
    opened = open_database(f"sqlite+aiosqlite:///{tmp_path / 'things.db'}")
    async with opened.begin() as connection:
        await connection.execute(text("CREATE TABLE things (n INTEGER PRIMARY KEY)"))
    yield opened
    await opened.close()


def inserting(n):
    return "INSERT INTO things VALUES (?)", [n]


async def stored(database):
    async with database.begin() as connection:
        return [row["n"] for row in await fetch(connection, "SELECT n FROM things ORDER BY n", {})]


async def test_what_the_driver_wrote_is_forgotten_unless_it_is_committed(database):
    async with database.unit() as unit:
        sqlite_driver(unit.connection).write([inserting(1)])
    assert await stored(database) == []
    async with database.unit() as unit:
        sqlite_driver(unit.connection).write([inserting(1), inserting(2)])
        await unit.commit()
    assert await stored(database) == [1, 2]


async def test_a_refusal_of_the_database_is_told_as_sqlalchemy_tells_it(database):
    async with database.unit() as unit:
        with pytest.raises(IntegrityError):
            sqlite_driver(unit.connection).write([inserting(1), inserting(1)])
    assert await stored(database) == []


async def test_who_gives_up_during_a_commit_leaves_a_connection_that_works(database):
    async def write():
        async with database.unit() as unit:
            sqlite_driver(unit.connection).write([inserting(n) for n in range(1000)])
            await unit.commit()

    writing = asyncio.create_task(write())
    while not writing.done():
        await asyncio.sleep(0)
        writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert len(await stored(database)) in {0, 1000}


async def test_who_gives_up_again_and_again_during_a_commit_leaves_all_of_it_or_nothing(database):
    begun, end = asyncio.Event(), threading.Event()

    async def write():
        async with database.unit() as unit:
            driver = sqlite_driver(unit.connection)
            driver.write([inserting(1), inserting(2)])
            driver._thread.submit(end.wait, 30)  # the commit comes after it
            begun.set()
            await unit.commit()

    writing = asyncio.create_task(write())
    await begun.wait()
    reading = asyncio.create_task(stored(database))
    for _ in range(10):
        writing.cancel()
        await asyncio.sleep(0)
    assert not writing.done(), "the next transaction would begin while the thread writes this one"
    end.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await reading in ([], [1, 2])


async def test_a_commit_that_the_database_refuses_is_told_and_nothing_stands(tmp_path):
    connection = SqliteConnection(str(tmp_path / "refused.db"), isolation_level="IMMEDIATE")
    connection.fetch("PRAGMA foreign_keys=ON", {})
    connection.fetch("CREATE TABLE things (n INTEGER PRIMARY KEY)", {})
    connection.fetch("CREATE TABLE parts (n INTEGER REFERENCES things DEFERRABLE INITIALLY DEFERRED)", {})
    connection.write([("INSERT INTO parts VALUES (?)", [1])])
    with pytest.raises(sqlite3.IntegrityError):
        await connection.commit()
    await connection.commit()
    assert connection.fetch("SELECT * FROM parts", {}) == []
    await connection.close()
    with pytest.raises(sqlite3.OperationalError, match="connection closed"):
        await connection.commit()


async def test_a_connection_that_could_not_be_prepared_gives_the_file_free(tmp_path, monkeypatch):
    path = tmp_path / "things.db"
    opened = open_database(f"sqlite+aiosqlite:///{path}")
    with monkeypatch.context() as fault:
        fault.setattr(
            "pager_grpc.runtime.sqlite_file._SQLITE_PRAGMAS", ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "?")
        )
        with pytest.raises(OperationalError) as refusal:
            await stored(opened)
    # The error, whose traceback holds on to the connection, is still there.
    assert refusal.value
    with closing(sqlite3.connect(path, timeout=0)) as other:
        other.execute("CREATE TABLE things (n INTEGER PRIMARY KEY)")
    await opened.close()
