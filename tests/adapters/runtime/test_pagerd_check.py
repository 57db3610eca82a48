"""`pagerd check` and `pagerd migrate`: what they say of a configuration and of its databases."""

import asyncio
import re

import pytest
from adapters.runtime.daemons import ROOMS, pagerd
from sealed import ADDRESS_KEY
from sqlalchemy import make_url

from pager_grpc.runtime.database import open_database


def test_check_lists_the_faults_of_all_rooms_at_once(environment, tmp_path):
    faulty = {
        "PAGER_POLICY_TARGET": "x",
        "POLICY_LISTEN": "y",
        "NOTIFIER_SMS_URL": "ftp://z",
        "PAGERD_LOG_LEVEL": "loud",
    }
    checked = pagerd(environment, tmp_path, "check", **faulty)
    assert (checked.returncode, checked.stdout) == (2, "")
    named = re.findall(r"- (\w+): ", checked.stderr)
    assert {*faulty, "PAGER_CATCH_ALL_EMAIL", "NOTIFIER_SMS_TOKEN"} <= set(named)
    assert len(named) == len(set(named))


def test_check_of_one_room_minds_that_room_only(environment, tmp_path):
    checked = pagerd(environment, tmp_path, "check", "policy", PAGER_LISTEN="nowhere")
    assert (checked.returncode, checked.stdout[:11]) == (0, "policy: OK,")


def test_check_says_what_would_be_used_without_passwords(environment, tmp_path):
    secrets = {
        "PAGER_CATCH_ALL_EMAIL": "lead@example.com",
        "PAGER_ADDRESS_KEYS": ADDRESS_KEY,
        "PAGER_DATABASE_URL": "postgresql+asyncpg://pager:hunter2@db.example/pager",
        "NOTIFIER_SMTP_URL": "smtps://mailer:hunter2@mail.example:465",
        "NOTIFIER_EMAIL_FROM": "pager@example.com",
    }
    checked = pagerd(environment, tmp_path, "check", "--insecure", **secrets, POLICY_METRICS_LISTEN="[::]:9101")
    assert (checked.returncode, checked.stdout.count(": OK, ")) == (0, 3)
    assert "pager:***@db.example" in checked.stdout
    assert checked.stdout.count("metrics at [::]:9101") == checked.stdout.count("metrics at") == 1
    assert "hunter2" not in checked.stdout + checked.stderr
    assert not (tmp_path / "var").exists()


@pytest.mark.timeout(300)
def test_a_database_that_loses_alerts_is_refused_by_every_command_unless_that_is_allowed(
    start, environment, tmp_path, postgres_url
):
    name = make_url(postgres_url).database
    asyncio.run(_executed(postgres_url, f"ALTER DATABASE {name} SET synchronous_commit = off"))
    unsafe = {"POLICY_DATABASE_URL": postgres_url, "PAGER_CATCH_ALL_EMAIL": "lead@example.com"}
    fault = "  - POLICY_DATABASE_URL: synchronous_commit is off; set synchronous_commit = on, or accept"
    assert pagerd(environment, tmp_path, "migrate", "policy", **unsafe).returncode == 0
    for command in (("check",), ("serve", "policy"), ("up",)):
        refused = start(*command, **unsafe)
        assert refused.exit_code() == 2
        assert fault in refused.errors()
    checked = pagerd(environment, tmp_path, "check", "--allow-data-loss", **unsafe)
    assert (checked.returncode, checked.stdout.count(": OK, ")) == (0, 3)
    assert "policy: data loss is allowed: POLICY_DATABASE_URL: synchronous_commit is off" in checked.stderr
    for command in (("serve", "policy", "--allow-data-loss"), ("up", "--allow-data-loss")):
        serving = start(*command, **unsafe)
        answers = iter(lambda: pagerd(environment, tmp_path, "health", "policy").stdout, None)
        next(answer for answer in answers if answer == "policy: SERVING\n")
        assert serving.end() == 0
        assert '"event": "data_loss_allowed"' in serving.errors()


