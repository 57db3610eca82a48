"""`pagerd` as a person, a container and a supervisor meet it: real processes, free ports, a folder of their own."""

import fcntl
import os
import re
import select
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from adapters.runtime.daemons import ROOMS, ROOT, pagerd


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


def test_policies_that_contradict_what_is_stored_are_complained_of_and_paging_goes_on(start, tmp_path):
    policy = "policies: [{id: %s, default: true, levels: [{targets: [{id: ana, email: ana@example.com}]}]}]\n"
    for name in ("first", "second"):
        (tmp_path / f"{name}.yaml").write_text(policy % name)
        daemon = start("up", "--policies", f"{name}.yaml")
        daemon.until_ready()
        assert daemon.end() == 0
    assert "pagerctl: 'first' is the default policy" in daemon.errors()
    assert '"event": "configuration_refused"' in daemon.errors()


def test_policies_that_are_malformed_end_it_with_1(start, tmp_path):
    (tmp_path / "policies.yaml").write_text("policies: [{id: x, levels: []}]\n")
    daemon = start("up", "--policies", "policies.yaml")
    assert daemon.exit_code() == 1
    assert "pagerctl: " in daemon.errors()


def test_one_room_is_served_until_sigterm(start, environment, tmp_path):
    daemon = start("serve", "policy")
    answers = iter(lambda: pagerd(environment, tmp_path, "health").stdout, None)
    assert next(answer for answer in answers if answer.startswith("policy")) == "policy: SERVING\n"
    assert daemon.end() == 0


def test_a_room_that_hangs_is_unhealthy_though_nobody_named_it(start, environment, tmp_path):
    daemon = start("serve", "policy")
    answers = iter(lambda: pagerd(environment, tmp_path, "health", "policy").stdout, None)
    next(answer for answer in answers if answer == "policy: SERVING\n")
    daemon.process.send_signal(signal.SIGSTOP)
    asked = pagerd(environment, tmp_path, "health", "--timeout", "0.5")
    daemon.process.send_signal(signal.SIGCONT)
    assert (asked.returncode, asked.stdout) == (1, "policy: UNREACHABLE\n")
    assert daemon.end() == 0


def test_an_unknown_room_is_a_usage_error(environment, tmp_path):
    assert pagerd(environment, tmp_path, "serve", "console").returncode == 2


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
