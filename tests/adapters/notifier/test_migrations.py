from adapters.refusals import checks_out_of_step
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from pager_grpc.notifier.tables import metadata
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import downgrade, migrate


def differences(connection):
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return compare_metadata(context, metadata)


async def test_the_newest_migration_makes_the_tables_that_the_code_knows(database):
    async with database.begin() as connection:
        assert await connection.run_sync(differences) == []
        assert await connection.run_sync(checks_out_of_step, metadata) == []


async def test_the_schema_goes_up_down_and_up_again(database_url):
    database = open_database(database_url)
    reached = await migrate(database, "notifier")
    async with database.begin() as connection:
        await connection.run_sync(downgrade, "notifier", "base")
        left = await connection.run_sync(lambda c: inspect(c).get_table_names())
    assert left == ["alembic_version"]
    assert await migrate(database, "notifier") == reached
    async with database.begin() as connection:
        assert await connection.run_sync(differences) == []
    await database.close()
