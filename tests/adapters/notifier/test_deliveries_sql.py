import asyncio
import inspect as code
from datetime import timedelta

import pytest
from contracts.notifier_delivery_ledger import DeliveryLedgerContract, asking
from fakes.notifier_builders import HandClock, an_email, an_sms
from sqlalchemy import inspect, text

from pager_domain.errors import StoreUnavailable
from pager_domain.notifier.messages import Channel
from pager_domain.notifier.model import LEASE, MAX_DOUBTS, DeliveryState, InDoubt, settle
from pager_grpc.notifier import tables
from pager_grpc.notifier.deliveries_sql import SqlDeliveryLedger
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import migrate


@pytest.fixture
def ledger(database):
    return SqlDeliveryLedger(database)


class TestSqlDeliveryLedger(DeliveryLedgerContract):
    @pytest.fixture
    def ledger(self, database):
        return SqlDeliveryLedger(database)


def test_the_database_knows_the_words_and_bounds_of_the_rules():
    source = code.getsource(tables)
    assert all(f"'{word}'" in source for word in (*DeliveryState, *Channel))
    assert f"BETWEEN 0 AND {MAX_DOUBTS}" in source
    assert f"doubt_count = {MAX_DOUBTS}" in source


async def test_every_end_of_a_delivery_can_be_stored(ledger):
    for attempt in (1, 2, 3):
        await ledger.change("page-1", asking(an_email()))
        rule = lambda stored, now, attempt=attempt: settle(stored, attempt, InDoubt("timeout"), now)  # noqa: E731 - a rule
        line = await ledger.change("page-1", rule)
    assert line.state is DeliveryState.UNKNOWN
    assert await ledger.find("page-1") == line


async def test_the_ledger_holds_neither_address_nor_text(database, ledger):
    for message in (an_email("page-1"), an_sms("page-2")):
        await ledger.change(message.delivery_id, asking(message))
    async with database.begin() as connection:
        rows = str((await connection.execute(text("SELECT * FROM deliveries"))).all())
    for secret in ("ana@", "4915112345", "checkout", "Please look"):
        assert secret not in rows


async def test_a_look_at_the_newest_pages_walks_an_index(database):
    async with database.begin() as connection:
        indexes = await connection.run_sync(lambda c: inspect(c).get_indexes("deliveries"))
    assert [index["column_names"] for index in indexes] == [["create_time", "delivery_id"]]


async def test_on_postgresql_one_who_waited_for_the_line_judges_by_the_time_after_the_wait(postgres_url):
    database = open_database(postgres_url)
    await migrate(database, "notifier")
    ledger = SqlDeliveryLedger(database)
    await ledger.change("page-1", asking(an_email()))
    moments = []

    def watching(stored, now):
        moments.append(now)
        return stored

    async with database.begin() as holder:
        await holder.execute(text("SELECT 1 FROM deliveries FOR UPDATE"))
        waiting = asyncio.create_task(ledger.change("page-1", watching))
        await _somebody_waits_for_a_lock(database)
        released = (await holder.execute(text("SELECT clock_timestamp()"))).scalar_one()
    await waiting
    assert moments[0] >= released
    await database.close()


async def test_on_sqlite_the_lease_ends_by_the_clock_of_the_process(tmp_path):
    clock = HandClock()
    database = open_database(f"sqlite+aiosqlite:///{tmp_path / 'notifier.db'}", clock=clock)
    await migrate(database, "notifier")
    ledger = SqlDeliveryLedger(database)
    begun = await ledger.change("page-1", asking(an_email()))
    assert begun.sending_until == clock.now() + LEASE
    clock.advance(LEASE.total_seconds())
    assert (await ledger.change("page-1", asking(an_email()))).doubt_count == 1
    await database.close()


async def test_a_ledger_survives_its_process(tmp_path):
    url = f"sqlite+aiosqlite:///{tmp_path / 'notifier.db'}"
    first = open_database(url)
    await migrate(first, "notifier")
    begun = await SqlDeliveryLedger(first).change("page-1", asking(an_email(), 3))
    await first.close()
    second = open_database(url)
    assert await SqlDeliveryLedger(second).find("page-1") == begun
    await second.close()


async def test_a_ledger_that_cannot_be_reached_says_so():
    database = open_database("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    ledger = SqlDeliveryLedger(database)
    for call in (ledger.change("page-1", asking(an_email())), ledger.find("page-1"), ledger.newest((), 1, None)):
        with pytest.raises(StoreUnavailable):
            await call
    await database.close()


async def _somebody_waits_for_a_lock(database):
    async with asyncio.timeout(timedelta(seconds=1).total_seconds()):
        while True:
            async with database.begin() as connection:
                waits = await connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))
                if waits.scalar_one():
                    return
