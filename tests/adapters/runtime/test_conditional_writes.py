"""Writes under a condition, on the engine that has them: all of them or nothing, and never one without it."""

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, select

from pager_grpc.runtime.conditional_writes import ConditionalWrites, conditional
from pager_grpc.runtime.database import open_database

THINGS = Table("conditional_things", MetaData(), Column("name", Text, primary_key=True), Column("size", Integer))


@pytest.fixture
async def connection(postgres_url):
    database = open_database(postgres_url)
    async with database.begin() as opened:
        await opened.run_sync(THINGS.metadata.create_all)
        yield opened
    await database.close()


async def written_if(connection, holds):
    writes = ConditionalWrites(connection)
    writes.update(THINGS, [{"name": "a", "size": 2}])
    writes.upsert(THINGS, [{"name": "b", "size": 2}])
    writes.insert(THINGS, [{"name": "c", "size": 2}], or_skip=True)
    told = await writes.run_if("condition AS (SELECT 1 WHERE CAST(:holds AS boolean))", {"holds": holds})
    found = (await connection.execute(select(THINGS).order_by(THINGS.c.name))).all()
    return told, [tuple(row) for row in found]


async def test_every_kind_of_write_is_under_the_condition(connection):
    await connection.execute(THINGS.insert().values(name="a", size=1))
    assert await written_if(connection, False) == (False, [("a", 1)])
    assert await written_if(connection, True) == (True, [("a", 2), ("b", 2), ("c", 2)])


def test_what_would_be_written_whatever_the_condition_says_is_not_written():
    assert conditional("INSERT INTO t SELECT r.a FROM unnest(:a) AS r(a)").count("FROM condition, unnest(") == 1
    with pytest.raises(ValueError, match="can be put under a condition: DELETE FROM t"):
        conditional("DELETE FROM t WHERE a = :a")
