"""A node of the simulated world: it runs as a process, dies at any await, and is started again."""

import asyncio
import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from contextvars import copy_context
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builders import NOON
from simulation.virtual_time import OWNER, Owner

from pager_domain.kernel import Clock
from pager_grpc.runtime.database import Database, open_database

if TYPE_CHECKING:
    from simulation.disk import SimulatedSqlite
    from simulation.world import World

Serve = Callable[[Database], AbstractAsyncContextManager[Any]]


class NodeClock(Clock):
    """The clock on the wall of one node: virtual time, and whatever it is wrong by."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.wrong_by = 0.0

    def now(self):
        return NOON + timedelta(seconds=self._loop.time() + self.wrong_by)


class Process(Owner):
    """One life of a node, with what the operating system would take back from it."""

    def __init__(self, node: "Node") -> None:
        super().__init__(node.name)
        self.node, self.world = node, node.world
        self.connections: list[SimulatedSqlite] = []
        self.databases: list[Database] = []
        self.context = copy_context()
        self.context.run(OWNER.set, self)

    async def crash_point(self, fault: str) -> None:
        """A place where this run may kill the process; then nothing after it is ever reached."""
        if self.world.chance.happens(fault, self.name):
            self.node.crash(fault)
            await self.world.loop.create_future()

    def end(self) -> None:
        """What the operating system does: files are closed, and with them an open transaction is gone."""
        self.alive = False
        for connection in self.connections:
            connection.drop()
        for database in self.databases:
            if database._lock is not None:
                with suppress(OSError):
                    os.close(database._lock)
        self.world.network.process_ended(self)


def current_process() -> Process | None:
    """The process that runs now; None outside of all nodes."""
    owner = OWNER.get()
    return owner if isinstance(owner, Process) else None


class Node:
    """One place where a room runs, with its disk and its clock."""

    def __init__(self, world: "World", name: str, database: Path, serve: Serve) -> None:
        self.world, self.name, self.database, self._serve = world, name, database, serve
        self.clock = NodeClock(world.loop)
        self.process: Process | None = None
        self.lives = 0
        self._began_down = 0.0
        self._main: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins a life."""
        if self.process is not None:
            return
        self.lives += 1
        self.process = process = Process(self)
        self._main = self.world.loop.create_task(self._run(process), context=process.context.copy())
        self._main.add_done_callback(lambda main: self._ended(process, main), context=self.world.context)

    def crash(self, why: str) -> None:
        """Ends the life where it stands."""
        if self.process is None:
            return
        process, self.process = self.process, None
        process.end()
        self._come_back(why)

    def stop(self) -> None:
        """Asks the process to leave politely."""
        if self._main is not None and self.process is not None:
            self._main.cancel()

    async def _run(self, process: Process) -> None:
        database = open_database(f"sqlite+aiosqlite:///{self.database}", clock=self.clock)
        process.databases.append(database)
        async with self._serve(database):
            await asyncio.Event().wait()

    def _ended(self, process: Process, main: "asyncio.Task[None]") -> None:
        if self.process is not process:
            return
        self.process = None
        process.end()
        fault = None if main.cancelled() else main.exception()
        self._come_back("stop" if fault is None else f"{type(fault).__name__} at start")

    def _come_back(self, why: str) -> None:
        pause = self.world.chance.between(f"pause {self.name}", 0.1, 6.0) if self.world.chance.active else 0.1
        began = self.world.now()
        self.world.fault(f"{why} of {self.name}", began, began + pause)
        self.world.later(pause, self.start)
