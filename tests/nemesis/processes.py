"""Processes that are started again when they end, as a supervisor does it, whoever ended them."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READY_SECONDS = 180.0
"""Ten processes that start at once on a busy machine take their time."""


class NotReadyError(Exception):
    """A process did not come up in time."""


@dataclass(frozen=True)
class End:
    """A process has ended; ``asked``: by a signal of ours."""

    name: str
    at: float
    code: int
    asked: bool


class Process:
    """One supervised process. ``serves`` says whether it answers; ``pause`` how long the supervisor waits."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        serves: Callable[[], Awaitable[bool]],
        pause: Callable[[], float],
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> None:
        self.name, self.log, self.ends = name, log, list[End]()
        self._command, self._serves, self._pause = command, serves, pause
        self._options: dict[str, Any] = {"env": environment, "cwd": Path(__file__).parents[2]}
        if user:
            self._options |= {"user": user, "group": user, "extra_groups": []}
        self._asked = False

    @property
    def pid(self) -> int:
        return self._process.pid

    async def start(self) -> None:
        """Returns when it serves."""
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep())
        await self.ready()

    async def ready(self, seconds: float = READY_SECONDS) -> None:
        """Returns when it serves.

        Raises:
            NotReadyError: not within ``seconds``.
        """
        end = time.monotonic() + seconds
        while not await self._serves():
            if time.monotonic() > end:
                raise NotReadyError(f"{self.name}: {self.log.read_text()[-3000:]}")
            await asyncio.sleep(0.1)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal; nothing if it is down already."""
        self._asked |= number not in (signal.SIGSTOP, signal.SIGCONT)
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 30) -> int:
        """Ends it for good; the exit code. What does not leave is killed."""
        self._keeper.cancel()
        self.send(number)
        try:
            return await asyncio.wait_for(self._process.wait(), seconds)
        except TimeoutError:
            self.send(signal.SIGKILL)
            return await self._process.wait()

    async def _spawn(self) -> None:
        self._asked = False
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, **self._options
            )

    async def _keep(self) -> None:
        while True:
            code = await self._process.wait()
            self.ends.append(End(self.name, time.time(), code, self._asked))
            await asyncio.sleep(self._pause())
            await self._spawn()
