"""Whether the build before may go on while the databases are already those of this one."""

import pytest
from sqlalchemy import text

from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.schema import newest_revision, prepare_schema


@pytest.mark.parametrize("room", ["pager", "policy", "notifier"])
async def test_no_migration_since_the_build_before_shuts_it_out(room, previous, tmp_path):
    versions = previous / "pager_grpc" / room / "migrations" / "versions"
    known = max(int(path.name[:4]) for path in versions.glob("[0-9]*.py"))
    database = open_database(f"sqlite+aiosqlite:///{tmp_path / room}.db")
    try:
        await prepare_schema(database, room)
        async with database.begin() as connection:
            needed = (await connection.execute(text("SELECT needed_revision FROM schema_version"))).scalar_one()
    finally:
        await database.close()
    assert needed <= known <= newest_revision(room)
