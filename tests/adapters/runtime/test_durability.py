"""Settings on which an answered alert could be lost, judged as values; and what a file of ours is set to."""

from dataclasses import replace

import pytest

from pager_grpc.runtime.config import ConfigurationFault
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.durability import PostgresSettings, SqliteSettings, require_durable, settings_of

POSTGRES = PostgresSettings(version=150000)
SQLITE = SqliteSettings(library=(3, 40, 1))
STANDBYS = {"synchronous_standby_names": "FIRST 1 (a)"}


@pytest.mark.parametrize(
    ("unsafe", "named"),
    [
        ({"fsync": "off"}, "fsync is off; set fsync = on"),
        ({"full_page_writes": "off"}, "full_page_writes is off; set full_page_writes = on"),
        ({"data_sync_retry": "on"}, "data_sync_retry is on; set data_sync_retry = off"),
        ({"synchronous_commit": "off"}, "synchronous_commit is off; set synchronous_commit = on"),
        ({"synchronous_commit": "off", **STANDBYS}, "synchronous_commit is off; set synchronous_commit = on"),
        ({"synchronous_commit": "local", **STANDBYS}, "synchronous_commit is local; set synchronous_commit = on"),
        ({"synchronous_commit": "remote_write", **STANDBYS}, "synchronous_commit is remote_write; set"),
        ({"session_replication_role": "replica"}, "session_replication_role is replica; set session_replication_role"),
    ],
)
def test_a_setting_of_postgresql_that_loses_alerts_is_named_with_its_value_and_what_to_set(unsafe, named):
    [risk] = replace(POSTGRES, **unsafe).risks()
    assert risk.startswith(named)


@pytest.mark.parametrize(
    "safe",
    [
        {},
        {"synchronous_commit": "local"},
        {"synchronous_commit": "remote_write"},
        {"synchronous_commit": "remote_apply"},
        {"synchronous_commit": "on", **STANDBYS},
        {"synchronous_commit": "remote_apply", **STANDBYS},
    ],
)
def test_without_a_standby_it_is_the_own_disk_that_is_waited_for(safe):
    assert replace(POSTGRES, **safe).risks() == []


def test_a_server_that_is_too_old_is_unfit_and_the_oldest_is_not():
    assert "use PostgreSQL 15 or newer" in replace(POSTGRES, version=149999).unfit()[0]
    assert POSTGRES.unfit() == []


def test_a_standby_that_nobody_waits_for_is_told():
    assert "synchronous_standby_names is empty" in replace(POSTGRES, standbys=1).degraded()
    assert replace(POSTGRES, standbys=1, **STANDBYS).degraded() == ""
    assert POSTGRES.degraded() == ""


@pytest.mark.parametrize(
    ("library", "connections", "safe"),
    [
        ((3, 40, 1), 1, True),
        ((3, 40, 1), 2, False),
        ((3, 51, 2), 2, False),
        ((3, 51, 3), 2, True),
        ((3, 44, 5), 2, False),
        ((3, 44, 6), 2, True),
        ((3, 50, 7), 2, True),
        ((3, 50, 6), 2, False),
        ((3, 51, 2), 1, True),
    ],
)
def test_a_library_with_the_wal_reset_bug_is_used_with_one_connection_only(library, connections, safe):
    risks = SqliteSettings(library, connections).risks()
    assert (risks == []) is safe
    assert all("use one connection" in risk for risk in risks)


def test_sqlite_must_sync_every_commit_into_a_wal():
    assert replace(SQLITE, synchronous=1).risks() == ["synchronous is NORMAL; it must be FULL"]
    assert replace(SQLITE, synchronous=3).risks() == SQLITE.risks() == []
    assert replace(SQLITE, journal_mode="memory").risks()[0].startswith("journal_mode is memory")
    assert "use 3.38.0 or newer" in SqliteSettings((3, 37, 2)).unfit()[0]
    assert SQLITE.unfit() == []


async def test_a_sqlite_file_of_ours_is_safe_and_one_connection_uses_it(tmp_path):
    database = open_database(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}")
    found = await settings_of(database, "pager")
    assert (found.connections, found.journal_mode, found.synchronous) == (1, "wal", 2)
    await require_durable(database, "pager", allow_data_loss=False)
    async with database.begin() as connection:
        await connection.exec_driver_sql("CREATE TABLE x (y)")
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}
    await database.close()


@pytest.mark.parametrize(
    ("pragma", "named"),
    [("synchronous = NORMAL", "synchronous is NORMAL"), ("journal_mode = DELETE", "journal_mode is delete")],
)
async def test_what_sqlite_is_really_set_to_is_read_back(tmp_path, pragma, named):
    database = open_database(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}")
    async with database.connections.borrowed() as connection:
        await connection.exec_driver_sql(f"PRAGMA {pragma}")
    with pytest.raises(ConfigurationFault, match=f"PAGER_DATABASE_URL: {named}"):
        await require_durable(database, "pager", allow_data_loss=False)
    await database.close()
