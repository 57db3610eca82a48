"""Code and schema that do not fit: at start, and under a room that runs."""

import asyncio
import re
from pathlib import Path

import grpc
import pytest
from adapters.pager.running import a_running_pager
from builders import an_application, raising
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sealed import SEALING
from structlog.testing import capture_logs

import pager_grpc
from pager_domain.errors import StoreUnavailable
from pager_grpc.pager.monitored_services_sql import SqlMonitoredServices
from pager_grpc.pager.notification_outbox_sql import SqlNotificationOutbox
from pager_grpc.pager.wakeups import Wakeups
from pager_grpc.runtime.config import ConfigurationFault
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import downgrade, migrate
from pager_grpc.runtime.schema import newest_revision, prepare_schema
from pager_grpc.runtime.schema_version import SchemaVersion

KNOWN = newest_revision("pager")
ROOMS = ("pager", "policy", "notifier")
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


async def execute(database, *statements):
    async with database.begin() as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement)


def expanded_by_newer_code(revision=KNOWN + 1):
    return f"UPDATE alembic_version SET version_num = '{revision:04d}'"


def contracted_by_newer_code(needed=KNOWN + 1):
    return f"UPDATE schema_version SET needed_revision = {needed}"


@pytest.mark.parametrize(
    ("found", "known", "reason"),
    [
        (SchemaVersion(3, 1), 3, ""),
        (SchemaVersion(4, 1), 3, ""),
        (SchemaVersion(4, 3), 3, ""),
        (
            SchemaVersion(4, 4),
            3,
            "schema is at revision 0004, for versions that know 0004; this one knows 0003: upgrade it",
        ),
        (SchemaVersion(2, 1), 3, "schema is at revision 0002, this version needs 0003; run: pagerd migrate pager"),
    ],
)
def test_code_may_use_what_it_knows_and_what_came_after_unless_that_says_otherwise(found, known, reason):
    assert found.unusable_because("pager", known) == (f"pager database: {reason}" if reason else "")


@pytest.fixture
async def database(database_url):
    opened = open_database(database_url, known_revision=KNOWN)
    await migrate(opened, "pager")
    yield opened
    await opened.close()


async def test_code_starts_on_a_schema_that_newer_code_expanded_and_not_on_one_that_it_contracted(database):
    await prepare_schema(database, "pager")
    await execute(database, expanded_by_newer_code())
    await prepare_schema(database, "pager")
    await execute(database, contracted_by_newer_code())
    with pytest.raises(ConfigurationFault, match="upgrade it"):
        await prepare_schema(database, "pager")


async def test_the_writes_of_outdated_code_are_refused_by_the_database_itself(postgres_url):
    current = open_database(postgres_url, known_revision=KNOWN + 1)
    outdated = open_database(postgres_url, known_revision=KNOWN)
    await migrate(current, "pager")

    def application(database):
        store = SqlMonitoredServices(database, Wakeups(), SEALING)
        return an_application(store, SqlNotificationOutbox(database, Wakeups(), SEALING))

    await application(outdated).handle([raising("before")])
    await execute(current, contracted_by_newer_code())
    for call in (
        application(outdated).handle([raising("checkout")]),
        application(outdated).handle([raising("before")]),
        application(outdated).escalate_due(10),
        application(outdated).claim_due(10),
    ):
        with pytest.raises(StoreUnavailable) as refused:
            await call
        assert f"for code that knows revision {KNOWN + 1}, this session knows {KNOWN}" in str(refused.value.__cause__)
    assert await application(current).escalate_due(10) == 1
    assert len(await application(current).claim_due(10)) == 2
    await outdated.close()
    await current.close()


async def test_a_room_whose_schema_left_it_behind_pauses_and_goes_on_when_it_fits_again(postgres_url, tmp_path):
    administrator = open_database(postgres_url)
    with capture_logs() as log:
        async with a_running_pager(postgres_url, tmp_path) as caller, asyncio.timeout(60):
            watch = health_pb2_grpc.HealthStub(caller.channel).Watch(health_pb2.HealthCheckRequest())
            await until(watch, SERVING)
            await execute(administrator, expanded_by_newer_code(), contracted_by_newer_code())
            await until(watch, NOT_SERVING)
            for call in (caller.alert(), caller.services()):
                fault = await caller.refused(call)
                assert fault.code is grpc.StatusCode.UNAVAILABLE
            await execute(administrator, contracted_by_newer_code(needed=1))
            await until(watch, SERVING)
            opened = await caller.alert()
            await caller.until_line(opened.incident.incident_id, "level_notified")
            watch.cancel()
    [paused] = [line for line in log if line["event"] == "paused"]
    assert "upgrade it" in paused["because"]
    assert [line["event"] for line in log].count("resumed") == 1
    await administrator.close()


async def test_a_room_whose_schema_was_taken_back_pauses_until_it_is_there_again(postgres_url):
    """Not on SQLite: whoever has the file open is alone with it."""
    database, administrator = open_database(postgres_url), open_database(postgres_url)
    await migrate(administrator, "pager")
    await prepare_schema(database, "pager")
    for revision in ("0002", "base"):
        async with administrator.begin() as connection:
            await connection.run_sync(downgrade, "pager", revision)
        with pytest.raises(StoreUnavailable) as paused:
            await database.look()
        assert "run: pagerd migrate pager" in str(paused.value.__cause__)
    for transaction in (database.begin, database.unit, database.snapshot):
        with pytest.raises(StoreUnavailable):
            async with transaction():
                pass
    await migrate(administrator, "pager")
    await database.look()
    await execute(database, "DELETE FROM incidents")
    await administrator.close()
    await database.close()


@pytest.mark.parametrize("room", ROOMS)
async def test_every_room_has_its_fence(postgres_url, room):
    tables = {"pager": "incidents", "policy": "escalation_policies", "notifier": "deliveries"}
    database = open_database(postgres_url, known_revision=0)
    await migrate(database, room)
    with pytest.raises(StoreUnavailable):
        await execute(database, f"DELETE FROM {tables[room]}")
    await database.close()


@pytest.mark.parametrize("room", ROOMS)
def test_revisions_are_counted_because_code_and_schema_are_compared_by_number(room):
    folder = Path(pager_grpc.__file__).parent / room / "migrations/versions"
    sources = sorted(path.read_text() for path in folder.glob("*.py") if path.name != "__init__.py")
    numbers = sorted(re.search(r'^revision = "(.*)"$', source, re.MULTILINE)[1] for source in sources)
    assert numbers == [f"{n:04d}" for n in range(1, len(numbers) + 1)]
    assert newest_revision(room) == len(numbers)


async def until(watch, status):
    async for answer in watch:
        if answer.status == status:
            return
