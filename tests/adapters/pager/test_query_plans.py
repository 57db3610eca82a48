"""No loop of the pager reads history: what is over does not make slower what is under way, however much there is."""

import asyncio
from datetime import timedelta

import pytest
from adapters.history import a_database_for_many_tests, copies, run_beside
from adapters.pager.a_day import Day
from adapters.plans import watching_plans

from pager_grpc.pager import tables
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import migrate

COPIES = 3_000
HISTORY = ("incidents", "incident_events", "notifications", "bundles", "request_answers")
BESIDE = ("monitored_services", "recipients")
LIVE = (
    "ix_incidents_due",
    "uq_incidents_unresolved",
    "ix_notifications_due",
    "ix_notifications_unclaimed",
    "ix_bundles_due",
)
_IDS = ("incident_id", "notification_id", "bundle_id", "request_id")
_OF_A_SERVICE = "monitored_service_id LIKE 'past-%'"
_ROWS = {
    tables.MonitoredServiceRow: _OF_A_SERVICE,
    tables.LastKnownPolicyRow: _OF_A_SERVICE,
    tables.BundleRow: "true",
    tables.IncidentRow: _OF_A_SERVICE,
    tables.IncidentEventRow: _OF_A_SERVICE,
    tables.NotificationRow: _OF_A_SERVICE,
    tables.RequestAnswerRow: _OF_A_SERVICE,
}


def years(sqlite):
    """The statements that copy what there is, so that a service has had six incidents."""
    differ = {name: f"{name} || '-' || n" for name in _IDS}
    differ["monitored_service_id"] = f"monitored_service_id || '-' || (n % {COPIES // 6})"
    differ["position"] = "position + 1000 * n" if sqlite else None
    return [copies(tables.table_of(row), sqlite, COPIES, where, differ) for row, where in _ROWS.items()]


async def write_history(url):
    """Tens of thousands of finished rows, a few under way, and a planner that knows."""
    first = open_database(url)
    await migrate(first, "pager")
    await Day(first).passes("past")
    await first.close()
    await run_beside(url, *years(first.is_sqlite))
    second = open_database(url)
    await Day(second).breaks("open")
    await second.close()
    await run_beside(url, "DELETE FROM recipients")  # who was paged is calm again


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


async def test_no_statement_of_the_loops_reads_history(database):
    day = Day(database)
    async with watching_plans(database, HISTORY, LIVE) as plans:
        await day.passes("today")
        await day.begins_again("tonight")
        await day.is_looked_at("today")
    assert plans.tables == {*HISTORY}
    assert plans.faults == {}


@pytest.fixture
def empty_url(request, tmp_path):
    with a_database_for_many_tests(request, "postgresql", tmp_path) as url:
        yield url


async def test_plans_that_were_made_while_the_tables_were_empty_go_by_the_indexes_too(empty_url):
    """A session keeps them for minutes, and in the first storm the tables grow by thousands of rows a second."""
    database = open_database(empty_url)
    await migrate(database, "pager")
    async with watching_plans(database, HISTORY, LIVE) as plans:
        await Day(database).passes("today")
    await Day(database).everybody_is_calm()
    async with watching_plans(database, (*HISTORY, *BESIDE), LIVE) as foreseen:
        await Day(database).fires_as_foreseen("tonight")
    await database.close()
    assert plans.tables == {*HISTORY}
    assert plans.faults == foreseen.faults == {}


async def test_a_level_that_fires_as_foreseen_goes_by_keys_alone(database):
    await Day(database).everybody_is_calm()
    async with watching_plans(database, (*HISTORY, *BESIDE), LIVE) as plans:
        await Day(database).fires_as_foreseen("tonight")
    assert plans.tables > {*BESIDE}
    assert plans.faults == {}


async def test_what_is_over_is_forgotten_without_a_look_at_what_is_kept(database):
    async with watching_plans(database, HISTORY, LIVE) as plans:
        gone = await Day(database).is_forgotten(timedelta(minutes=COPIES - 100))
        nothing = await Day(database).is_forgotten(timedelta(minutes=2 * COPIES))
    assert [rows > 50 for rows in gone] == [True, True, True, False]
    assert nothing == [0, 0, 0, 0]
    assert plans.faults == {}


async def test_an_index_that_is_missed_is_noticed(database):
    async with database.begin() as connection:
        await connection.exec_driver_sql("DROP INDEX ix_notifications_bundle")
    async with watching_plans(database, HISTORY, LIVE) as plans:
        await Day(database).passes("tomorrow")
    assert len([statement for statement in plans.faults if "WHERE bundle_id" in statement]) == 2
