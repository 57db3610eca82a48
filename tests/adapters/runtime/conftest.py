"""A place for `pagerd` of its own, and what starts it there."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from adapters.runtime.daemons import ROOMS, ROOT, Daemon


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
