"""The whole story in less than a minute, with real processes: `make demo`.

Two people prove that messages reach them. Ana is on call and is paged; nobody answers; the rotation hands over in
the middle of the incident, so level 2 finds Ben; he acknowledges, the service is healthy again. The timeline is
printed as it happens, then the files that landed in the mailbox. Exit code 1 if a page is missing or doubled.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

ROOT = Path(__file__).parent.parent
PEOPLE = """
people:
  - id: ana
    contacts: [{id: mail, email: ana@example.com}, {id: phone, sms: "+4915112345678"}]
    high_urgency: {steps: [{contact: mail}, {contact: phone, after: 2s}]}
  - id: ben
    contacts: [{id: mail, email: ben@example.com}]
"""
# The first turn began an hour before the handoff.
SCHEDULE = """
schedules:
  - id: primary
    zone: UTC
    layers: [{{id: hourly, people: [ana, ben], every: 1 hour, starts: "{first_turn:%Y-%m-%dT%H:%M:%S}"}}]
policies:
  - id: demo
    services: [checkout]
    levels:
      - {{ack_timeout: 12s, targets: [{{schedule: primary}}]}}
      - {{ack_timeout: 60s, targets: [{{schedule: primary}}, {{id: leads, email: leads@example.com}}]}}
"""
METHODS = (("ana", "mail"), ("ana", "phone"), ("ben", "mail"))
EXPECTED = Counter({"ana@example.com": 1, "+4915112345678": 1, "ben@example.com": 1, "leads@example.com": 1})
HANDOFF_SECONDS = 9
PATIENCE_SECONDS = 30


def main() -> int:
    """Plays the story and judges it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # run in the background, children would ignore Ctrl-C
    with tempfile.TemporaryDirectory(prefix="pager-demo-") as folder:
        data = Path(folder)
        environment = _environment(data)
        (data / "people.yaml").write_text(PEOPLE)
        _say("Starting the three services (pager, policy, notifier) on SQLite, over loopback gRPC …")
        services = _spawn(
            ["-m", "pager_grpc.pagerd", "up", "--configuration", str(data / "people.yaml"), "--log-files"],
            environment,
            data,
        )
        try:
            _wait_until_ready(environment, services)
            return _story(data, environment)
        finally:
            services.send_signal(signal.SIGTERM)
            services.wait(30)


def _story(data: Path, environment: dict[str, str]) -> int:
    _say("An address counts after a code that was sent there has come back:")
    for person, method in METHODS:
        _verify(data, environment, person, method)
    _say(f"A rotation of an hour each, in which ana hands over to ben in {HANDOFF_SECONDS} seconds:")
    handoff = datetime.now(UTC) + timedelta(seconds=HANDOFF_SECONDS)
    (data / "team.yaml").write_text(SCHEDULE.format(first_turn=handoff - timedelta(hours=1)))
    _run(environment, "apply", str(data / "team.yaml"))
    watch = subprocess.Popen([sys.executable, "-m", "pager_cli.pagerctl", "watch"], cwd=ROOT, env=environment)
    try:
        _run(environment, "raise", "checkout", "p99 latency above 2 s", "--severity", "error")
        _run(environment, "oncall")
        _say("Nobody answers; ana is on call, then ben; level 1 has 12 seconds …")
        _wait_for_pages(data, 4)
        time.sleep(1)
        _run(environment, "ack", "checkout", "--by", "ben", "--note", "on it")
        _run(environment, "raise", "checkout", "still slow")
        _run(environment, "healthy", "checkout")
        time.sleep(3)  # whoever is paged now, is paged wrongly
    finally:
        watch.send_signal(signal.SIGINT)
        watch.wait(10)
    _say("The timeline, once more:")
    _run(environment, "show", "checkout")
    _say("Why ben, and why not earlier?")
    _run(environment, "explain", "checkout", "--person", "ben")
    return _judge(data, json.dumps(json.loads(_output(environment, "deliveries", "--json"))))


def _verify(data: Path, environment: dict[str, str], person: str, method: str) -> None:
    known = set(_codes(data))
    _run(environment, "person", "verify", person, method)
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        for code in set(_codes(data)) - known:
            _run(environment, "person", "verify", person, method, "--code", code)
            return
        time.sleep(0.05)
    sys.exit(f"no code came for {method} of {person}")


