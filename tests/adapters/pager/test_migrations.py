import pytest
from adapters.refusals import checks_out_of_step
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from pager_grpc.pager.tables import metadata
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
