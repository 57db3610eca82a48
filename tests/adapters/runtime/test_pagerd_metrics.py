"""`pagerd` with metrics: real processes."""

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

PAGERD = (sys.executable, "-m", "pager_grpc.pagerd")
SERVED = re.compile(r'"port": (\d+), "event": "metrics_served"')


@pytest.fixture
def options(tmp_path):
    """How a process is run: in a folder of its own and with nothing of this machine's configuration."""
    foreign = ("PAGER", "POLICY_", "NOTIFIER_")
    mine = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    mine |= {"PYTHONPATH": str(Path(__file__).parents[3]), "POLICY_LISTEN": "127.0.0.1:0"}
    return {"cwd": tmp_path, "env": mine, "stderr": subprocess.PIPE, "text": True}


def test_check_names_every_address_that_metrics_cannot_be_served_at(options):
    faulty = {
        "PAGER_METRICS_LISTEN": "nowhere",
        "POLICY_METRICS_LISTEN": "localhost:70000",
        "NOTIFIER_METRICS_LISTEN": ":9100",
        "POLICY_LISTEN": "y",
    }
    options["env"] |= faulty
    checked = subprocess.run([*PAGERD, "check"], check=False, timeout=60, **options)
    assert checked.returncode == 2
    assert set(re.findall(r"- (\w+): must be host:port", checked.stderr)) == set(faulty)


def test_a_room_serves_its_metrics_until_sigterm_though_a_scraper_says_nothing(options):
    options["env"] |= {"POLICY_METRICS_LISTEN": "127.0.0.1:0"}
    with ExitStack() as stack:
        process = stack.enter_context(subprocess.Popen([*PAGERD, "serve", "policy"], **options))
        stack.callback(process.kill)
        port = next(int(found[1]) for line in process.stderr if (found := SERVED.search(line)))
        next(line for line in process.stderr if '"event": "serving"' in line)
        silent = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False)
        assert "# TYPE rpc_requests_total counter" in answer.text
        process.send_signal(signal.SIGTERM)
        assert silent.recv(1) == b""
        process.communicate(timeout=60)
        assert process.returncode == 0


def test_a_port_for_metrics_that_others_have_ends_the_room_with_2(options):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        options["env"] |= {"POLICY_METRICS_LISTEN": f"127.0.0.1:{taken.getsockname()[1]}"}
        served = subprocess.run([*PAGERD, "serve", "policy"], check=False, timeout=60, **options)
    assert served.returncode == 2
    assert "metrics cannot be served there" in served.stderr
    assert "Traceback" not in served.stderr
