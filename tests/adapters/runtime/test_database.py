import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from pager_domain.errors import StoreUnavailable
from pager_grpc.runtime.columns import as_moment, sqlite_moment
from pager_grpc.runtime.config import ConfigurationFault
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.database_errors import is_contention


@pytest.mark.parametrize("moment", [datetime.min, datetime(999, 1, 1), datetime.max], ids=str)  # noqa: DTZ901, DTZ001 - UTC below
def test_every_moment_of_the_calendar_is_written_so_that_it_can_be_read(moment):
    written = sqlite_moment(moment.replace(tzinfo=UTC))
    assert len(written) == len("2026-03-01 12:00:00.123456")
    assert as_moment(written) == moment.replace(tzinfo=UTC)
    assert as_moment(moment) == moment.replace(tzinfo=UTC)


async def test_a_second_process_on_one_sqlite_file_is_refused(tmp_path):
    url = f"sqlite+aiosqlite:///{tmp_path / 'one.db'}"
    first = open_database(url)
    with pytest.raises(ConfigurationFault) as fault:
        open_database(url)
    assert "another process uses this SQLite file" in fault.value.faults[0]
    await first.close()
    await open_database(url).close()


async def test_a_database_that_does_not_exist_is_unavailable(postgres_url):
    missing = open_database(postgres_url.replace("test_", "never_", 1))
    with pytest.raises(StoreUnavailable):
        async with missing.begin() as connection:
            await connection.execute(text("SELECT 1"))
    await missing.close()


async def test_two_that_wait_for_each_other_are_told_apart_and_the_loser_tries_again(postgres_url):
    database = open_database(postgres_url)
    async with database.begin() as connection:
        await connection.execute(text("CREATE TABLE things AS SELECT n, 0 AS taken FROM generate_series(1, 2) AS n"))
    both_hold_one = asyncio.Barrier(2)

    def taking(first, second):
        tries = []

        async def take():
            tries.append(1)
            async with database.begin() as connection:
                await connection.execute(text(f"UPDATE things SET taken = taken + 1 WHERE n = {first}"))
                if len(tries) == 1:
                    await both_hold_one.wait()
                await connection.execute(text(f"UPDATE things SET taken = taken + 1 WHERE n = {second}"))

        return take

    await asyncio.gather(database.retrying(taking(1, 2)), database.retrying(taking(2, 1)))
    async with database.begin() as connection:
        assert set((await connection.execute(text("SELECT taken FROM things"))).scalars()) == {2}
    await database.close()


@pytest.fixture
async def held(postgres_url):
    """A database, and a transaction in it that holds the only row of ``things``."""
    database = open_database(postgres_url)
    async with database.begin() as connection:
        await connection.execute(text("CREATE TABLE things AS SELECT 1 AS n"))
    async with database.engine.connect() as holder:
        await holder.execute(text("SELECT * FROM things FOR UPDATE"))
        yield database, holder
    await database.close()


async def test_who_loses_many_times_wins_in_the_end(held):
    database, holder = held
    tries = []

    async def take():
        tries.append(1)
        async with database.begin() as connection:
            await connection.execute(text("SET LOCAL lock_timeout = '1ms'"))
            if len(tries) == 8:
                await holder.rollback()
            await connection.execute(text("UPDATE things SET n = 2"))

    await database.retrying(take)
    assert len(tries) == 8


async def test_who_loses_for_too_long_is_told(held):
    database, _ = held

    async def take():
        async with database.begin() as connection:
            await connection.execute(text("SET LOCAL lock_timeout = '500ms'"))
            await connection.execute(text("UPDATE things SET n = 2"))

    with pytest.raises(StoreUnavailable):
        await database.retrying(take)


async def test_a_reader_sees_one_moment_and_cannot_write(held):
    database, holder = held
    async with database.snapshot() as reader:
        assert (await reader.execute(text("SELECT n FROM things"))).scalar_one() == 1
        await holder.execute(text("UPDATE things SET n = 2"))
        await holder.commit()
        assert (await reader.execute(text("SELECT n FROM things"))).scalar_one() == 1
    async with database.snapshot() as reader:
        assert (await reader.execute(text("SELECT n FROM things"))).scalar_one() == 2
        with pytest.raises(DBAPIError, match="read-only"):
            await reader.execute(text("UPDATE things SET n = 3"))


async def test_a_writer_after_a_reader_has_the_level_of_the_database(serializable_url):
    database = open_database(serializable_url)
    for entered, level in ((database.begin, "serializable"), (database.snapshot, "repeatable read")) * 2:
        async with entered() as connection:
            assert (await connection.execute(text("SHOW transaction_isolation"))).scalar_one() == level
    await database.close()


async def test_a_glance_at_a_serializable_database_makes_no_writer_try_again(serializable_url, postgres_url):
    for url, level in ((serializable_url, "repeatable read"), (postgres_url, "read committed")):
        database = open_database(url)
        for _ in range(2):
            async with database.glance() as connection:
                assert (await connection.execute(text("SHOW transaction_isolation"))).scalar_one() == level
        await database.close()


async def test_a_lock_that_another_session_keeps_is_waited_for_briefly_and_told_as_a_lost_race(postgres_url):
    database = open_database(postgres_url)
    async with database.begin() as connection:
        await connection.execute(text("CREATE TABLE things AS SELECT 1 AS n"))
    async with database.begin() as holder:
        await holder.execute(text("LOCK TABLE things"))
        with pytest.raises(DBAPIError) as lost:
            async with asyncio.timeout(60), database.begin() as connection:
                await connection.execute(text("SELECT n FROM things"))
        assert is_contention(lost.value)
    assert await _count(database) == 1
    await database.close()


async def test_a_statement_that_takes_too_long_is_cut_and_told_as_unavailable(postgres_url):
    database = open_database(postgres_url)
    with pytest.raises(StoreUnavailable) as cut:
        async with asyncio.timeout(60), database.begin() as connection:
            await connection.execute(text("SELECT pg_sleep(600)"))
    assert "statement timeout" in str(cut.value.__cause__)
    await database.close()


async def test_a_transaction_that_does_nothing_is_ended_by_the_server_and_gives_its_locks_free(postgres_url):
    database = open_database(postgres_url)
    async with database.begin() as connection:
        await connection.execute(text("CREATE TABLE things AS SELECT 1 AS n"))

    async def lock_and_do_nothing():
        async with database.begin() as idle:
            await idle.execute(text("LOCK TABLE things"))
            async with database.begin() as patient:
                await patient.execute(text("SET LOCAL lock_timeout = 0"))
                await patient.execute(text("SET LOCAL statement_timeout = 0"))
                await patient.execute(text("SELECT n FROM things"))  # waits until the idle session has lost its lock
            await idle.execute(text("SELECT n FROM things"))

    async with asyncio.timeout(60):
        with pytest.raises(StoreUnavailable):
            await lock_and_do_nothing()
    assert await _count(database) == 1
    await database.close()


async def _count(database):
    async with database.begin() as connection:
        return (await connection.execute(text("SELECT count(*) FROM things"))).scalar_one()


async def test_on_sqlite_no_statement_that_writes_stands_alone(tmp_path):
    database = open_database(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}")
    with pytest.raises(RuntimeError, match="commits"):
        async with database.alone():
            pass
    await database.close()
