"""``python -m crash.zygote``: has imported everything and forks a room in a tenth of a second when it is asked to.

One JSON document a line on stdin, ``{"room": "pager", "environment": {...}, "log": "/..."}``; the answer is the pid.
Starting each of some hundred processes from nothing would take a second or more of a processor each. The forked room
runs what ``python -m pager_grpc.<room>`` runs, with the crash points of :mod:`crash.crash_points` around it, or, if
CRASH_AT_SYSCALL is set, under :func:`crash.syscalls.supervise`. All of them die with this process.
"""

import ctypes
import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import aiosqlite
import alembic.command
import anyio._backends._asyncio
import asyncpg
import httpcore
from crash import crash_points, syscalls
from sqlalchemy.dialects import postgresql, sqlite

ROOMS = ("pager", "policy", "notifier")
MAINS = {room: importlib.import_module(f"pager_grpc.{room}.__main__").main for room in ROOMS}
IMPORTED_FOR_THE_ROOMS = (aiosqlite, alembic.command, anyio._backends._asyncio, asyncpg, httpcore, postgresql, sqlite)
IMPORTED_FOR_THE_ROOMS += tuple(importlib.import_module(f"pager_grpc.{room}.bootstrap") for room in ROOMS)
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Forks until stdin ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them here: the kernel forgets them at once
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become(**json.loads(line))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _become(room: str, environment: dict[str, str], log: str) -> None:
    """The room, in this new process; never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _die_with_parent()
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for stream, target in ((os.open(os.devnull, os.O_RDONLY), 0), (descriptor, 1), (descriptor, 2)):
        os.dup2(stream, target)
    os.environ.clear()
    os.environ.update(environment)
    kill_at, fail_at = environment.get("CRASH_AT_SYSCALL"), int(environment.get("FAIL_SYNC_AT", "0"))
    try:
        if kill_at is None:
            _run(room)
        else:
            folder, full = Path(log).parent / room, "DISK_MAY_BE_FULL" in environment
            syscalls.supervise(lambda: _bound(room), int(kill_at), folder, fail_at, may_be_full=full)
    except BaseException as error:  # noqa: BLE001 - whatever ends this process must not return into the zygote
        _leave(error)
    _leave(None)


def _bound(room: str) -> None:
    _die_with_parent()
    _run(room)


def _run(room: str) -> None:
    crash_points.install(room)
    sys.exit(MAINS[room]())


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _leave(error: Any) -> None:
    if isinstance(error, SystemExit):
        os._exit(error.code if isinstance(error.code, int) else 1)
    if error is not None:
        sys.excepthook(type(error), error, error.__traceback__)
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