def test_check_says_that_a_database_was_not_looked_at(environment, tmp_path):
    unreached = {"POLICY_DATABASE_URL": f"postgresql+asyncpg://nobody@{environment['PAGER_LISTEN']}/none"}
    checked = pagerd(environment, tmp_path, "check", "policy", **unreached)
    assert (checked.returncode, checked.stdout[:11]) == (0, "policy: OK,")
    assert "policy: the database cannot be reached, its settings were not looked at" in checked.stderr


def test_check_refuses_rooms_that_share_what_they_must_not(environment, tmp_path):
    shared = {"PAGER_CATCH_ALL_EMAIL": "lead@example.com", "POLICY_LISTEN": environment["PAGER_LISTEN"]}
    shared |= {"NOTIFIER_METRICS_LISTEN": environment["NOTIFIER_LISTEN"]}
    shared |= dict.fromkeys(("PAGER_DATABASE_URL", "NOTIFIER_DATABASE_URL"), "sqlite+aiosqlite:///one.db")
    checked = pagerd(environment, tmp_path, "check", **shared)
    assert checked.returncode == 2
    differing = ["POLICY_LISTEN", "NOTIFIER_METRICS_LISTEN", "NOTIFIER_DATABASE_URL"]
    assert re.findall(r"- (\w+): must differ", checked.stderr) == differing


def test_check_refuses_a_data_folder_that_is_a_file(environment, tmp_path):
    (tmp_path / "file").touch()
    checked = pagerd(environment, tmp_path, "check", "notifier", PAGERD_DATA=str(tmp_path / "file/var"))
    assert checked.returncode == 2
    assert "PAGERD_DATA: " in checked.stderr


def test_check_mentions_what_is_named_like_a_setting_and_is_none(environment, tmp_path):
    (tmp_path / ".env").write_text("NOTIFIER_SMTP_SESSION=5\n")
    kubernetes = {"PAGER_SERVICE_HOST": "10.0.0.1", "PAGER_PORT": "tcp://10.0.0.1:50051", "PAGER_PORT_50051_TCP": "x"}
    misspelt = {"PAGER_RETENTION_DAY": "30", "POLICY_MOOD": "good", "PAGER_CATCH_ALL_EMAIL": "lead@example.com"}
    checked = pagerd(environment, tmp_path, "check", **misspelt, **kubernetes)
    assert checked.returncode == 0
    assert checked.stderr.splitlines() == [
        "NOTIFIER_SMTP_SESSION is not a setting; is NOTIFIER_SMTP_SESSIONS meant?",
        "PAGER_RETENTION_DAY is not a setting; is PAGER_RETENTION_DAYS meant?",
        "POLICY_MOOD is not a setting and is ignored",
    ]


def test_a_file_of_settings_that_is_no_text_is_a_faulty_configuration(environment, tmp_path):
    (tmp_path / ".env").write_bytes(b"PAGER_CATCH_ALL_EMAIL=ren\xe9@example.com\n")
    for command in (("check",), ("health",), ("serve", "policy"), ("up",)):
        ended = pagerd(environment, tmp_path, *command)
        assert (ended.returncode, ended.stdout) == (2, ""), command
        assert "  - .env: is not UTF-8 text\n" in ended.stderr
        assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("room", ROOMS)
def test_migrate_brings_the_schema_up_and_is_harmless_when_repeated(environment, tmp_path, database_url, room):
    variables = {f"{room.upper()}_DATABASE_URL": database_url, "PAGER_ADDRESS_KEYS": ADDRESS_KEY}
    runs = [pagerd(environment, tmp_path, "migrate", room, **variables) for _ in range(2)]
    assert [run.returncode for run in runs] == [0, 0], runs[0].stderr
    assert runs[0].stdout == runs[1].stdout
    assert re.fullmatch(rf"{room}: schema is at revision \w+\n", runs[0].stdout)


def test_migrate_says_that_the_database_cannot_be_reached(environment, tmp_path):
    url = f"postgresql+asyncpg://nobody@{environment['PAGER_LISTEN']}/none"
    migrated = pagerd(environment, tmp_path, "migrate", "policy", POLICY_DATABASE_URL=url)
    assert migrated.returncode == 1
    assert "policy: the database cannot be reached" in migrated.stderr
    assert "Traceback" not in migrated.stderr


async def _executed(url: str, statement: str) -> None:
    database = open_database(url)
    async with database.begin() as connection:
        await connection.exec_driver_sql(statement)
    await database.close()
