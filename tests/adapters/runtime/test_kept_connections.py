"""Connections are kept between transactions, and only good ones."""

import asyncio

import pytest
from sqlalchemy import text

from pager_domain.errors import StoreUnavailable
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.kept_connections import KeptConnections, Places
from pager_grpc.runtime.postgres_driver import driver_of


@pytest.fixture
async def database(postgres_url):
    opened = open_database(postgres_url)
    yield opened
    await opened.close()


def kept(database, **places):
    return KeptConnections(database.engine.execution_options(isolation_level="AUTOCOMMIT"), Places(**places))


async def session_of(connections):
    async with connections.borrowed() as connection:
        return driver_of(connection).get_server_pid()


async def test_the_last_one_used_comes_first(database):
    connections = kept(database, count=2, patience=5)
    async with connections.borrowed() as first, connections.borrowed() as second:
        assert connections.in_use == 2
        sessions = [driver_of(connection).get_server_pid() for connection in (first, second)]
    # The second was given back before the first.
    assert [await session_of(connections), await session_of(connections)] == [sessions[0]] * 2
    assert connections.in_use == 0
    await connections.close()


async def test_one_that_was_lost_while_nobody_used_it_is_replaced(database):
    connections = kept(database, count=1, patience=5)
    async with connections.borrowed() as connection:
        lost = driver_of(connection)
    session = lost.get_server_pid()
    lost.terminate()
    assert await session_of(connections) != session
    await connections.close()


async def test_an_old_one_is_replaced(database):
    connections = kept(database, count=1, patience=5, lasting=0)
    assert await session_of(connections) != await session_of(connections)
    await connections.close()


async def test_what_sqlalchemy_began_is_over_when_it_is_given_back(database):
    connections = kept(database, count=1, patience=5)
    async with connections.borrowed() as connection:
        await connection.execute(text("SELECT 1"))
        assert connection.in_transaction()
    async with connections.borrowed() as connection:
        assert not connection.in_transaction()
    await connections.close()


async def test_one_that_is_used_while_all_are_closed_ends_as_it_comes_back(database):
    connections = kept(database, count=1, patience=5)
    async with connections.borrowed() as connection:
        used = driver_of(connection)
        await connections.close()
        assert not used.is_closed()
    assert used.is_closed()
    assert await session_of(connections)
    await connections.close()


async def test_whoever_fails_or_is_cancelled_gives_its_place_back(database):
    connections = kept(database, count=1, patience=5)
    has_it = asyncio.Event()

    async def holding(end):
        async with connections.borrowed():
            has_it.set()
            await end

    with pytest.raises(ZeroDivisionError):
        await holding(_failing())
    has_it.clear()
    holder = asyncio.create_task(holding(asyncio.Event().wait()))
    await has_it.wait()
    holder.cancel()
    await asyncio.wait([holder])
    assert await session_of(connections)
    assert connections.in_use == 0
    await connections.close()


async def _failing():
    return 1 / 0


async def test_who_waits_too_long_for_a_place_is_told_that_the_store_is_unavailable(database):
    database.connections = kept(database, count=1, patience=0.01)
    async with database.begin():
        with pytest.raises(StoreUnavailable):
            async with database.begin():
                pass
    async with database.begin() as connection:
        assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
