import json

import pytest
from adapters.refusals import checks_out_of_step
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from builders import a_level_of, a_person, a_policy, an_application, raising
from fakes.escalation_policies import FakeEscalationPolicies
from sqlalchemy import inspect

from pager_domain.pager.levels import EmptyLevel
from pager_grpc.pager.tables_maintenance import metadata
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import downgrade, migrate

# SQLite's expressions cannot be read back; test_database_refuses.py shows that the index is there.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Skipped unsupported reflection of expression-based index",
    "ignore:autogenerate skipping metadata-specified expression-based index",
)


def differences(connection):
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return compare_metadata(context, metadata)


async def test_the_newest_migration_makes_the_tables_that_the_code_knows(database_url):
    database = open_database(database_url)
    await migrate(database, "pager")
    async with database.begin() as connection:
        assert await connection.run_sync(differences) == []
        assert await connection.run_sync(checks_out_of_step, metadata) == []
    await database.close()


async def test_the_schema_goes_up_down_and_up_again(database_url):
    database = open_database(database_url)
    reached = await migrate(database, "pager")
    async with database.begin() as connection:
        await connection.run_sync(downgrade, "pager", "base")
        left = await connection.run_sync(lambda c: inspect(c).get_table_names())
    assert left == ["alembic_version"]
    assert await migrate(database, "pager") == reached
    async with database.begin() as connection:
        assert await connection.run_sync(differences) == []
    await database.close()


async def test_no_page_to_a_person_is_lost_on_the_way_back_and_its_policy_names_addresses_again(pager):
    people = a_person("ana", (0, "ana/mail"), (5, "ana/phone"), every=5), a_person("ben", (1, "ben/phone"))
    policies = FakeEscalationPolicies(a_policy(levels=[EmptyLevel(), a_level_of(*people)]))
    application = an_application(pager.store, pager.outbox, policies)
    await application.handle([raising()])
    await application.escalate_due(10)
    async with pager.database.begin() as connection:
        await connection.run_sync(downgrade, "pager", "0005")
    owed = await pager.execute("SELECT DISTINCT target_id, channel FROM notifications WHERE state = 'waiting'")
    assert len(owed) == 4
    for table in ("incidents", "last_known_policies"):
        [row] = await pager.execute(f"SELECT CAST(policy AS text) AS policy FROM {table}")
        assert [set(target) for target in json.loads(row["policy"])["levels"][1]["targets"]] == [
            {"target_id", "address"},
            {"target_id", "number"},
        ]
    await migrate(pager.database, "pager")
    assert len(await pager.execute("SELECT * FROM notifications WHERE state = 'waiting' AND step = 0")) == 4
