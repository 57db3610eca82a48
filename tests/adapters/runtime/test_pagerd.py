"""`pagerd` as a person, a container and a supervisor meet it: real processes, free ports, a folder of their own."""

import asyncio
import fcntl
import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sealed import ADDRESS_KEY
from sqlalchemy import make_url

from pager_grpc.runtime.database import open_database

ROOT = Path(__file__).parents[3]
ROOMS = ("pager", "policy", "notifier")
PAGERD = (sys.executable, "-m", "pager_grpc.pagerd")
LAST_LINE = "Ctrl-C stops everything; nothing is forgotten.\n"


class Daemon:
    """A `pagerd` process and what it wrote."""

    def __init__(self, arguments: tuple[str, ...], environment: dict[str, str], folder: Path) -> None:
        self._errors = folder / "stderr"
        with self._errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [*PAGERD, *arguments],
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def until_ready(self) -> str:
        """Waits for the whole greeting and returns it."""
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line == LAST_LINE:
                return "".join(lines)
        raise AssertionError(self.errors())

    def children(self) -> dict[str, int]:
        """The process ids of the children started last, by room."""
        started = re.findall(r'"child": "(\w+)", "pid": (\d+)', self.errors())
        return {room: int(pid) for room, pid in started}

    def errors(self) -> str:
        """What is on stderr until now."""
        return self._errors.read_text()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Asks the process to end and returns the exit code."""
        self.process.send_signal(number)
        return self.exit_code()

    def exit_code(self) -> int:
        """Waits for the end and returns the exit code."""
        self.process.communicate(timeout=60)
        return self.process.returncode


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Three free ports and an empty data folder; nothing else of this machine's configuration."""
    foreign = ("PAGER", "POLICY_", "NOTIFIER_")
    mine = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in ROOMS]
        ports = [taken.getsockname()[1] for taken in sockets]
    listening = {f"{room.upper()}_LISTEN": f"127.0.0.1:{port}" for room, port in zip(ROOMS, ports, strict=True)}
    return mine | listening | {"PAGERD_DATA": str(tmp_path / "var"), "PYTHONPATH": str(ROOT)}


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    """Starts `pagerd` with the arguments given; what still runs after the test is killed."""
    started: list[Daemon] = []

    def starting(*arguments: str, **variables: str) -> Daemon:
        started.append(Daemon(arguments, environment | variables, tmp_path))
        return started[-1]

    yield starting
    for daemon in started:
        daemon.process.kill()
        daemon.exit_code()


