"""Child processes that are kept alive, one for each room."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any

import structlog

from pager_grpc.daemon.rooms import Room

log = structlog.get_logger()

MISCONFIGURED = 2
_BOUND_CHILD = str(Path(__file__).with_name("bound_child.py"))
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0
_PROVEN_SECONDS = 30.0
_STOP_SECONDS = 15.0


class ChildMisconfigured(Exception):
    """A room cannot use its configuration; ``complaint`` is what it wrote if that is not on stderr already."""

    def __init__(self, room: Room, complaint: str) -> None:
        super().__init__(room)
        self.room = room
        self.complaint = complaint


class Child:
    """The process of one room; its log goes to ``log_file``, by default to the stderr of this process."""

    def __init__(self, room: Room, environment: Mapping[str, str], log_file: Path | None) -> None:
        self._room = room
        self._environment = environment
        self._log_file = log_file

    async def keep_alive(self) -> None:
        """Runs the process and replaces it when it dies, until this is cancelled, which stops it.

        Raises:
            ChildMisconfigured: starting it again would not help.
        """
        pause = _SHORTEST_PAUSE
        while True:
            started = time.monotonic()
            logged_before = self._logged_bytes()
            code = await self._run_once()
            if code == MISCONFIGURED:
                raise ChildMisconfigured(self._room, self._logged_since(logged_before))
            if time.monotonic() - started > _PROVEN_SECONDS:
                pause = _SHORTEST_PAUSE
            log.error("child_died", child=self._room, exit_code=code, restart_in_seconds=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _run_once(self) -> int:
        # Isolated and without site: it needs the standard library only, and starts three times as fast.
        command = (sys.executable, "-IS", _BOUND_CHILD, str(os.getpid()), self._room.module)
        with self._stderr() as stderr:
            # A session of its own: Ctrl-C reaches this process only, which then stops the children in good order.
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stderr=stderr,
                env=self._environment,
                start_new_session=True,
            )
        log.info("child_started", child=self._room, pid=process.pid)
        try:
            return await process.wait()
        finally:
            await _stop(process, self._room)

    def _stderr(self) -> AbstractContextManager[IO[bytes] | None]:
        if self._log_file is None:
            return nullcontext()
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        return self._log_file.open("ab")

    def _logged_bytes(self) -> int:
        return self._log_file.stat().st_size if self._log_file and self._log_file.exists() else 0

    def _logged_since(self, offset: int) -> str:
        if self._log_file is None:
            return ""
        return self._log_file.read_bytes()[offset:].decode(errors="replace")


async def _stop(process: Any, room: Room) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        log.warning("child_killed", child=room, waited_seconds=_STOP_SECONDS)
        process.kill()
        await process.wait()
