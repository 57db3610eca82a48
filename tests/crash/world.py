"""One world for one crash: a pager and a notifier that are restarted when they die, callers, and the history of it."""

import asyncio
import itertools
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from crash.rooms import PATIENCE_SECONDS, Room, RoomProcess, Zygote
from crash.timeline import Timeline
from sealed import ADDRESS_KEY, SEALING
from simulation.history import Call, Fault, History, LedgerLine
from simulation.providers_process import Providers
from sqlalchemy import text

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc
from pager_grpc.pager.incident_records_sql import read_records
from pager_grpc.runtime.database import open_database

NOBODY_LISTENS = "127.0.0.1:9"
_NUMBERS = itertools.count(1)
_UNHEARD = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}


def an_address() -> str:
    """A loopback address and a port below the ephemeral ones: nobody else has the pair."""
    host = ".".join(str(random.randint(1, 254)) for _ in range(3))  # noqa: S311 - not secret
    return f"127.{host}:{random.randint(20_000, 30_000)}"  # noqa: S311 - the same


@dataclass
class Crash:
    """Where ``room`` is to die: at a named place, or before its N-th marking system call (0: only counts).

    With ``failing_sync`` its N-th sync fails, and it must die of that. With ``full_disk`` it must not die at all.
    """

    room: str
    at: str = ""
    syscall: int | None = None
    room_for_pages: bool = True
    failing_sync: int = 0
    full_disk: bool = False

    def environment(self, mark: Path) -> dict[str, str]:
        how = {"CRASH_AT": self.at} if self.syscall is None else {"CRASH_AT_SYSCALL": str(self.syscall)}
        how |= {"FAIL_SYNC_AT": str(self.failing_sync)} | ({"DISK_MAY_BE_FULL": "1"} if self.full_disk else {})
        return how | {"CRASH_MARK": str(mark)} | ({} if self.room_for_pages else {"CRASH_WITHOUT_ROOM": "1"})

    def __str__(self) -> str:
        if self.failing_sync:
            return f"{self.room}, sync {self.failing_sync} fails"
        return f"{self.room} at {self.at}" if self.syscall is None else f"{self.room} before call {self.syscall}"