def _codes(data: Path) -> list[str]:
    letters = (data / "mailbox").glob("verification-*")
    return [found[1] for path in letters if (found := re.search(r"(\d{6}) is the code", path.read_text()))]


def _judge(data: Path, ledger: str) -> int:
    """The mailbox says who was paged; the notifier's ledger says that each page took one attempt."""
    pages = _pages(data)
    _say("What landed in the mailbox:")
    for path in _letters(data):
        print(f"  mailbox/{path.name}  to {_recipient(path)}")
    letter = next(path for path in _letters(data) if _recipient(path) == "ben@example.com")
    _say("One of them:")
    print("  | " + letter.read_text().replace("\n", "\n  | ").rstrip("| \n"))
    if pages != EXPECTED or ledger.count('"attempt_count": 1') != EXPECTED.total() + len(METHODS):
        _say(f"FAILED: expected one page a target in one attempt, found {dict(pages)} and {ledger}")
        return 1
    _say("Each target of each level was paged exactly once: 4 pages, none missing, none doubled.")
    return 0


def _environment(data: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PAGER", "POLICY_", "NOTIFIER_"))}
    pager, policies, notifier = (f"127.0.0.1:{_free_port()}" for _ in range(3))
    return kept | {
        "PAGERD_DATA": str(data),
        "PAGER_LISTEN": pager,
        "POLICY_LISTEN": policies,
        "NOTIFIER_LISTEN": notifier,
        "PAGER_POLICY_TARGET": policies,
        "PAGER_NOTIFIER_TARGET": notifier,
        "PAGERCTL_TARGET": pager,
        "PAGERCTL_POLICY_TARGET": policies,
        "PAGERCTL_NOTIFIER_TARGET": notifier,
        "PYTHONUNBUFFERED": "1",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _spawn(arguments: list[str], environment: dict[str, str], data: Path) -> subprocess.Popen[bytes]:
    log = (data / "pagerd.txt").open("wb")
    return subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=environment, stdout=log, stderr=log)


def _wait_until_ready(environment: dict[str, str], services: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end and services.poll() is None:
        found = _pagerctl(environment, "person", "list", "--json", quiet=True)
        if (
            found.returncode == 0
            and b"ben" in found.stdout
            and _pagerctl(environment, "services", quiet=True).returncode == 0
        ):
            return
    sys.exit("the services did not start:\n" + (Path(environment["PAGERD_DATA"]) / "pagerd.txt").read_text())


def _wait_for_pages(data: Path, count: int) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end and _pages(data).total() < count:
        time.sleep(0.1)


def _pages(data: Path) -> Counter[str]:
    return Counter(_recipient(path) for path in _letters(data))


def _letters(data: Path) -> list[Path]:
    """The pages; codes are no pages."""
    mailbox = data / "mailbox"
    found = mailbox.iterdir() if mailbox.exists() else ()
    return sorted(path for path in found if not path.name.startswith("verification-"))


def _recipient(path: Path) -> str:
    if path.suffix == ".eml":
        return str(message_from_bytes(path.read_bytes(), policy=policy.default)["To"])
    return str(next(value for key, value in json.loads(path.read_text()).items() if key.lower() == "to"))


def _pagerctl(environment: dict[str, str], *arguments: str, quiet: bool) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "pager_cli.pagerctl", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=quiet, check=False)


def _run(environment: dict[str, str], *arguments: str) -> None:
    print(f"$ pagerctl {' '.join(arguments)}", flush=True)
    if _pagerctl(environment, *arguments, quiet=False).returncode != 0:
        sys.exit(f"pagerctl {arguments[0]} failed")


def _output(environment: dict[str, str], *arguments: str) -> str:
    return _pagerctl(environment, *arguments, quiet=True).stdout.decode()


def _say(text: str) -> None:
    width = min(shutil.get_terminal_size().columns, 100)
    print(f"\n── {text} ".ljust(width, "─"), flush=True)


if __name__ == "__main__":
    sys.exit(main())
