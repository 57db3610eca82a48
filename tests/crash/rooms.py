"""Real processes of the rooms, forked by a zygote, watched through their pidfds."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

ROOT = Path(__file__).parents[2]
PYTHON_PATH = {"PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), str(ROOT)])}
PATIENCE_SECONDS = 60.0
IMPATIENT = (
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 100),
    ("grpc.use_local_subchannel_pool", 1),
)


class Zygote:
    """The process that forks rooms; they die with it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "crash.zygote"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=os.environ | PYTHON_PATH,
            start_new_session=True,  # Ctrl-C is for the tests, which then stop it
        )

    def fork(self, room: str, environment: dict[str, str], log: Path) -> int:
        """The pid of a new process of ``room``."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"room": room, "environment": environment, "log": str(log)}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def stop(self) -> None:
        """Ends it and whatever it forked that still runs."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


class RoomProcess:
    """A process of a room. ``died`` is set when it has ended, however."""

    def __init__(self, pid: int) -> None:
        self.died = asyncio.Event()
        try:
            self._pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._pidfd = -1
            self.died.set()
        else:
            asyncio.get_running_loop().add_reader(self._pidfd, self._noticed)

    def _noticed(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._pidfd = -1
        self.died.set()

    def send(self, number: signal.Signals) -> None:
        if self._pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    async def stop(self) -> None:
        """Asks politely and waits.

        Raises:
            TimeoutError: it does not listen; then it is killed.
        """
        self.send(signal.SIGTERM)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self.died.wait()
        except TimeoutError:
            self.send(signal.SIGKILL)
            await self.died.wait()
            raise


@dataclass
class Room:
    """One room: how it is started, and the channel on which it is called."""

    zygote: Zygote
    name: str
    address: str
    environment: dict[str, str]
    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.channel = grpc.aio.insecure_channel(self.address, options=IMPATIENT)
        self.serving = asyncio.Event()

    @property
    def log(self) -> Path:
        return self.folder.parent / f"{self.name}.log"

    def start(self, **extra: str) -> RoomProcess:
        return RoomProcess(self.zygote.fork(self.name, self.environment | extra, self.log))

    async def until_it_serves(self, process: RoomProcess) -> None:
        """Returns when health says so, or when the process has died instead."""
        stub = health_pb2_grpc.HealthStub(self.channel)
        ended = asyncio.ensure_future(process.died.wait())
        try:
            while not ended.done():
                asked = asyncio.ensure_future(_status(stub))
                await asyncio.wait([asked, ended], return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE_SECONDS)
                if asked.done() and asked.result() == health_pb2.HealthCheckResponse.SERVING:
                    self.serving.set()
                    return
                if not asked.done():
                    asked.cancel()
                    assert ended.done(), f"{self.name} does not serve:\n{self.tail()}"
                await asyncio.sleep(0.01)
        finally:
            ended.cancel()

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text()[-3000:] if self.log.exists() else "no log"


async def _status(stub: health_pb2_grpc.HealthStub) -> int:
    try:
        answer = await stub.Check(health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=PATIENCE_SECONDS)
    except grpc.aio.AioRpcError:
        return health_pb2.HealthCheckResponse.UNKNOWN
    return int(answer.status)
