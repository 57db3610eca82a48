"""The ledger finds a delivery as quickly after years as on the first day."""

import asyncio
from datetime import timedelta

import pytest
from adapters.history import a_database_for_many_tests, copies, run_beside
from adapters.notifier.ledgers import working_ledger
from adapters.plans import watching_plans
from contracts.notifier_delivery_ledger import accepting, asking
from fakes.notifier_builders import an_email

from pager_domain.notifier.ports.delivery_ledger import LedgerPosition
from pager_grpc.notifier.delivery_history_sql import SqlDeliveryHistory
from pager_grpc.notifier.tables import DELIVERIES
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import migrate


async def write_history(url):
    """Tens of thousands of deliveries that have ended."""
    database = open_database(url)
    await migrate(database, "notifier")
    async with working_ledger(database) as ledger:
        await ledger.change("past", asking(an_email("past")))
        await ledger.change("past", accepting())
    await database.close()
    await run_beside(
        url, copies(DELIVERIES, database.is_sqlite, 30_000, "true", {"delivery_id": "delivery_id || '-' || n"})
    )


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def url(request, tmp_path_factory):
    with a_database_for_many_tests(request, request.param, tmp_path_factory.mktemp("history")) as url:
        asyncio.run(write_history(url))
        yield url


@pytest.fixture
async def database(url):
    opened = open_database(url)
    yield opened
    await opened.close()


async def test_no_statement_of_a_hand_off_reads_the_past(database):
    async with working_ledger(database) as ledger, watching_plans(database, ["deliveries"], []) as plans:
        for page in ("today", "tonight"):
            await ledger.change(page, asking(an_email(page)))
            await ledger.change(page, accepting())
        await ledger.find("past-100")
        newest = await ledger.newest((), 50, None)
        await ledger.newest((), 50, LedgerPosition(newest[-1].create_time, newest[-1].delivery_id))
    assert plans.statements.total() >= 7
    assert plans.faults == {}


async def test_what_has_ended_is_forgotten_without_a_look_at_what_is_kept(database):
    history = SqlDeliveryHistory(database, rows=100)
    async with watching_plans(database, ["deliveries"], []) as plans:
        assert await history.forget(timedelta(days=20)) == 100
        assert await history.forget(timedelta(days=40)) == 0
    assert plans.faults == {}


async def test_a_look_at_all_of_the_past_is_noticed(database):
    async with watching_plans(database, ["deliveries"], []) as plans, database.begin() as connection:
        await connection.exec_driver_sql("SELECT count(*) FROM deliveries WHERE provider = 'nobody'")
    assert len(plans.faults) == 1