def pagerd(
    environment: dict[str, str], folder: Path, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs a command of `pagerd` to its end."""
    return subprocess.run(
        [*PAGERD, *arguments],
        cwd=folder,
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_up_serves_all_three_rooms_says_what_to_try_and_leaves_with_0(start, environment, tmp_path):
    daemon = start("up", "--policies", str(ROOT / "examples/policies.yaml"))
    greeting = daemon.until_ready()
    assert "+ policy shop" in greeting
    assert all(f"  {room:<9} {environment[f'{room.upper()}_LISTEN']}\n" in greeting for room in ROOMS)
    assert str(tmp_path / "var/mailbox") in greeting
    assert "catch-all oncall@example.com" in greeting
    assert "pagerctl raise checkout" in greeting
    assert "catch_all_defaulted" in daemon.errors()
    health = pagerd(environment, tmp_path, "health", *ROOMS)
    assert (health.returncode, health.stdout.count("SERVING")) == (0, 3)

    children = daemon.children()
    assert daemon.end() == 0
    assert set(children) == set(ROOMS)
    assert not any(_runs(pid) for pid in children.values())
    assert pagerd(environment, tmp_path, "health").returncode == 1


def test_up_sends_codes_through_its_own_notifier(start, environment, tmp_path):
    daemon = start("up")
    daemon.until_ready()
    person = [sys.executable, "-m", "pager_cli.pagerctl", "person"]
    given = environment | {"PAGERCTL_POLICY_TARGET": environment["POLICY_LISTEN"]}
    for arguments in (("set", "ana", "--email", "mail=ana@example.com"), ("verify", "ana", "mail")):
        subprocess.run([*person, *arguments], cwd=tmp_path, env=given, check=True, capture_output=True, timeout=60)
    [mail] = (tmp_path / "var/mailbox").glob("verification-*.eml")
    assert "To: ana@example.com" in mail.read_text()
    assert daemon.end() == 0


def test_ctrl_c_ends_it_with_0_and_logs_go_to_files_when_asked(start, tmp_path):
    daemon = start("up", "--log-files", PAGER_CATCH_ALL_EMAIL="lead@example.com")
    assert "catch-all" not in daemon.until_ready()
    assert daemon.end(signal.SIGINT) == 0
    for room in ROOMS:
        assert '"event": "stopped"' in (tmp_path / f"var/log/{room}.log").read_text()
        assert f'"room": "{room}"' not in daemon.errors()


def test_a_room_that_dies_is_started_again(start, environment, tmp_path):
    daemon = start("up")
    daemon.until_ready()
    os.kill(daemon.children()["policy"], signal.SIGKILL)
    answers = iter(lambda: pagerd(environment, tmp_path, "health", *ROOMS).returncode, None)
    next(code for code in answers if code != 0 or daemon.errors().count('"child_started"') == 4)
    next(code for code in answers if code == 0)
    assert '"event": "child_died"' in daemon.errors()
    assert daemon.end() == 0


def test_children_do_not_outlive_a_killed_parent(start):
    daemon = start("up")
    daemon.until_ready()
    watches = [os.pidfd_open(pid) for pid in daemon.children().values()]
    daemon.process.kill()
    for watch in watches:
        assert _ended(watch, 10)
        os.close(watch)


def test_up_with_faults_lists_all_of_them_and_starts_nothing(start, environment):
    taken_host, _, taken_port = environment["NOTIFIER_LISTEN"].rpartition(":")
    faulty = {"PAGER_LISTEN": "nowhere", "POLICY_DATABASE_URL": "mysql://x/y", "NOTIFIER_SMTP_URL": "http://x"}
    daemon = start("up", **faulty)
    assert daemon.exit_code() == 2
    assert all(f"  - {name}: " in daemon.errors() for name in faulty)
    assert "child_started" not in daemon.errors()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((taken_host, int(taken_port)))


def test_up_refuses_ports_that_others_have(start, environment):
    with ExitStack() as stack:
        for room in ROOMS[1:]:
            host, _, port = environment[f"{room.upper()}_LISTEN"].rpartition(":")
            stack.enter_context(socket.create_server((host, int(port))))
        taken = stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        daemon = start("up", PAGER_METRICS_LISTEN=f"127.0.0.1:{taken}")
        assert daemon.exit_code() == 2
    assert re.findall(r"- (\w+): ", daemon.errors()) == ["PAGER_METRICS_LISTEN", "POLICY_LISTEN", "NOTIFIER_LISTEN"]
    assert "child_started" not in daemon.errors()


@pytest.mark.parametrize("options", [(), ("--log-files",)])
def test_a_room_that_refuses_its_configuration_stops_everything_with_2(start, tmp_path, options):
    (tmp_path / "var").mkdir()
    with (tmp_path / "var/policy.db.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        daemon = start("up", *options)
        assert daemon.exit_code() == 2
    assert "another process uses this SQLite file" in daemon.errors()
    assert not any(_runs(pid) for pid in daemon.children().values())


def test_policies_that_are_refused_end_it_with_1(start, tmp_path):
    (tmp_path / "policies.yaml").write_text("policies: [{id: x, levels: []}]\n")
    daemon = start("up", "--policies", "policies.yaml")
    assert daemon.exit_code() == 1
    assert "pagerctl: " in daemon.errors()


def test_one_room_is_served_until_sigterm(start, environment, tmp_path):
    daemon = start("serve", "policy")
    answers = iter(lambda: pagerd(environment, tmp_path, "health").stdout, None)
    assert next(answer for answer in answers if answer.startswith("policy")) == "policy: SERVING\n"
    assert daemon.end() == 0


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


@pytest.mark.parametrize("room", ROOMS)
def test_migrate_brings_the_schema_up_and_is_harmless_when_repeated(environment, tmp_path, database_url, room):
    variables = {f"{room.upper()}_DATABASE_URL": database_url, "PAGER_CATCH_ALL_EMAIL": "lead@example.com"}
    variables["PAGER_ADDRESS_KEYS"] = ADDRESS_KEY
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


def test_an_unknown_room_is_a_usage_error(environment, tmp_path):
    assert pagerd(environment, tmp_path, "serve", "console").returncode == 2


async def _executed(url: str, statement: str) -> None:
    database = open_database(url)
    async with database.begin() as connection:
        await connection.exec_driver_sql(statement)
    await database.close()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def _ended(pidfd: int, seconds: float) -> bool:

    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    return bool(poller.poll(seconds * 1000))
