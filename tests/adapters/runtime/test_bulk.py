from datetime import UTC, datetime

import pytest
from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, Table, Text, select

from pager_grpc.runtime.bulk import Writes, insert_rows, upsert_rows
from pager_grpc.runtime.columns import JsonDocument, UtcDateTime
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.postgres_driver import driver_of

THINGS = Table(
    "things",
    MetaData(),
    Column("name", Text, primary_key=True),
    Column("size", Integer),
    Column("big", BigInteger),
    Column("good", Boolean),
    Column("document", JsonDocument),
    Column("at", UtcDateTime),
)
NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def a_thing(name, **changes):
    usual = {"size": 1, "big": 2**60, "good": True, "document": {"ä": [1, None]}, "at": NOON}
    return {"name": name} | usual | changes


@pytest.fixture
async def connection(database_url):
    database = open_database(database_url)
    async with database.begin() as opened:
        await opened.run_sync(THINGS.metadata.create_all)
        yield opened
    await database.close()


async def stored(connection):
    return [dict(row) for row in (await connection.execute(select(THINGS).order_by(THINGS.c.name))).mappings()]


async def update_rows(connection, table, rows):
    writes = Writes(connection)
    writes.update(table, rows)
    await writes.run()


async def test_rows_are_read_as_they_were_written(connection):
    things = [a_thing("a"), a_thing("b", size=None, big=None, good=None, at=None), a_thing("'; --", document=[])]
    await insert_rows(connection, THINGS, things)
    assert await stored(connection) == sorted(things, key=lambda thing: thing["name"])


async def test_what_exists_is_skipped_updated_or_replaced(connection):
    await insert_rows(connection, THINGS, [a_thing("a")])
    await insert_rows(connection, THINGS, [a_thing("a", size=9), a_thing("b")], or_skip=True)
    await update_rows(connection, THINGS, [{"name": "a", "size": 5}, {"name": "nobody", "size": 5}])
    await upsert_rows(connection, THINGS, [a_thing("b", good=False), a_thing("c")])
    assert await stored(connection) == [a_thing("a", size=5), a_thing("b", good=False), a_thing("c")]


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 255, 256, 257, 600])
async def test_every_number_of_rows_is_written_whole(connection, number):
    things = [a_thing(f"{n:03}", size=n) for n in range(number)]
    await insert_rows(connection, THINGS, things)
    assert await stored(connection) == things
    await update_rows(connection, THINGS, [{"name": thing["name"], "size": -thing["size"]} for thing in things])
    await upsert_rows(connection, THINGS, [{"name": thing["name"], "good": False} for thing in things])
    assert await stored(connection) == [thing | {"size": -thing["size"], "good": False} for thing in things]


async def test_nothing_to_write_is_nothing(connection):
    for write in (insert_rows, update_rows, upsert_rows):
        await write(connection, THINGS, [])
    assert await stored(connection) == []


def writes_sent_on(connection):
    """The writes that PostgreSQL gets from now on, each a round trip; SQLite has none to count."""
    sent = []
    if connection.dialect.name != "sqlite":
        driver_of(connection).add_query_logger(lambda done: sent.extend(["unnest"] if "unnest" in done.query else []))
    return sent


async def test_writes_that_were_added_together_are_one_round_trip_and_all_of_them_stand(connection):
    await insert_rows(connection, THINGS, [a_thing("a"), a_thing("b")])
    sent = writes_sent_on(connection)
    writes = Writes(connection)
    writes.update(THINGS, [{"name": "a", "size": 5}])
    writes.upsert(THINGS, [a_thing("b", size=6)])
    writes.insert(THINGS, [a_thing("c"), a_thing("d")])
    await writes.run()
    await writes.run()
    found = [(thing["name"], thing["size"]) for thing in await stored(connection)]
    assert found == [("a", 5), ("b", 6), ("c", 1), ("d", 1)]
    assert len(sent) == (0 if connection.dialect.name == "sqlite" else 1)
