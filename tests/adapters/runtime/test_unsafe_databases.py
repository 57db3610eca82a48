"""A room refuses to serve on a database on which an answered alert could be lost; real servers, really set so."""

import uuid
from collections.abc import Iterator

import pytest
from adapters.runtime.own_postgres import OwnPostgres, own_postgres
from sealed import ADDRESS_KEY
from sqlalchemy import make_url
from structlog.testing import capture_logs

from pager_domain.errors import StoreUnavailable
from pager_grpc.notifier.bootstrap import running_notifier
from pager_grpc.notifier.config import NotifierSettings
from pager_grpc.pager.bootstrap import running_pager
from pager_grpc.pager.config import PagerSettings
from pager_grpc.policy.bootstrap import running_policy
from pager_grpc.policy.config import PolicySettings
from pager_grpc.runtime.config import ConfigurationFault
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.durability import ReadOnlyServer, settings_of
from pager_grpc.runtime.migrations import migrate

RUNNING = {
    "pager": (running_pager, PagerSettings),
    "policy": (running_policy, PolicySettings),
    "notifier": (running_notifier, NotifierSettings),
}


def running(room, url, tmp_path, **more):
    """The room on the database at ``url``."""
    run, kind = RUNNING[room]
    given = {f"{room.upper()}_LISTEN": "127.0.0.1:0", f"{room.upper()}_DATABASE_URL": url, "PAGERD_DATA": tmp_path}
    required = {"PAGER_CATCH_ALL_EMAIL": "everybody@example.com", "PAGER_ADDRESS_KEYS": ADDRESS_KEY}
    return run(kind(_env_file=None, **required, **given, **more))


async def faults_of(room, url, tmp_path, **more):
    with pytest.raises(ConfigurationFault) as refused:
        async with running(room, url, tmp_path, **more):
            pass
    return refused.value.faults


async def serve_once(room, url, tmp_path, **more):
    """The log of a room that served."""
    with capture_logs() as log:
        async with running(room, url, tmp_path, **more) as port:
            assert port > 0
    return log


async def administer(url, *statements):
    database = open_database(url)
    async with database.begin() as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement)
    await database.close()


async def migrated(url, room):
    database = open_database(url)
    await migrate(database, room)
    await database.close()


@pytest.mark.parametrize("room", RUNNING)
async def test_no_room_serves_on_a_database_that_does_not_wait_for_its_disk(postgres_url, tmp_path, room):
    await migrated(postgres_url, room)
    name = make_url(postgres_url).database
    await administer(postgres_url, f"ALTER DATABASE {name} SET synchronous_commit = off")
    [fault] = await faults_of(room, postgres_url, tmp_path)
    variable = f"{room.upper()}_DATABASE_URL"
    assert fault.startswith(
        f"{variable}: synchronous_commit is off; set synchronous_commit = on, or accept with --allow"
    )
    log = await serve_once(room, postgres_url, tmp_path, PAGERD_ALLOW_DATA_LOSS="1")
    [warning] = [line for line in log if line["event"] == "data_loss_allowed"]
    assert (warning["log_level"], warning["risks"]) == ("error", [fault])


async def test_a_setting_of_the_role_counts_and_a_role_without_rights_can_be_asked(postgres_url, tmp_path):
    role = f"pager_{uuid.uuid4().hex}"
    await administer(postgres_url, f"CREATE ROLE {role} LOGIN", f"ALTER ROLE {role} SET synchronous_commit = off")
    try:
        url = make_url(postgres_url).set(username=role).render_as_string(hide_password=False)
        database = open_database(url)
        assert (await settings_of(database, "policy")).synchronous_commit == "off"
        await database.close()
        assert "synchronous_commit is off" in (await faults_of("policy", url, tmp_path))[0]
    finally:
        await administer(postgres_url, f"DROP ROLE {role}")


async def test_a_database_that_only_reads_is_tried_again_later_and_no_permission_helps(postgres_url, tmp_path):
    await migrated(postgres_url, "policy")
    name = make_url(postgres_url).database
    await administer(postgres_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(StoreUnavailable) as refused:
        async with running("policy", postgres_url, tmp_path, PAGERD_ALLOW_DATA_LOSS="1"):
            pass
    assert isinstance(refused.value.__cause__, ReadOnlyServer)
    assert "POLICY_DATABASE_URL: the server is a standby, or default_transaction_read_only is on" in str(
        refused.value.__cause__
    )


@pytest.fixture(scope="module")
def own_server() -> Iterator[OwnPostgres]:
    """A server whose settings are nobody else's."""
    yield from own_postgres()


async def test_a_server_that_would_lose_alerts_is_refused_and_its_standby_too(own_server, tmp_path):
    """One test, because a server of its own takes seconds to make."""
    url = own_server.url()
    await migrated(url, "policy")
    assert not [line for line in await serve_once("policy", url, tmp_path) if line["log_level"] != "info"]
    for name in ("fsync", "full_page_writes"):
        await own_server.set_to(name, "off")
        assert f"POLICY_DATABASE_URL: {name} is off; set {name} = on" in (await faults_of("policy", url, tmp_path))[0]
        await own_server.set_to(name, "on")
    with own_server.standby() as standby:
        with pytest.raises(StoreUnavailable) as refused:
            async with running("policy", standby.url(), tmp_path):
                pass
        assert "name the primary" in str(refused.value.__cause__)
        [degraded] = [line for line in await serve_once("policy", url, tmp_path) if line["log_level"] != "info"]
        assert (degraded["event"], degraded["log_level"]) == ("durability_degraded", "warning")
        await own_server.set_to("synchronous_standby_names", "FIRST 1 (walreceiver)")
        assert not [line for line in await serve_once("policy", url, tmp_path) if line["log_level"] != "info"]
        await own_server.execute("ALTER ROLE postgres SET synchronous_commit = local")
        assert (
            "synchronous_commit is local; set synchronous_commit = on" in (await faults_of("policy", url, tmp_path))[0]
        )
