"""Which of two primaries is believed; real servers, one of which takes over from the other."""

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from adapters.runtime.own_postgres import OwnPostgres, own_postgres
from sqlalchemy import make_url

from pager_domain.errors import StoreUnavailable
from pager_grpc.runtime.database import Database, open_database
from pager_grpc.runtime.postgres_driver import fetch
from pager_grpc.runtime.succession import FormerPrimary, refuse_former_primaries

WHERE = "SELECT current_setting('data_directory') AS folder"


@pytest.fixture
def primary() -> Iterator[OwnPostgres]:
    yield from own_postgres()


class Address:
    """An address that moves from one server to another, as that of a cluster does."""

    def __init__(self, folder: Path) -> None:
        self._link = folder / "address"

    def names(self, server: OwnPostgres) -> None:
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(server.data)

    def opened(self) -> Database:
        database = open_database(f"postgresql+asyncpg://postgres@/postgres?host={self._link}")
        refuse_former_primaries(database)
        return database


async def folder_of(database: Database) -> Path:
    async with database.glance() as connection:
        [row] = await fetch(connection, WHERE, {})
    return Path(row["folder"])


async def role_of(database: Database) -> str:
    async with database.glance() as connection:
        [row] = await fetch(connection, "SELECT current_user AS role", {})
    return str(row["role"])


async def test_who_has_met_the_new_primary_goes_on_with_no_connection_to_the_former_one(primary, tmp_path):
    """Both are there and take writes, as after a partition; the address names the new one, then the former one."""
    address = Address(tmp_path)
    address.names(primary)
    database = address.opened()
    with primary.standby() as standby:
        async with database.unit() as kept:
            await fetch(kept.connection, WHERE, {})
            await standby.promote()
            address.names(standby)
            assert await folder_of(database) == standby.data
            with pytest.raises(StoreUnavailable):
                async with asyncio.timeout(5), database.unit():
                    await kept.commit()
        address.names(primary)
        await database.disconnect()
        with pytest.raises(StoreUnavailable) as refused:
            await folder_of(database)
        assert isinstance(refused.value.__cause__, FormerPrimary)
        assert (refused.value.__cause__.timeline, refused.value.__cause__.newest) == (1, 2)
        address.names(standby)
        assert await folder_of(database) == standby.data
        await database.close()
        fresh = open_database(primary.url())
        refuse_former_primaries(fresh)
        assert await folder_of(fresh) == primary.data, "who has seen nothing newer cannot know"
        await fresh.close()


async def test_a_standby_and_another_cluster_are_not_taken_for_a_former_primary(primary, postgres_url):
    database = open_database(postgres_url)
    refuse_former_primaries(database)
    assert await folder_of(database) != primary.data
    await database.close()
    with primary.standby() as standby:
        database = open_database(standby.url())
        refuse_former_primaries(database)
        assert await folder_of(database) == standby.data
        await database.close()


async def test_a_role_without_rights_may_ask(postgres_url):
    role, url = f"pager_{uuid.uuid4().hex}", make_url(postgres_url)
    dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
    administrator = await asyncpg.connect(dsn)
    await administrator.execute(f"CREATE ROLE {role} LOGIN")
    database = open_database(url.set(username=role).render_as_string(hide_password=False))
    refuse_former_primaries(database)
    assert await role_of(database) == role
    await database.close()
    await administrator.execute(f"DROP ROLE {role}")
    await administrator.close()


async def test_a_server_that_does_not_say_is_believed(primary):
    dsn = make_url(primary.url()).set(drivername="postgresql").render_as_string(hide_password=False)
    administrator = await asyncpg.connect(dsn)
    await administrator.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
    await administrator.execute("CREATE ROLE without_rights LOGIN")
    await administrator.close()
    database = open_database(make_url(primary.url()).set(username="without_rights").render_as_string(False))
    refuse_former_primaries(database)
    assert await role_of(database) == "without_rights"
    await database.close()