@dataclass
class World:
    """``tag`` is in every name of this world, so that worlds share providers and policy service."""

    tag: str
    folder: Path
    rooms: dict[str, Room]
    databases: dict[str, str]
    providers: Providers
    crash: Crash | None
    calls: list[Call] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    accidents: list[str] = field(default_factory=list)
    timeline: Timeline = field(default_factory=Timeline)
    processes: dict[str, RoomProcess] = field(default_factory=dict)
    recovered: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: bool = False

    @property
    def service(self) -> str:
        return f"service-{self.tag}"

    def email(self, name: str) -> str:
        return f"{name}.{self.tag}@example.com"

    def phone(self, number: int) -> str:
        return f"+49{self.tag}{number:02}"

    @property
    def mark(self) -> Path:
        return self.folder / "killed"

    def arm(self) -> None:
        """From here on system calls count."""
        if self.crash is not None:
            (self.folder / self.crash.room / "armed").touch()

    @contextmanager
    def full_disk(self, room: str) -> Iterator[None]:
        """Nothing that ``room`` writes to a file finds space."""
        full = self.folder / room / "full"
        full.touch()
        yield
        full.unlink()

    async def until_told(self, room: str, event: str) -> None:
        """Returns when there is a line of this event in the log of ``room``."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while f'"event": "{event}"' not in self.rooms[room].log.read_text():
                await asyncio.sleep(0.02)

    async def call(self, operation: str, request_id: str = "", message: str = "it burns") -> Call:
        """One call of the pager, and what the caller knows of it."""
        stub, service = pb_grpc.PagerServiceStub(self.rooms["pager"].channel), self.service
        known = {"monitored_service_id": service, "request_id": request_id}
        began, answer, outcome = time.time(), None, "ok"
        try:
            if operation == "raise":
                answer = await stub.RaiseAlert(pb.RaiseAlertRequest(message=message, **known), timeout=5)
            elif operation == "acknowledge":
                answer = await stub.Acknowledge(pb.AcknowledgeRequest(acknowledged_by="ana", **known), timeout=5)
            else:
                answer = await stub.MarkHealthy(pb.MarkHealthyRequest(**known), timeout=5)
        except grpc.aio.AioRpcError as error:
            outcome = "unknown" if error.code() in _UNHEARD else "fail"
        call = Call(operation, service, request_id, began, time.time(), outcome, **_heard(operation, answer))
        self.calls.append(call)
        return call

    async def call_until_heard(self, operation: str, request_id: str, **more: Any) -> Call:
        """As a caller should: the same request again, until somebody answers."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (call := await self.call(operation, request_id, **more)).outcome == "unknown":
                await self.rooms["pager"].serving.wait()
                await asyncio.sleep(0.05)
        assert call.outcome == "ok", call
        return call

    async def until_asked(self, recipient: str) -> None:
        """Returns when the provider was asked to take a message for ``recipient``."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not any(line["recipient"] == recipient for line in self.providers.lines("asked")):
                await asyncio.sleep(0.02)

    async def until_quiet(self) -> None:
        """Returns when no page is owed, no level is due soon, and nothing is known that the watcher was not told."""
        await self.rooms["pager"].serving.wait()
        listed = await self._listed()
        await self.timeline.until(
            lambda incidents: listed <= incidents.keys() and all(i.is_quiet for i in incidents.values()), "quiet"
        )

    async def _listed(self) -> set[str]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            stub = pb_grpc.PagerServiceStub(self.rooms["pager"].channel)
            while True:
                try:
                    answer = await stub.ListIncidents(
                        pb.ListIncidentsRequest(monitored_service_id=self.service), timeout=5, wait_for_ready=True
                    )
                except grpc.aio.AioRpcError:
                    await asyncio.sleep(0.05)
                else:
                    return {incident.incident_id for incident in answer.incidents}

    async def keep_alive(self, name: str, started: asyncio.Event) -> None:
        """What a supervisor does: starts ``name``, and again when it dies."""
        room, died = self.rooms[name], None
        crash = self.crash.environment(self.mark) if self.crash is not None and self.crash.room == name else {}
        while not self.stopping:
            process = room.start(**crash)
            self.processes[name] = process
            await room.until_it_serves(process)
            if died is not None:
                self.faults.append(Fault(f"kill -9 {self.crash}", died, time.time()))
                self.recovered.set()
            started.set()
            await process.died.wait()
            room.serving.clear()
            died, crash_was, crash = time.time(), crash, {}
            if not self.stopping and not (crash_was and self.mark.exists()):
                self.accidents.append(f"{name} ended by itself:\n{room.tail()}")

    async def stop(self) -> None:
        """Asks both rooms to leave, the pager first, once the one that was killed is back."""
        if self.mark.exists():
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self.recovered.wait()
        self.stopping = True
        for name in ("pager", "notifier"):
            await self.processes[name].stop()
            killed_while_leaving = self.mark.exists() and not self.recovered.is_set()
            if '"stopped"' not in self.rooms[name].tail() and not killed_while_leaving:
                self.accidents.append(f"{name} did not leave in good order:\n{self.rooms[name].tail()}")

    async def history(self) -> History:
        """What callers, providers and both databases say; the rooms must have been stopped."""
        pager, notifier = open_database(self.databases["pager"]), open_database(self.databases["notifier"])
        async with pager.begin() as connection:
            mine = text("SELECT incident_id FROM incidents WHERE monitored_service_id = :service")
            keys = await connection.execute(mine, {"service": self.service})
            records = await read_records(connection, [(self.service, row[0]) for row in keys], SEALING)
            bundles = dict(map(tuple, await connection.execute(text("SELECT bundle_id, body FROM bundles"))))
        async with notifier.begin() as connection:
            found = await connection.execute(
                text("SELECT delivery_id, state, attempt_count, doubt_count FROM deliveries")
            )
            lines = [LedgerLine(*row) for row in found]
        await pager.close()
        await notifier.close()
        hand_offs = self.providers.hand_offs(records, bundles, about=self.tag)
        return History(self.calls, hand_offs, self.faults, records, {line.delivery_id: line for line in lines})


def _heard(operation: str, answer: Any) -> dict[str, Any]:
    if answer is None:
        return {}
    changed = {"raise": "opened", "acknowledge": "acknowledged", "healthy": "resolved"}[operation]
    heard = {"incident_id": answer.incident.incident_id, "changed": getattr(answer, changed)}
    return heard | ({"alert_count": answer.alert_count} if operation == "raise" else {})


@asynccontextmanager
async def running_world(
    zygote: Zygote,
    folder: Path,
    databases: dict[str, str],
    providers: Providers,
    policy_target: str,
    crash: Crash | None,
):
    """A world whose two rooms serve and whose timeline is watched."""
    tag = f"{os.getpid() % 100_000:05}{next(_NUMBERS):03}"
    addresses = {"pager": an_address(), "notifier": an_address()}
    environment = os.environ | providers.environment
    environment |= {
        "PAGERD_DATA": str(folder),
        "SSL_CERT_FILE": os.devnull,  # reading all authorities takes longer than the rest of a start; nobody is asked
        "PAGER_CATCH_ALL_EMAIL": f"catch-all.{tag}@example.com",
        "PAGER_ADDRESS_KEYS": ADDRESS_KEY,
        "PAGER_POLICY_TARGET": policy_target,
        "PAGER_NOTIFIER_TARGET": addresses["notifier"],
        **{f"{room.upper()}_LISTEN": address for room, address in addresses.items()},
        **{f"{room.upper()}_DATABASE_URL": url for room, url in databases.items()},
    }
    rooms = {name: Room(zygote, name, at, environment, folder / name) for name, at in addresses.items()}
    world = World(tag, folder, rooms, databases, providers, crash)
    async with AsyncExitStack() as stack:
        for room in rooms.values():
            stack.push_async_callback(room.channel.close)
        started = {name: asyncio.Event() for name in ("notifier", "pager")}
        tasks = [asyncio.create_task(world.keep_alive(name, event)) for name, event in started.items()]
        stack.push_async_callback(_end, tasks, world)
        await _all_or_failure(tasks, *(event.wait() for event in started.values()))
        tasks.append(asyncio.create_task(world.timeline.follow(rooms["pager"])))
        await _all_or_failure(tasks, world.timeline.begun.wait())
        yield world


async def _all_or_failure(tasks: list["asyncio.Task[None]"], *events: Awaitable[Any]) -> None:
    waiting = asyncio.gather(*events)
    done, _ = await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_SECONDS)
    for task in done:
        await task
    assert waiting.done(), "the world does not start"


async def _end(tasks: list["asyncio.Task[None]"], world: World) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for process in world.processes.values():
        process.send(signal.SIGKILL)
        await process.died.wait()


Script = Callable[[World], Awaitable[None]]
