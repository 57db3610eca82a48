import asyncio
import traceback

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from pager_domain.errors import StoreUnavailable
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.database_errors import is_contention
from pager_grpc.runtime.postgres_driver import driver_of, fetch


@pytest.fixture
async def database(postgres_url):
    opened = open_database(postgres_url)
    async with opened.begin() as connection:
        await connection.execute(text("CREATE TABLE things (n integer PRIMARY KEY)"))
    yield opened
    await opened.close()


async def things(database):
    async with database.snapshot() as connection:
        return [row["n"] for row in await fetch(connection, "SELECT n FROM things ORDER BY n", {})]


async def test_what_either_layer_wrote_stands_or_falls_with_the_transaction(database):
    async with database.unit() as unit:
        await fetch(unit.connection, "INSERT INTO things VALUES (:n)", {"n": 1})
        await unit.connection.execute(text("INSERT INTO things VALUES (2)"))
    assert await things(database) == []
    async with database.unit() as unit:
        await fetch(unit.connection, "INSERT INTO things VALUES (:n)", {"n": 1})
        await unit.connection.execute(text("INSERT INTO things VALUES (2)"))
        await unit.commit()
    assert await things(database) == [1, 2]


async def test_a_name_is_one_bind_wherever_it_stands_and_a_cast_is_none(database):
    async with database.snapshot() as connection:
        [row] = await fetch(connection, "SELECT :a::text || :b || :a AS said", {"a": "x", "b": "y"})
    assert row["said"] == "xyx"


async def test_a_refusal_is_told_as_sqlalchemy_tells_it(database):
    with pytest.raises(IntegrityError) as refusal:
        async with database.begin() as connection:
            await fetch(connection, "INSERT INTO things VALUES (1), (1)", {})
    assert "things_pkey" in str(refusal.value.orig)
    assert await things(database) == []


async def test_a_refusal_does_not_tell_what_was_refused(database):
    async with database.begin() as connection:
        await fetch(
            connection, "CREATE TABLE mails (address text, CONSTRAINT ck_short CHECK (length(address) < 5))", {}
        )
    refusals = []
    for write in (fetch, lambda connection, statement, binds: connection.execute(text(statement), binds)):
        with pytest.raises(DBAPIError) as refusal:
            async with database.begin() as connection:
                await write(
                    connection, "INSERT INTO mails VALUES (CAST(:address AS text))", {"address": "ana@example.com"}
                )
        refusals.append("".join(traceback.format_exception(refusal.value)))
    assert all("ck_short" in refusal for refusal in refusals)
    assert all("ana@example.com" not in refusal for refusal in refusals)
    assert "[parameters" not in refusals[1]


async def test_a_plan_from_before_the_schema_changed_is_a_lost_race(database):
    everything = "SELECT * FROM things"
    async with database.begin() as connection:
        await fetch(connection, everything, {})
    other = await asyncpg.connect(database.url.replace("+asyncpg", ""))
    await other.execute("ALTER TABLE things ADD COLUMN size integer")
    await other.close()
    with pytest.raises(DBAPIError) as outdated:
        async with database.begin() as connection:
            await fetch(connection, everything, {})
    assert is_contention(outdated.value)
    async with database.begin() as connection:
        assert await fetch(connection, everything, {}) == []


async def test_a_connection_that_the_server_ended_fails_at_most_the_one_who_has_it(database):
    ended = asyncio.Event()
    async with database.begin() as first, database.begin() as second:
        drivers = [driver_of(first), driver_of(second)]
    pids = [driver.get_server_pid() for driver in drivers]
    killer = await asyncpg.connect(database.url.replace("+asyncpg", ""))

    async def end_all_while_one_is_in_use():
        async with database.begin() as mine:
            [idle] = [driver for driver in drivers if driver is not driver_of(mine)]
            idle.add_termination_listener(lambda _driver: ended.set())
            await killer.fetch("SELECT pg_terminate_backend(pid, 5000) FROM unnest($1::int[]) AS pid", pids)
            await fetch(mine, "SELECT 1", {})

    with pytest.raises(StoreUnavailable):
        await end_all_while_one_is_in_use()
    await killer.close()
    async with asyncio.timeout(10):
        await ended.wait()
    assert await things(database) == []


async def seen_by_two_at_once(database):
    """Each has one of the two connections that the pool knows."""
    async with database.begin():
        first = await things(database)
    async with database.snapshot(), database.begin() as connection:
        return first, await fetch(connection, "SELECT n FROM things", {})


async def asleep(database):
    async with database.snapshot() as connection:
        sleeping = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
        return await fetch(connection, sleeping, {})


async def test_a_connection_that_cannot_roll_back_is_given_to_nobody_again(database):
    async def fail_while_a_statement_is_under_way():
        async with database.begin() as connection:
            busy.append(asyncio.create_task(fetch(connection, "SELECT pg_sleep(600)", {})))
            while not await asleep(database):
                pass
            raise ZeroDivisionError

    busy = []
    async with asyncio.timeout(30):
        with pytest.raises(ZeroDivisionError):
            await fail_while_a_statement_is_under_way()
        assert await seen_by_two_at_once(database) == ([], [])
        with pytest.raises(DBAPIError):
            await busy[0]


async def test_a_glance_is_one_statement_without_a_transaction(database):
    async with database.glance() as connection:
        await fetch(connection, "INSERT INTO things VALUES (1)", {})
        assert not driver_of(connection).is_in_transaction()
        assert await things(database) == [1], "it stands at once: no transaction is left"


async def test_a_glance_that_is_given_up_leaves_a_connection_that_works(database):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05), database.glance() as connection:
            await fetch(connection, "SELECT pg_sleep(60)", {})
    async with asyncio.timeout(30), database.glance() as connection:
        assert [row["n"] for row in await fetch(connection, "SELECT 1 AS n", {})] == [1]


async def test_a_glance_at_a_database_that_has_gone_is_told_as_everything_else(database):
    with pytest.raises(StoreUnavailable):
        async with database.glance() as connection:
            await fetch(connection, "SELECT pg_terminate_backend(pg_backend_pid())", {})
